//! Journeys change while runs are under way: they are paused and resumed, and their runs moved to newer versions (promise 6.7).

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Playbook;
use super::input::What;
use super::runs::{named, visit_of};
use super::step::Turn;
use crate::customer::{Contact, Status};
use crate::journey::{Act, EndReason, Ending, Migration, News, Place, Signal};
use crate::primitives::{IdempotencyKey, Instant, JourneyId};
use crate::record::{CustomerState, Run};

impl Playbook {
    /// Whether a journey is paused.
    pub(super) fn is_paused(&self, journey: &JourneyId) -> bool {
        !self.paused.is_empty() && self.paused.contains(&journey.key().hash())
    }

    /// Whether a record's runs are not as this playbook would have them: paused, resumed, moved to a newer version.
    pub(crate) fn is_behind(&self, record: &CustomerState) -> bool {
        if !record.paused && self.paused.is_empty() && self.migrations.is_empty() {
            return false;
        }
        record.runs.iter().any(|run| self.would_change(run))
            || record.profile.contacts.iter().any(|contact| self.would_release(contact))
    }

    fn would_change(&self, run: &Run) -> bool {
        let paused = self.is_paused(&run.journey);
        paused != run.paused.is_some() || (!paused && self.migration(run).is_some())
    }

    /// Whether a message is held back although its journey is not paused.
    fn would_release(&self, contact: &Contact) -> bool {
        contact.run.as_ref().is_none_or(|asked| !self.is_paused(&asked.journey))
            && contact.envelopes().any(|(_, known)| is_held_back(known.status))
    }

    /// In which version a run goes on that is not to stay in its own, and where.
    fn migration(&self, run: &Run) -> Option<(u32, Migration)> {
        self.migration_of(&run.journey, run.version, run.place.step)
    }

    pub(super) fn migration_of(&self, journey: &JourneyId, version: u32, step: u32) -> Option<(u32, Migration)> {
        let position = self.migrations.get(&(journey.key().hash(), version))?;
        let newer = self.journeys.get(usize::from(*position))?;
        let to = catch_unwind(AssertUnwindSafe(|| newer.migrate(version, step))).unwrap_or_default()?;
        Some((newer.version(), to))
    }
}

