//! What a new playbook would take away from runs that are under way (promise 6.7).

use std::collections::BTreeMap;
use std::fmt;

use super::Playbook;
use crate::customer::Contact;
use crate::journey::Migration;
use crate::primitives::{ChannelId, EffectId, JourneyId, MessageId, SegmentId};
use crate::record::{CustomerState, Run};

/// The runs that live, counted over all records before another playbook is used, and what of it they would lack.
///
/// [`Engine::check`](crate::Engine::check) counts for those who let the engine own their store; [`count`](Self::count) takes
/// one record at a time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LiveRuns {
    runs: BTreeMap<(JourneyId, u32), u64>,
    lacking: BTreeMap<(JourneyId, u32, Lack), u64>,
}

/// What runs need and a playbook does not have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Lack {
    /// The whole journey.
    Journey,
    /// Their version of it.
    Version,
    /// The step at which they stand, in their version.
    Step(String),
    /// A message that is decided but not handed over.
    Message(MessageId),
    /// A channel of such a message.
    Channel(ChannelId),
    /// An effect that is called and not answered.
    Effect(EffectId),
    /// A segment that the journey, a host's own, names.
    Segment(SegmentId),
}

/// Runs that would lack something.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LackingRuns {
    /// Of this journey.
    pub journey: JourneyId,
    /// Which began with this version.
    pub version: u32,
    /// What they need.
    pub lack: Lack,
    /// How many there are.
    pub runs: u64,
}

/// A playbook lacks what live runs need: used all the same, it would end them as `stuck`, or skip their messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking(Vec<LackingRuns>);

impl LiveRuns {
    /// Counts the runs of one record, which stand as the playbook `now` has them, and what `next` lacks of what they need.
    pub fn count(&mut self, record: &CustomerState, now: &Playbook, next: &Playbook) {
        for run in &record.runs {
            *self.runs.entry((run.journey.clone(), run.version)).or_default() += 1;
            for lack in lacks(record, run, now, next) {
                *self.lacking.entry((run.journey.clone(), run.version, lack)).or_default() += 1;
            }
        }
    }

    /// How many runs live, by journey and version.
    pub fn iter(&self) -> impl Iterator<Item = (&JourneyId, u32, u64)> {
        self.runs.iter().map(|((journey, version), runs)| (journey, *version, *runs))
    }

    /// How many runs of a version live.
    pub fn of(&self, journey: &JourneyId, version: u32) -> u64 {
        self.runs.get(&(journey.clone(), version)).copied().unwrap_or_default()
    }

    /// Whether the other playbook has all that the runs need.
    ///
    /// # Errors
    /// What it lacks, with the number of runs.
    pub fn verdict(&self) -> Result<(), Lacking> {
        if self.lacking.is_empty() {
            return Ok(());
        }
        let lacking = self.lacking.iter().map(|((journey, version, lack), runs)| LackingRuns {
            journey: journey.clone(),
            version: *version,
            lack: lack.clone(),
            runs: *runs,
        });
        Err(Lacking(lacking.collect()))
    }
}

fn lacks(record: &CustomerState, run: &Run, now: &Playbook, next: &Playbook) -> Vec<Lack> {
    let named = |version: u32, book: &Playbook| {
        let position = book.by_journey.get(&(run.journey.key().hash(), version)).copied();
        position.map(usize::from)
    };
    let (mut version, mut step, mut begins) = (run.version, run.place.step, false);
    while let Some((newer, to)) = next.migration_of(&run.journey, version, step).filter(|(newer, _)| *newer > version) {
        version = newer;
        match to {
            Migration::Stays(to) => step = to,
            Migration::Begins(to) => (step, begins) = (to, true),
            Migration::Ends => return Vec::new(),
        }
    }
    let Some(journey) = named(version, next).and_then(|position| next.journeys.get(position)) else {
        let any = next.journeys.iter().any(|journey| *journey.id() == run.journey);
        return vec![if any { Lack::Version } else { Lack::Journey }];
    };
    let mut lacks = Vec::new();
    if !journey.has_step(step) {
        let known = named(version, now).and_then(|position| now.journeys.get(position));
        let name = known.map(|journey| journey.step_name(step)).filter(|name| !name.is_empty());
        lacks.push(Lack::Step(name.map_or_else(|| format!("#{step}"), str::to_owned)));
    }
    let gone = |segment: &&SegmentId| !next.segments().any(|known| known == *segment);
    lacks.extend(journey.needs().segments.iter().filter(gone).cloned().map(Lack::Segment));
    if !begins {
        let of_run = |contact: &&Contact| contact.run.as_ref().is_some_and(|asked| asked.run == run.id);
        let open = || record.profile.contacts.iter().filter(of_run).filter(|contact| contact.due().is_some());
        let messages = open().map(|contact| &contact.message.id);
        let messages = messages.chain(run.pending.iter().map(|pending| &pending.message));
        let gone = messages.filter(|message| next.message(message).is_none());
        lacks.extend(gone.cloned().map(Lack::Message));
        let effect = run.calling.iter().map(|calling| &calling.effect).filter(|effect| next.effect(effect).is_none());
        lacks.extend(effect.cloned().map(Lack::Effect));
        let gone = open().map(|contact| &contact.channel.id).filter(|channel| next.channel(channel).is_none());
        lacks.extend(gone.cloned().map(Lack::Channel));
    }
    // Each run counts once for each.
    lacks.sort_unstable();
    lacks.dedup();
    lacks
}

impl Lacking {
    /// What is lacking, by journey and version.
    pub fn iter(&self) -> impl Iterator<Item = &LackingRuns> {
        self.0.iter()
    }
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the new playbook lacks what live runs need")?;
        self.0.iter().try_for_each(|lacking| write!(f, "\n  {lacking}"))
    }
}

impl fmt::Display for LackingRuns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LackingRuns { journey, version, lack, runs } = self;
        let runs = if *runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") };
        write!(f, "$.journeys.{journey} version {version}, {runs}: ")?;
        match lack {
            Lack::Journey => {
                f.write_str("the journey is gone; keep it, `paused` if nobody is to enter any more, until none is left")
            }
            Lack::Version => f.write_str(
                "the version is gone; keep it under `earlier` until none is left, or `migrate` its runs from there",
            ),
            Lack::Step(step) => write!(
                f,
                "the step `{step}` at which they stand is gone or of another kind; raise the `version`, keep this one under \
                 `earlier`, and `migrate` from it"
            ),
            Lack::Message(message) => write!(f, "the message `{message}`, which waits to be sent, is gone; keep it"),
            Lack::Channel(channel) => write!(f, "the channel `{channel}`, on which a message waits, is gone; keep it"),
            Lack::Effect(effect) => {
                write!(f, "the effect `{effect}`, which is called and not answered, is gone; keep it")
            }
            Lack::Segment(segment) => write!(f, "the segment `{segment}`, which the journey names, is gone; keep it"),
        }
    }
}

impl std::error::Error for Lacking {}
