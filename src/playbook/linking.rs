//! Two records become one: the stages of a merge, as `record::merge` lays them down, and what each does to runs and
//! messages.

use super::input::{Elsewhere, Input, What};
use super::messages::Wanted;
use super::runs::visit_of;
use super::step::{Turn, Upto};
use crate::customer::{ContentKey, RunRef};
use crate::journey::EndReason;
use crate::primitives::{CustomerId, Instant, Key};
use crate::record::{Awaiting, Carried, Cause, CustomerState, Erase, Run, Side, Stage, Standing};

/// Why two records did not become one: each has a user id of its own.
pub(super) const TWO_USERS: &str = "two_users";
/// Why two records did not become one: together they would be of more records than the playbook allows.
const TOO_MANY: &str = "too_many_merges";

/// What another record asks of this one.
pub(super) struct Asked<'a> {
    pub(super) into: CustomerId,
    pub(super) link: u64,
    /// Which side of the link the other one is.
    pub(super) side: Side,
    pub(super) begun: Instant,
    pub(super) standing: &'a Standing,
}

impl Turn<'_> {
    /// This record and another turn out to be one person.
    pub(super) fn link(&mut self, with: CustomerId, then: Carried) {
        if self.state.erased > Instant::MIN && !self.may_link(with, &then) {
            return self.go_on();
        }
        // Known at once, so that a user's record is a user's while it is settled who survives.
        if let Some(user) = then.event.as_ref().and_then(|event| event.user_id.as_ref())
            && self.state.profile.identify(user)
        {
            self.state.segments_due = Instant::MIN;
        }
        if with == self.state.profile.id || self.state.absorbed.contains(&with) {
            return self.act(&then);
        }
        let link = self.name_link(with);
        self.await_link(link);
        let (into, standing) = (self.state.profile.id, self.state.standing());
        self.out.awaits = true;
        let seal = Input::Seal { into, link, side: Side::Asking, begun: self.now, standing, then };
        self.out.forward.push((with, seal));
    }

    /// Another record would have this one become its part.
    pub(super) fn asked_to_seal(&mut self, asked: &Asked<'_>, then: &Carried) {
        let Asked { into, link, side, begun, standing } = *asked;
        if into == self.state.profile.id || self.state.absorbed.contains(&into) {
            return self.released(link, Some(then), None);
        }
        let barred = if self.state.erased > Instant::MIN { self.bars(asked, then) } else { None };
        let ours = self.state.standing();
        let by_event = then.cause == Cause::Event;
        let merges = ours.merges.saturating_add(standing.merges).saturating_add(1);
        let refusal = if barred.is_some() {
            barred
        } else if by_event && ours.is_another_user(standing) {
            Some(TWO_USERS)
        } else {
            (by_event && merges > self.book.identity.most_merges()).then_some(TOO_MANY)
        };
        match (refusal, side) {
            // The event came to the other one, and acts there.
            (Some(why), Side::Asking) => {
                self.settle(link);
                let refused = Some((self.state.profile.id, why));
                let erased = self.state.erased;
                self.out.forward.push((into, Input::Release { link, then: Some(then.clone()), refused, erased }));
                self.go_on();
            }
            (Some(why), Side::Asked) => {
                let erased = self.state.erased;
                self.out.forward.push((into, Input::Release { link, then: None, refused: None, erased }));
                self.released(link, Some(then), Some((into, why)));
            }
            (None, _) if ours.rank < standing.rank => self.seal(into, link, then),
            (None, _) => {
                self.await_link(link);
                let into_ours = self.state.profile.id;
                let side = match side {
                    Side::Asking => Side::Asked,
                    Side::Asked => Side::Asking,
                };
                let seal = Input::Seal { into: into_ours, link, side, begun, standing: ours, then: then.clone() };
                self.out.forward.push((into, seal));
            }
        }
    }

    /// Leaves a record without content that hands everything on, and sends the content to the survivor.
    fn seal(&mut self, into: CustomerId, link: u64, then: &Carried) {
        let mut empty = CustomerState::new(self.state.profile.id, self.now);
        empty.stage = Stage::Moved(into);
        empty.last = self.now;
        // Nothing is left to be evaluated.
        empty.segments_due = Instant::MAX;
        empty.profile.events_seen = self.state.profile.events_seen.clone();
        let held = std::mem::replace(self.state, empty);
        // Memberships go where the customer goes: whoever counts must not count both records.
        for (id, _) in self.book.segments.iter().filter(|(id, _)| inside(&held, id.key().hash())) {
            self.out.notice(self.now, What::SegmentLeft { segment: id.clone() });
        }
        self.out.forward.push((into, Input::Absorb { sealed: Box::new(held), link, then: then.clone() }));
    }

    /// A sealed record's content arrives.
    pub(super) fn absorb(&mut self, sealed: &CustomerState, link: u64, then: &Carried) {
        let record = sealed.profile.id;
        for (id, _) in &self.book.segments {
            let hash = id.key().hash();
            if inside(sealed, hash) && !inside(self.state, hash) {
                self.out.notice(self.now, What::SegmentEntered { segment: id.clone() });
            }
        }
        if let Stage::Awaiting(theirs) = &sealed.stage {
            self.awaiting(|ours| ours.inherit((**theirs).clone()));
        }
        let arms = self.state.profile.arms.clone();
        for (run, stays) in self.state.absorb(sealed.clone(), self.now) {
            self.hand_attempts(&run, stays);
            self.close(run, EndReason::Merged);
        }
        self.join_cascades();
        self.out.notice(self.now, What::Merged { record });
        self.tell_mixed(&arms);
        self.released(link, Some(then), None);
    }

    /// A link is settled.
    pub(super) fn released(&mut self, link: u64, then: Option<&Carried>, refused: Option<(CustomerId, &'static str)>) {
        // The next of the records that an event names is awaited before this one is settled, since an erasure that was asked
        // for takes all of them.
        let next = then.filter(|then| self.is_erased_soon() && !self.is_part(then));
        if let Some(then) = next {
            self.act(then);
        }
        self.settle(link);
        if let Some((record, reason)) = refused {
            self.out.notice(self.now, What::MergeRefused { record, reason });
        }
        match then {
            _ if next.is_some() => self.go_on(),
            Some(then) => self.act(then),
            None => self.go_on(),
        }
    }

    /// Whether an erasure was asked for that waits for links.
    fn is_erased_soon(&self) -> bool {
        matches!(&self.state.stage, Stage::Awaiting(awaiting) if awaiting.erase != Erase::No)
    }

    /// Whether all the further records that an event names are this one.
    fn is_part(&self, then: &Carried) -> bool {
        let ours = |with: &CustomerId| *with == self.state.profile.id || self.state.absorbed.contains(with);
        then.further.iter().all(ours)
    }

    /// What was carried acts: the next of the records that the event names, or the event.
    fn act(&mut self, then: &Carried) {
        let mut further = then.further.iter();
        if let Some(with) = further.next() {
            return self.link(*with, Carried { further: further.copied().collect(), ..then.clone() });
        }
        match &then.event {
            Some(event) => self.event(event),
            None => self.go_on(),
        }
    }

    /// What was held while others were awaited is decided.
    fn go_on(&mut self) {
        if !self.state.awaits() {
            self.fire_due(self.now, Upto::Including);
        }
    }

    /// What is wanted while others are awaited is decided when that is over.
    pub(super) fn hold_all(&mut self) {
        self.make_calls();
        for wanted in std::mem::take(&mut self.wanted) {
            let Wanted { run, message, only, cascade, first } = wanted;
            if let Some(run) = self.state.runs.iter_mut().find(|known| known.id == run) {
                let pending = crate::record::Pending { message, only, cascade, first, retry: self.now };
                run.pending = Some(Box::new(pending));
            }
        }
    }

    /// A name that no other link of this record has had while it matters.
    fn name_link(&self, with: CustomerId) -> u64 {
        let ours = self.state.profile.id;
        let mut name = Key::hash_of(&format!("{ours} {with} {}", self.now.as_millis()));
        if let Stage::Awaiting(awaiting) = &self.state.stage {
            while awaiting.open.contains(&name) || awaiting.settled.contains(&name) {
                name = name.wrapping_add(1);
            }
        }
        name
    }

    fn await_link(&mut self, link: u64) {
        self.awaiting(|awaiting| awaiting.open(link));
    }

    /// Changes which links are awaited; from now on some are.
    pub(super) fn awaiting(&mut self, change: impl FnOnce(&mut Awaiting)) {
        let mut awaiting = match std::mem::take(&mut self.state.stage) {
            Stage::Awaiting(awaiting) => awaiting,
            _ => Box::default(),
        };
        change(&mut awaiting);
        self.state.stage = Stage::Awaiting(awaiting);
    }

    fn settle(&mut self, link: u64) {
        let Stage::Awaiting(awaiting) = &mut self.state.stage else { return };
        awaiting.settle(link);
        if awaiting.open.is_empty() {
            let erase = awaiting.erase;
            self.state.stage = Stage::Live;
            self.state.segments_due = Instant::MIN;
            match erase {
                Erase::No => {}
                Erase::Visitor => self.erase_visitor(self.now),
                Erase::Asked => self.erase(None, self.now),
            }
        }
    }

    /// Another record heard of a device. If this one knows of a later sign of it, or of its end, the other has to let it go.
    pub(super) fn device_taken(&mut self, token: u64, by: CustomerId, at: Instant) {
        let ours = self.state.profile.id;
        // What became one holds it once, and of who was erased nothing is held.
        if by == ours || self.state.absorbed.contains(&by) || self.state.is_erased() {
            return;
        }
        let points = &mut self.state.profile.points;
        match points.heard_of(token) {
            Some(later) if later > at => {
                self.out.forward.push((by, Input::DeviceTaken { token, by: ours, at: later }));
                self.out.elsewhere = Some(Elsewhere::DeviceKept);
            }
            _ if points.drop(token, at) => {
                self.reachability_changed();
                self.out.notice(self.now, What::DeviceTaken { by });
            }
            _ => {}
        }
    }

    /// What a run that ends had handed over counts as attempts of the run that goes on in its place. Both may stand at one
    /// cascade: then no channel is tried twice, and who engaged with either has engaged.
    fn hand_attempts(&mut self, ended: &Run, stays: u64) {
        let Some(stays) = self.state.runs.iter().find(|run| run.id == stays) else { return };
        if stays.place.step != ended.place.step {
            return;
        }
        let (from, to) = (visit_of(ended), visit_of(stays));
        self.readdress(|asked| asked.visit == from, to);
    }

    /// Of two cascades of one content the one begun first goes on with the attempts of both; of the other nothing that is
    /// not claimed goes out, and its further attempts are duplicates.
    fn join_cascades(&mut self) {
        let mut living: Vec<(ContentKey, Instant, u64)> = Vec::new();
        for contact in self.state.profile.contacts.iter().filter(|contact| contact.cascading) {
            let Some(asked) = &contact.run else { continue };
            let lives = self.state.runs.iter().any(|run| visit_of(run) == asked.visit);
            match living.iter_mut().find(|(_, _, visit)| *visit == asked.visit) {
                _ if !lives => {}
                Some((_, begun, _)) => *begun = contact.decided.min(*begun),
                None => living.push((contact.content, contact.decided, asked.visit)),
            }
        }
        living.sort_unstable_by_key(|(content, begun, visit)| (content.as_u64(), *begun, *visit));
        let mut first: Option<(ContentKey, u64)> = None;
        for (content, _, visit) in living {
            match first {
                Some((same, to)) if same == content => {
                    let run = self.state.runs.iter().find(|run| visit_of(run) == visit).map(|run| run.id);
                    run.into_iter().for_each(|run| self.cancel(run, "merged"));
                    self.readdress(|asked| asked.visit == visit, to);
                }
                _ => first = Some((content, visit)),
            }
        }
    }

    /// The message keeps the run that asked for it, which alone hears what the channel answers.
    fn readdress(&mut self, which: impl Fn(&RunRef) -> bool, visit: u64) {
        let claimed = self.state.profile.contacts.iter_mut().filter(|contact| contact.claims_made());
        for asked in claimed.filter_map(|contact| contact.run.as_mut()).filter(|asked| which(asked)) {
            asked.visit = visit;
        }
    }
}

fn inside(state: &CustomerState, segment: u64) -> bool {
    state.profile.memberships.contains(segment)
}