impl Turn<'_> {
    /// Brings the runs to where the playbook has them. What fell due in a pause goes on in the order in which it did.
    pub(super) fn keep_up(&mut self) {
        if !self.book.is_behind(self.state) {
            return;
        }
        let behind = self.state.runs.iter().filter(|run| self.book.would_change(run));
        let mut behind: Vec<(Instant, u64)> = behind.map(|run| (run.goes_on(), run.id)).collect();
        behind.sort_by_key(|(due, _)| *due);
        for (_, id) in behind {
            let Some(run) = self.state.runs.iter().find(|run| run.id == id) else { continue };
            if self.book.is_paused(&run.journey) { self.pause(id) } else { self.take_up(id) }
        }
        self.release();
        let contacts = &self.state.profile.contacts;
        self.state.paused = self.state.runs.iter().any(|run| run.paused.is_some())
            || contacts.iter().any(|contact| contact.envelopes().any(|(_, known)| is_held_back(known.status)));
    }

    fn pause(&mut self, id: u64) {
        let now = self.now;
        let Some(index) = self.state.runs.iter().position(|run| run.id == id) else { return };
        self.hear_paused(index, &Signal::Due { at: now });
    }

    /// A run hears of something while its journey is paused: only what ends it wherever it stands counts (promise 6.6). An
    /// engagement that the shop's own event tells is kept with the message, and a digest goes on gathering.
    pub(super) fn hear_paused(&mut self, index: usize, signal: &Signal<'_>) {
        let Some(run) = self.state.runs.get(index) else { return };
        let id = run.id;
        let mut ending = Ending::default();
        let mut heard = Vec::new();
        let journey = self.journey(run);
        if let Some(journey) = journey {
            let view = self.view(run, signal);
            let (who, now) = (&self.state.profile, self.now);
            let exits = || journey.exits(&view, signal, who, now);
            ending = catch_unwind(AssertUnwindSafe(exits)).unwrap_or_default();
            if let (Signal::Event { .. } | Signal::Gathered { .. }, None) = (signal, &ending.over) {
                let advance = || journey.advance(&view, signal, who, now);
                let acts =
                    catch_unwind(AssertUnwindSafe(advance)).ok().and_then(Result::ok).map(|advance| advance.acts);
                heard = acts.unwrap_or_default();
                heard.retain(|act| match act {
                    Act::Engaged { .. } | Act::Withdraw | Act::Keep { .. } => true,
                    // A digest of which nothing is left.
                    Act::End(reason) => *reason == EndReason::Exited,
                    _ => false,
                });
            }
        }
        if let Some(reason) = ending.over {
            let goal = match (&reason, signal) {
                (EndReason::Goal, Signal::Event { at, .. }) => Some(Act::Goal { at: *at }),
                _ => None,
            };
            let acts = goal.into_iter().chain([Act::End(reason)]).collect();
            return self.do_acts(id, acts);
        }
        let now = self.now;
        if let Some(run) = self.state.runs.get_mut(index) {
            run.paused = Some(ending.until.filter(|until| *until > now).unwrap_or(Instant::MAX));
            self.state.paused = true;
        }
        self.do_acts(id, heard);
    }

    /// A run that may go on: in a newer version if that takes it over, after a pause with all that it has not heard.
    fn take_up(&mut self, id: u64) {
        let Some(run) = self.state.runs.iter_mut().find(|run| run.id == id) else { return };
        let paused = run.paused.take().is_some();
        let Some(signal) = self.migrate(id).or(paused.then_some(Signal::Resumed)) else { return };
        self.signal(id, &signal);
        self.hear_answer(id);
        self.tell_late(id);
    }

    /// Moves a run on through the versions that take it over. Answers what it is to hear of that; nothing if it has ended,
    /// or was not moved.
    fn migrate(&mut self, id: u64) -> Option<Signal<'static>> {
        let mut signal = None;
        while let Some(run) = self.state.runs.iter_mut().find(|run| run.id == id)
            && let Some((version, to)) = self.book.migration(run).filter(|(version, _)| *version > run.version)
        {
            let (from, before) = (run.version, visit_of(run));
            run.version = version;
            let step = match to {
                Migration::Ends => {
                    self.end(id, EndReason::Migrated);
                    return None;
                }
                Migration::Stays(step) => {
                    run.place.step = step;
                    let after = visit_of(run);
                    self.take_along(before, after);
                    signal = signal.or(Some(Signal::Resumed));
                    step
                }
                Migration::Begins(step) => {
                    run.place = Place { step, visit: run.place.visit, since: run.place.since, ..Place::default() };
                    run.pending = None;
                    run.wake = None;
                    let left = run.calling.take();
                    self.withdraw_call(left, "migrated");
                    self.wanted.retain(|wanted| wanted.run != id);
                    self.calls.retain(|wanted| wanted.run != id);
                    self.cancel(id, "migrated");
                    self.withdraw(id);
                    self.cascade_over(id);
                    signal = Some(Signal::Arrived);
                    step
                }
            };
            let run = self.state.runs.iter().find(|run| run.id == id)?;
            let step = self.journey(run).map_or("", |journey| journey.step_name(step)).into();
            self.out.notice(self.now, What::RunMigrated { run: named(run), from, step });
        }
        signal
    }

    /// What a visit of a step asked for is asked for by that visit under its new name: the answers find the run.
    fn take_along(&mut self, before: u64, after: u64) {
        let asked = self.state.profile.contacts.iter_mut().filter_map(|contact| contact.run.as_mut());
        asked.filter(|asked| asked.visit == before).for_each(|asked| asked.visit = after);
    }

    /// Tells a run what became of the message that it asked for: it did not hear of it in a pause, and the step that it is at
    /// may make something else of it. Hearing it twice does nothing.
    fn tell_late(&mut self, id: u64) {
        let Some(visit) = self.state.runs.iter().find(|run| run.id == id).map(visit_of) else { return };
        let of_visit = |contact: &&Contact| contact.run.as_ref().is_some_and(|asked| asked.visit == visit);
        let contacts = &self.state.profile.contacts;
        let engaged: Vec<_> = contacts.iter().filter(of_visit).filter_map(|contact| contact.engaged).collect();
        let last =
            contacts.iter().rev().find(of_visit).and_then(|contact| Some((contact.id, outcome(contact, self.now)?)));
        for (how, at) in engaged {
            let still = self.state.runs.iter().any(|run| run.id == id && visit_of(run) == visit);
            if still {
                self.signal(id, &Signal::Message(News::Engaged { how, at }));
            }
        }
        if let Some((of, news)) = last {
            self.tell_of(of, news);
        }
    }

    /// Whether an envelope that is due is to wait because its journey is paused: it is held back until that is over.
    pub(super) fn waits_for_pause(&mut self, id: IdempotencyKey) -> bool {
        let contact = self.state.profile.contacts.get(id);
        let asked = contact.and_then(|contact| contact.run.as_ref());
        let held = asked.is_some_and(|asked| self.book.is_paused(&asked.journey));
        if held {
            self.state.paused = true;
            self.put_off(id, Instant::MAX);
        }
        held
    }

    /// What was held back is due again.
    fn release(&mut self) {
        let contacts = self.state.profile.contacts.iter().filter(|contact| self.book.would_release(contact));
        let held = contacts.flat_map(Contact::envelopes).filter(|(_, known)| is_held_back(known.status));
        let held: Vec<IdempotencyKey> = held.map(|(id, _)| id).collect();
        held.into_iter().for_each(|id| self.put_off(id, self.now));
    }

    fn put_off(&mut self, id: IdempotencyKey, due: Instant) {
        let contact = self.state.profile.contacts.get(id);
        if let Some(mut hand_over) = contact.and_then(|contact| contact.hand_over(id)) {
            hand_over.status = Status::Queued { due };
            self.put(id, hand_over, "");
        }
    }
}

fn is_held_back(status: Status) -> bool {
    status == Status::Queued { due: Instant::MAX }
}

/// What a run would have been told of its message; `None` while it is being handed over.
fn outcome(contact: &Contact, now: Instant) -> Option<News<'static>> {
    let last = contact.claims.map_or(now, |(_, last)| last);
    let at = contact.taken().unwrap_or(now);
    match contact.status {
        Status::InFlight { .. } => None,
        Status::Queued { due } => Some(News::Retried { due }),
        Status::Accepted if contact.due().is_some() => Some(News::Taken { at }),
        Status::Accepted => Some(News::Accepted { at }),
        Status::HeldOut => Some(News::Accepted { at: contact.decided }),
        Status::Parked => Some(News::Parked { at: last }),
        Status::Bounced => Some(News::Bounced),
        _ => Some(News::Refused),
    }
}
