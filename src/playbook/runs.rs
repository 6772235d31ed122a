//! Runs: begun by admissions, moved by signals, ended for one reason.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::input::{RunNamed, What};
use super::messages::Wanted;
use super::step::{MOST_TRANSITIONS, Turn};
use crate::customer::{Contact, RunRef, Status};
use crate::journey::{Act, Admission, Advance, EndReason, Entry, Journey, News, RunView, Signal, Stuck};
use crate::primitives::{IdempotencyKey, Instant, Key, Span};
use crate::record::{Hold, Run};

/// For how long after a run's end events about the same thing still belong to it rather than to an earlier run.
const ABOUT_HELD: Span = Span::days(30);

impl<'a> Turn<'a> {
    /// Signals every living run of these journeys.
    pub(super) fn signal_runs(&mut self, journeys: &[u16], signal: &Signal<'_>) {
        if self.state.runs.is_empty() || journeys.is_empty() {
            return;
        }
        let ids: Vec<u64> = self
            .state
            .runs
            .iter()
            .filter(|run| self.position(run).is_some_and(|position| journeys.contains(&position)))
            .map(|run| run.id)
            .collect();
        ids.into_iter().for_each(|id| self.signal(id, signal));
    }

    /// Signals every living run.
    pub(super) fn signal_all(&mut self, signal: &Signal<'_>) {
        let ids: Vec<u64> = self.state.runs.iter().map(|run| run.id).collect();
        ids.into_iter().for_each(|id| self.signal(id, signal));
    }

    /// Signals the run that asked for a message, if it still is at that visit of that step. Engagement is news to the run
    /// whose attempt the message has become by a merge (promise 2.3).
    pub(super) fn tell(&mut self, asked: &RunRef, signal: &Signal<'_>) {
        let engaged = matches!(signal, Signal::Message(News::Engaged { .. }));
        let there = |run: &&Run| visit_of(run) == asked.visit && (engaged || run.id == asked.run);
        if let Some(run) = self.state.runs.iter().find(there).map(|run| run.id) {
            self.signal(run, signal);
        }
    }

    /// Tells a run what became of its message, if that is the one it asked for last: from any other it has gone on.
    pub(super) fn tell_of(&mut self, id: IdempotencyKey, news: News<'_>) {
        let contacts = &self.state.profile.contacts;
        let Some(asked) = contacts.get(id).and_then(|contact| contact.run.clone()) else { return };
        let same = |contact: &&Contact| contact.run.as_ref().is_some_and(|run| run.visit == asked.visit);
        let last = contacts.iter().rev().find(same).is_some_and(|contact| contact.id == id);
        let asks = self.wanted.iter().any(|wanted| wanted.run == asked.run)
            || self.state.runs.iter().any(|run| run.id == asked.run && run.pending.is_some());
        if last && !asks {
            self.tell(&asked, &Signal::Message(news));
        }
    }

    /// Wakes the runs whose time has come, in the order in which they began.
    pub(super) fn wake_runs(&mut self, due: Instant) {
        let ids: Vec<u64> = self.state.runs.iter().filter(|run| run.due() <= due).map(|run| run.id).collect();
        for id in ids {
            let Some(run) = self.state.runs.iter_mut().find(|run| run.id == id) else { continue };
            let retry = run.pending.take_if(|pending| pending.retry <= due);
            if let Some(pending) = retry {
                self.wanted.push(Wanted::again(id, *pending));
                continue;
            }
            if let Some(at) = run.wake.filter(|wake| *wake <= due) {
                self.signal(id, &Signal::Due { at });
            }
        }
    }

    /// A journey that asks to be woken at once, for ever, is stopped.
    pub(super) fn end_runaways(&mut self, due: Instant) {
        let ids: Vec<u64> = self.state.runs.iter().filter(|run| run.due() <= due).map(|run| run.id).collect();
        ids.into_iter().for_each(|id| self.end(id, EndReason::Runaway));
    }

    fn position(&self, run: &Run) -> Option<u16> {
        self.book.by_journey.get(&(run.journey.key().hash(), run.version)).copied()
    }

