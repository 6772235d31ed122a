//! Where a customer stands: runs of journeys, and what they hold.

use super::read::{Reader, Result};
use super::write::Writer;
use crate::journey::{Place, SplitArm, Splits};
use crate::primitives::{ChannelId, Fields, MessageId};
use crate::record::{Hold, Pending, Run};

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
            false,
            run.arm.is_some(),
            !run.splits.is_empty(),
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
        run.arm.into_iter().for_each(|arm| self.code(arm));
        if !run.splits.is_empty() {
            self.count(run.splits.iter().len());
            for drawn in run.splits.iter() {
                self.hash(drawn.step);
                self.number(drawn.arm);
            }
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
}

impl Reader<'_> {
    pub(super) fn runs(&mut self) -> Result<Vec<Run>> {
        self.list(10, Self::run)
    }

    fn run(&mut self) -> Result<Run> {
        let at = self.at();
        let [key, about, wake, data, pending, awaiting, note, unknown, arm, splits] = self.flags()?;
        if unknown {
            return self.expected(at, "flags of this format");
        }
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
            arm: arm.then(|| self.code()).transpose()?,
            splits: if splits { Splits::from_list(self.list(2, Self::split)?) } else { Splits::default() },
        })
    }

    fn split(&mut self) -> Result<SplitArm> {
        Ok(SplitArm { step: self.hash()?, arm: self.number()? })
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
