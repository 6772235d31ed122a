//! Quiet hours: nothing is sent inside the window, in the customer's local time (promises 1.2 to 1.4).

use crate::policy::rules::blocked;
use crate::policy::{Ask, Candidate, Rule, Verdict, Witness};
use crate::primitives::window::DailyWindow;
use crate::primitives::{Instant, Span};

/// The window, and how long its opening spreads what waited for it.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::policy) struct QuietHours {
    pub(in crate::policy) window: DailyWindow,
    pub(in crate::policy) spread: Span,
}

impl QuietHours {
    /// When the window opens for this customer: in every zone that may be theirs, and spread by a stable hash so that
    /// not everybody's phone rings at eight sharp.
    fn opens(&self, ask: &Ask<'_>) -> Option<Instant> {
        let zones = ask.local_times().zones();
        let opens = self.window.leave_all(zones, ask.now)?;
        let width = u32::try_from(self.spread.as_millis()).unwrap_or(u32::MAX);
        let spread = opens + Span::millis(i64::from(ask.who.id().bucket("quiet_hours", width)));
        // A spread longer than the open hours must not reach into the next night.
        if zones.iter().any(|zone| self.window.contains(*zone, spread)) { Some(opens) } else { Some(spread) }
    }
}

impl Rule for QuietHours {
    fn id(&self) -> &'static str {
        "quiet_hours"
    }

    fn check(&self, ask: &Ask<'_>, candidate: &Candidate<'_>) -> Verdict {
        if ask.transactional() || !candidate.spec.quiet_hours || self.window.is_empty() {
            return Verdict::Pass;
        }
        let zones = ask.local_times().zones();
        if zones.is_empty() {
            // Whose night it is nobody knows: sending would be a guess.
            return Verdict::Deny(None);
        }
        let inside = || zones.iter().any(|zone| self.window.contains(*zone, ask.now));
        if !*ask.memo.quiet.get_or_init(inside) {
            return Verdict::Pass;
        }
        blocked(ask.message.on_closed, self.opens(ask), ask.now)
    }

    fn witness(&self, ask: &Ask<'_>, _: &Candidate<'_>, out: &mut Vec<Witness>) {
        let local = ask.local_times();
        out.push(Witness::LocalTime {
            zones: local.zones().iter().map(|zone| zone.name()).collect(),
            source: local.source,
            window: self.window,
        });
    }
}