    fn journey(&self, run: &Run) -> Option<&'a dyn Journey> {
        self.book.journeys.get(usize::from(self.position(run)?)).map(|journey| &**journey)
    }

    pub(super) fn signal(&mut self, id: u64, signal: &Signal<'_>) {
        let Some(index) = self.state.runs.iter().position(|run| run.id == id) else { return };
        let Some(run) = self.state.runs.get(index) else { return };
        let Some(journey) = self.journey(run) else {
            let missing = format!("version {} of the journey is not in the playbook", run.version);
            return self.end(id, EndReason::Stuck(missing));
        };
        self.transitions += 1;
        if self.transitions > MOST_TRANSITIONS {
            return self.end(id, EndReason::Runaway);
        }
        let latest = match signal {
            Signal::Event { at, .. } if run.about.is_some() => {
                self.state.is_latest(run.journey.key().hash(), run.about, run.id, *at)
            }
            _ => true,
        };
        let view = RunView {
            place: &run.place,
            began: run.began,
            key: run.key.as_deref(),
            about: run.about,
            data: &run.data,
            latest,
        };
        // Host code gets `&` and returns a value: a panic in it ends this run and leaves the record whole.
        let advance = || journey.advance(&view, signal, &self.state.profile, self.now);
        match catch_unwind(AssertUnwindSafe(advance)) {
            Ok(Ok(advance)) => self.apply(index, journey, advance),
            Ok(Err(Stuck(why))) => self.end(id, EndReason::Stuck(why)),
            Err(_) => self.end(id, EndReason::Stuck("the journey panicked".to_owned())),
        }
    }

    fn apply(&mut self, index: usize, journey: &dyn Journey, advance: Advance) {
        let Some(run) = self.state.runs.get_mut(index) else { return };
        let id = run.id;
        run.wake = advance.wake;
        if let Some(place) = advance.place {
            let arrived = place.visit != run.place.visit;
            run.place = place;
            run.pending = None;
            if arrived && self.around.explain {
                let step = Arc::from(journey.step_name(run.place.step));
                self.out.notice(self.now, What::Step { run: named(run), step });
            }
        }
        for act in advance.acts {
            let Some(run) = self.state.runs.iter().find(|run| run.id == id) else { return };
            match act {
                Act::Message { message, only, cascade } => {
                    // Asked for again after a refusal, it keeps its deadline (promise 10.3); a further attempt of a
                    // cascade has its own.
                    let visit = visit_of(run);
                    let before = self
                        .state
                        .profile
                        .contacts
                        .iter()
                        .filter(|_| cascade.is_none())
                        .find(|contact| contact.run.as_ref().is_some_and(|asked| asked.visit == visit));
                    let valid = self.book.message(&message).map(|message| message.deadline);
                    let first = before.zip(valid).map_or(self.now, |(contact, valid)| contact.deadline - valid);
                    // The attempt before this one had its time.
                    if cascade.is_some() {
                        self.withdraw(id);
                    }
                    self.wanted.push(Wanted::first(id, message, only, cascade, first));
                }
                Act::Engaged { how, at } => {
                    let visit = visit_of(run);
                    let latest = self
                        .state
                        .profile
                        .contacts
                        .latest(at, |contact| contact.run.as_ref().is_some_and(|run| run.visit == visit));
                    // The run knows already; only the contact and the learning are told.
                    if let Some(envelope) = latest.map(|contact| contact.id) {
                        self.engaged(envelope, how, at);
                        self.reachability_changed();
                    }
                }
                Act::CascadeOver => self.cascade_over(id),
                Act::Withdraw => self.withdraw(id),
                Act::Update { attribute, value } => {
                    self.state.profile.attributes.set(&attribute, value, self.now);
                    self.ask_again_soon(&attribute);
                    self.move_timers_by(&attribute);
                }
                Act::Goal { .. } => {
                    let before_any_message = run.sent == 0;
                    let what = What::Goal { run: named(run), before_any_message };
                    self.out.notice(self.now, what);
                }
                Act::End(reason) => self.end(id, reason),
            }
        }
    }

    /// The cascade of a run is over: nothing unclaimed of it goes out, and its content keys are let go.
    fn cascade_over(&mut self, run: u64) {
        for contact in self.state.profile.contacts.iter_mut() {
            if contact.cascading && contact.run.as_ref().is_some_and(|asked| asked.run == run) {
                contact.cascading = false;
            }
        }
        self.cancel(run, "cascade_over");
    }

    /// Nothing of a run is wanted any more: what is being handed over is not tried again if it fails (promise 6.6), nor by
    /// those devices that did not get what others have.
    fn withdraw(&mut self, run: u64) {
        let of_run = |contact: &Contact| contact.run.as_ref().is_some_and(|asked| asked.run == run);
        self.try_no_more(of_run);
        self.withdraw_queued(|contact| of_run(contact) && contact.status == Status::Accepted, "withdrawn");
    }

    /// What is being handed over of some messages is not tried again if it fails.
    pub(super) fn try_no_more(&mut self, which: impl Fn(&Contact) -> bool) {
        let now = self.now;
        for contact in self.state.profile.contacts.iter_mut().filter(|contact| which(contact)) {
            if contact.envelopes().any(|(_, known)| matches!(known.status, Status::InFlight { .. })) {
                contact.deadline = contact.deadline.min(now);
            }
        }
    }

    /// Withdraws what a run has not handed over. A further device still gets what others have.
    pub(super) fn cancel(&mut self, run: u64, why: &'static str) {
        let of_run = |contact: &Contact| contact.run.as_ref().is_some_and(|asked| asked.run == run);
        self.withdraw_queued(|contact| of_run(contact) && contact.status != Status::Accepted, why);
    }

    pub(super) fn end(&mut self, id: u64, reason: EndReason) {
        if let Some(index) = self.state.runs.iter().position(|run| run.id == id) {
            let run = self.state.runs.remove(index);
            self.close(run, reason);
        }
    }

    /// Everything that the end of a run implies.
    pub(super) fn close(&mut self, run: Run, reason: EndReason) {
        self.wanted.retain(|wanted| wanted.run != run.id);
        if reason != EndReason::Completed {
            self.withdraw(run.id);
        }
        self.cascade_over(run.id);
        for hold in self.state.holds.iter_mut().filter(|hold| hold.run == run.id) {
            hold.ended = self.now;
        }
        self.out.notice(self.now, What::RunEnded { run: named(&run), reason });
    }

    /// Lets these journeys admit a run upon a signal.
    pub(super) fn enter(&mut self, journeys: &[u16], signal: &Signal<'_>, trigger: Option<&str>) {
        for position in journeys {
            let newest = self.book.newest.get(usize::from(*position)) == Some(&true);
            let Some(journey) = self.book.journeys.get(usize::from(*position)).filter(|_| newest) else { continue };
            let admit = || journey.admit(signal, &self.state.profile, self.now);
            let Some(admission) = catch_unwind(AssertUnwindSafe(admit)).unwrap_or_default() else { continue };
            match self.refusal(&**journey, &admission) {
                Ok(None) => self.begin(&**journey, admission, trigger),
                Ok(Some(run)) => self.restart(run, admission),
                Err(reason) => {
                    self.out.notice(self.now, What::NotBegun { journey: journey.id().clone(), reason });
                }
            }
        }
    }

    /// Whether the entry policy lets a run begin (`None`), set one back (its id), or neither.
    fn refusal(&self, journey: &dyn Journey, admission: &Admission) -> Result<Option<u64>, &'static str> {
        if let Some(reason) = admission.refused {
            return Err(reason);
        }
        let live = self.state.runs.iter().find(|run| run.journey == *journey.id() && run.key == admission.key);
        match (admission.entry, live) {
            (Entry::Restart, Some(run)) if run.sent == 0 => return Ok(Some(run.id)),
            (_, Some(_)) => return Err("running"),
            (Entry::AfterEnd | Entry::Restart, None) => return Ok(None),
            (Entry::Once | Entry::Cooldown(_) | Entry::Keyed(_), None) => {}
        }
        let held_for = match admission.entry {
            Entry::Cooldown(span) | Entry::Keyed(span) => span,
            _ => Span::MAX,
        };
        let (journey, key) = (journey.id().key().hash(), key_hash(admission));
        let held = self
            .state
            .holds
            .iter()
            .any(|hold| hold.journey == journey && hold.key == key && hold.ended + held_for > self.now);
        if held { Err("entered_before") } else { Ok(None) }
    }

    fn begin(&mut self, journey: &dyn Journey, admission: Admission, trigger: Option<&str>) {
        let customer = self.state.profile.id;
        let key = key_hash(&admission);
        let mut id = mix([
            customer.as_u128() as u64,
            (customer.as_u128() >> 64) as u64,
            journey.id().key().hash(),
            key,
            admission.began.as_millis() as u64,
            trigger.map_or(0, Key::hash_of),
        ]);
        // Two triggers without an id at one instant begin two runs: what the first sent is not the second's.
        while self.is_named(id) {
            id = mix([id, 0, 0, 0, 0, 0]);
        }
        let after = match admission.entry {
            Entry::Once => Some(Span::MAX),
            Entry::Cooldown(span) | Entry::Keyed(span) => Some(span),
            Entry::AfterEnd | Entry::Restart => None,
        };
        let about = admission.about;
        let after = if about.is_some() { Some(after.unwrap_or(Span::ZERO).max(ABOUT_HELD)) } else { after };
        // Whoever had a run is not taken in as a present member later (promise 6.8): the first is remembered for good.
        let first = journey.enrols().is_some() && !self.ever_began(journey.id());
        let after = if first { Some(Span::MAX) } else { after };
        if let Some(after) = after {
            let now = self.now;
            self.state.holds.retain(|hold| hold.ended + hold.after > now);
            self.state.holds.reserve_exact(1);
            self.state.holds.push(Hold {
                journey: journey.id().key().hash(),
                key,
                about,
                run: id,
                began: admission.began,
                ended: Instant::MAX,
                after,
            });
        }
        let run = Run {
            journey: journey.id().clone(),
            version: journey.version(),
            id,
            key: admission.key,
            about,
            began: admission.began,
            place: crate::journey::Place::default(),
            wake: None,
            data: admission.data,
            sent: 0,
            pending: None,
        };
        self.out.notice(self.now, What::RunBegun(named(&run)));
        self.state.runs.reserve_exact(1);
        self.state.runs.push(run);
        self.signal(id, &Signal::Begun);
    }

    /// Whether a run, living or remembered, has this name.
    fn is_named(&self, id: u64) -> bool {
        let state = &self.state;
        state.runs.iter().any(|run| run.id == id)
            || state.holds.iter().any(|hold| hold.run == id)
            || state.profile.contacts.iter().any(|contact| contact.run.as_ref().is_some_and(|asked| asked.run == id))
    }

    /// A debounce: the run begins anew with the latest trigger (promise 6.3).
    fn restart(&mut self, id: u64, admission: Admission) {
        let Some(run) = self.state.runs.iter_mut().find(|run| run.id == id) else { return };
        let visit = run.place.visit;
        run.began = admission.began;
        run.about = admission.about;
        run.data = admission.data;
        run.place = crate::journey::Place { visit, ..Default::default() };
        run.pending = None;
        run.wake = None;
        let named = named(run);
        self.wanted.retain(|wanted| wanted.run != id);
        for hold in self.state.holds.iter_mut().filter(|hold| hold.run == id) {
            hold.began = admission.began;
            hold.about = admission.about;
        }
        self.out.notice(self.now, What::RunRestarted(named));
        self.signal(id, &Signal::Begun);
    }
}

pub(super) fn named(run: &Run) -> RunNamed {
    RunNamed { journey: run.journey.clone(), version: run.version, run: run.id, key: run.key.clone() }
}

/// Names the present visit of the present step of a run: attempts of one cascade share it.
pub(super) fn visit_of(run: &Run) -> u64 {
    mix([run.id, run.place.step.into(), run.place.visit.into(), 0, 0, 0])
}

fn key_hash(admission: &Admission) -> u64 {
    admission.key.as_deref().map_or(0, Key::hash_of)
}

/// A stable hash of numbers.
fn mix(parts: [u64; 6]) -> u64 {
    let mut bytes = [0; 48];
    for (place, part) in bytes.chunks_exact_mut(8).zip(parts) {
        place.copy_from_slice(&part.to_le_bytes());
    }
    xxhash_rust::xxh3::xxh3_64(&bytes)
}
