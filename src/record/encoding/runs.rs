//! Where a customer stands: runs of journeys, and what they hold.

use super::read::{Reader, Result};
use super::write::Writer;
use crate::journey::{Occasion, Place};
use crate::primitives::{ChannelId, Fields, MessageId};
use crate::record::{Hold, Pending, Run, Timer};

impl<'a> Writer<'a> {
    pub(super) fn run(&mut self, run: &'a Run) {
        let place = &run.place;
        self.flags([
            run.key.is_some(),
            run.about.is_some(),
            run.wake.is_some(),
            !run.data.is_empty(),
            run.pending.is_some(),
            place.awaiting,
            place.note.is_some(),
        ]);
        self.text(run.journey.as_str());
        self.number(run.version);
        self.hash(run.id);
        run.key.iter().for_each(|key| self.text(key));
        run.about.into_iter().for_each(|about| self.hash(about));
        self.instant(run.began);
        self.number(place.step);
        self.number(place.visit);
        self.number(place.attempt);
        self.instant(place.since);
        place.note.iter().for_each(|note| self.text(note));
        run.wake.into_iter().for_each(|wake| self.instant(wake));
        if !run.data.is_empty() {
            self.fields(&run.data, 0);
        }
        self.number(run.sent);
        if let Some(pending) = &run.pending {
            self.pending(pending);
        }
    }

    fn pending(&mut self, pending: &'a Pending) {
        self.flags([pending.only.is_some(), pending.cascade.is_some()]);
        self.text(pending.message.as_str());
        if let Some(only) = &pending.only {
            self.count(only.len());
            only.iter().for_each(|channel| self.text(channel.as_str()));
        }
        if let Some(cascade) = &pending.cascade {
            self.count(cascade.len());
            cascade.iter().for_each(|how| self.code(*how));
        }
        self.instant(pending.first);
        self.instant(pending.retry);
    }

    pub(super) fn hold(&mut self, hold: &Hold) {
        self.flags([hold.about.is_some()]);
        self.hash(hold.journey);
        self.hash(hold.key);
        self.hash(hold.run);
        hold.about.into_iter().for_each(|about| self.hash(about));
        self.instant(hold.began);
        self.instant(hold.ended);
        self.span(hold.after);
    }

    pub(super) fn timer(&mut self, timer: &Timer) {
        self.flags([timer.done.is_some(), timer.next.is_some()]);
        self.hash(timer.journey);
        timer.done.into_iter().for_each(|date| self.signed(date));
        if let Some(next) = timer.next {
            self.signed(next.date.wrapping_sub(timer.done.unwrap_or_default()));
            self.instant(next.at);
        }
    }
}

impl Reader<'_> {
    pub(super) fn runs(&mut self) -> Result<Vec<Run>> {
        self.list(10, Self::run)
    }

    fn run(&mut self) -> Result<Run> {
        let [key, about, wake, data, pending, awaiting, note] = self.flags()?;
        let (journey, version, id) = (self.journey()?, self.number()?, self.hash()?);
        let key = key.then(|| self.text()).transpose()?;
        let about = about.then(|| self.hash()).transpose()?;
        let began = self.instant()?;
        let (step, visit, attempt) = (self.number()?, self.number()?, self.number()?);
        let since = self.instant()?;
        let note = if note { Some(Box::from(&*self.text()?)) } else { None };
        Ok(Run {
            journey,
            version,
            id,
            key,
            about,
            began,
            place: Place { step, visit, since, attempt, awaiting, note },
            wake: wake.then(|| self.instant()).transpose()?,
            data: if data { self.fields(0)? } else { Fields::new() },
            sent: self.number()?,
            pending: if pending { Some(Box::new(self.pending()?)) } else { None },
        })
    }

    fn pending(&mut self) -> Result<Pending> {
        let [only, cascade] = self.flags()?;
        Ok(Pending {
            message: MessageId::new(self.text()?),
            only: only.then(|| self.list(1, |from| Ok(ChannelId::new(from.text()?)))).transpose()?.map(Into::into),
            cascade: cascade.then(|| self.list(1, Self::code)).transpose()?.map(Into::into),
            first: self.instant()?,
            retry: self.instant()?,
        })
    }

    pub(super) fn timer(&mut self) -> Result<Timer> {
        let [done, next] = self.flags()?;
        let journey = self.hash()?;
        let done = done.then(|| self.signed()).transpose()?;
        let mut occasion = || {
            let date = done.unwrap_or_default().wrapping_add(self.signed()?);
            Ok(Occasion { date, at: self.instant()? })
        };
        let next = if next { Some(occasion()?) } else { None };
        Ok(Timer { journey, done, next })
    }

    pub(super) fn holds(&mut self) -> Result<Vec<Hold>> {
        self.list(7, |from| {
            let [about] = from.flags()?;
            Ok(Hold {
                journey: from.hash()?,
                key: from.hash()?,
                run: from.hash()?,
                about: about.then(|| from.hash()).transpose()?,
                began: from.instant()?,
                ended: from.instant()?,
                after: from.span()?,
            })
        })
    }
}
