//! Frequency cap: at most N messages per window, over some channels or all, some topics or all (promise 7.4).

use super::{Ask, Candidate, Rule, Verdict, Witness};
use crate::customer::Contact;
use crate::primitives::fault::Node;
use crate::primitives::local::Weekday;
use crate::primitives::{ChannelId, Instant, Needs, Span, Topic};

/// At most `at_most` messages per window.
#[derive(Debug, Clone, PartialEq)]
pub struct FrequencyCap {
    /// How many; zero means no cap.
    pub at_most: u32,
    /// Per what.
    pub window: CapWindow,
    /// On which channels; empty is all, together.
    pub channels: Vec<ChannelId>,
    /// Of which topics; empty is all, together.
    pub topics: Vec<Topic>,
}

/// The window of a cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CapWindow {
    /// `(t - W, t]`: a message leaves the window exactly W after its hand-over.
    Rolling(Span),
    /// The local calendar day.
    Day,
    /// The local calendar week, beginning on this day.
    Week(Weekday),
    /// The local calendar month.
    Month,
}

impl FrequencyCap {
    /// `{"at_most": 3, "rolling": "168h" | "calendar": "day" | "week" | "month", "channels": [..], "topics": [..]}`.
    pub(super) fn decode(node: &Node<'_>) -> Option<Self> {
        let object = node.object(&["at_most", "rolling", "calendar", "week_begins", "channels", "topics"])?;
        let at_most = object.need("at_most")?.integer(0..=1_000_000)?;
        let window = match (object.get("rolling"), object.get("calendar")) {
            (Some(rolling), None) => CapWindow::Rolling(rolling.span()?),
            (None, Some(calendar)) => {
                let first = match object.get("week_begins") {
                    Some(day) => day.parsed()?,
                    None => Weekday::Monday,
                };
                let words = [("day", CapWindow::Day), ("week", CapWindow::Week(first)), ("month", CapWindow::Month)];
                calendar.one_of(&words)?
            }
            _ => {
                node.fault("a cap has either `rolling`, such as \"168h\", or `calendar`: day, week or month");
                return None;
            }
        };
        let names = |field| -> Option<Vec<_>> {
            let Some(list) = object.get(field) else { return Some(Vec::new()) };
            list.list()?.iter().map(Node::text).collect()
        };
        Some(FrequencyCap {
            at_most: u32::try_from(at_most).unwrap_or(u32::MAX),
            window,
            channels: names("channels")?.into_iter().map(ChannelId::from).collect(),
            topics: names("topics")?.into_iter().map(Topic::from).collect(),
        })
    }

    fn covers(&self, topic: &Topic, channel: &ChannelId) -> bool {
        (self.channels.is_empty() || self.channels.contains(channel))
            && (self.topics.is_empty() || self.topics.contains(topic))
    }

    /// What takes a place now, each with when the place was taken. An open message takes one in every window.
    fn places<'c>(&self, ask: &'c Ask<'_>) -> impl Iterator<Item = (Instant, &'c Contact)> {
        let start = self.start(ask);
        ask.who.contacts().into_iter().flat_map(|log| log.iter()).filter_map(move |contact| {
            let counts = contact.message.counts
                && Some(contact.id) != ask.own
                && self.covers(&contact.message.topic, &contact.channel.id);
            contact.counted().filter(|at| counts && *at > start).map(|at| (at, contact))
        })
    }

    /// The window is everything after this instant.
    fn start(&self, ask: &Ask<'_>) -> Instant {
        let a_tick_before = |at: Instant| at - Span::millis(1);
        match self.window {
            CapWindow::Rolling(width) => ask.now - width,
            CapWindow::Day => a_tick_before(
                *ask.memo.day.get_or_init(|| earliest(ask, Span::days(1), |zone| zone.start_of_day(ask.now))),
            ),
            CapWindow::Week(first) => {
                let start = || earliest(ask, Span::days(7), |zone| zone.start_of_week(ask.now, first));
                let (begins, known) = *ask.memo.week.get_or_init(|| (first, start()));
                a_tick_before(if begins == first { known } else { start() })
            }
            CapWindow::Month => a_tick_before(
                *ask.memo.month.get_or_init(|| earliest(ask, Span::days(31), |zone| zone.start_of_month(ask.now))),
            ),
        }
    }

    /// When there is a place again, if nothing else takes it.
    fn frees(&self, ask: &Ask<'_>) -> Option<Instant> {
        let latest = |next: &dyn Fn(crate::primitives::zone::Zone) -> Instant| {
            ask.local_times().zones().iter().map(|zone| next(*zone)).max()
        };
        match self.window {
            CapWindow::Rolling(width) => {
                leaves(self.places(ask).map(|(at, _)| at).collect(), self.at_most as usize, width)
            }
            CapWindow::Day => latest(&|zone| zone.start_of_next_day(ask.now)),
            CapWindow::Week(first) => latest(&|zone| zone.start_of_next_week(ask.now, first)),
            CapWindow::Month => latest(&|zone| zone.start_of_next_month(ask.now)),
        }
    }
}

/// When so many of the places taken have left a rolling window that there is one again. An open one leaves at a time not
/// known yet.
pub(super) fn leaves(mut taken: Vec<Instant>, at_most: usize, width: Span) -> Option<Instant> {
    taken.sort_unstable();
    // All but N - 1 of them must have left.
    let leaving = taken.get(taken.len().checked_sub(at_most)?)?;
    (*leaving < Instant::MAX).then(|| *leaving + width)
}

/// Where several zones are possible, the window is the longest of them; where none is known, it is the longest that such
/// a window can be, so that nobody gets more.
fn earliest(ask: &Ask<'_>, longest: Span, start: impl Fn(crate::primitives::zone::Zone) -> Instant) -> Instant {
    ask.local_times().zones().iter().map(|zone| start(*zone)).min().unwrap_or(ask.now - longest)
}

impl Rule for FrequencyCap {
    fn id(&self) -> &'static str {
        "frequency_cap"
    }

    fn check(&self, ask: &Ask<'_>, candidate: &Candidate<'_>) -> Verdict {
        let applies = self.at_most > 0
            && !ask.transactional()
            && ask.message.obeys_caps
            && self.covers(&ask.message.tag.topic, &candidate.spec.tag.id);
        if !applies {
            return Verdict::Pass;
        }
        if ask.who.contacts().is_none() {
            return Verdict::Unchecked;
        }
        if self.places(ask).count() < self.at_most as usize {
            return Verdict::Pass;
        }
        super::rules::blocked(ask.message.on_cap, self.frees(ask), ask.now)
    }

    fn witness(&self, ask: &Ask<'_>, _: &Candidate<'_>, out: &mut Vec<Witness>) {
        out.extend(self.places(ask).map(|(_, contact)| Witness::contact(contact)));
    }

    fn needs(&self) -> Needs {
        let contacts = match self.window {
            CapWindow::Rolling(width) => width,
            // A calendar day may have 25 hours.
            CapWindow::Day => Span::hours(26),
            CapWindow::Week(_) => Span::days(8),
            CapWindow::Month => Span::days(32),
        };
        Needs { contacts: if self.at_most > 0 { contacts } else { Span::ZERO }, ..Needs::default() }
    }
}
