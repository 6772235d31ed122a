//! When and with what a customer engages: the best hour, and the devices.

use crate::primitives::{ChannelKind, Key};

/// How many kinds of devices are told apart.
const DEVICES: usize = 8;

/// Engagement by hour of the local day, and by kind of device.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Habits {
    pub(crate) hours: [u16; 24],
    /// In the order of the names' hashes.
    pub(crate) devices: Vec<(Key, DeviceRecord)>,
}

/// What a customer did with messages on one kind of device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[non_exhaustive]
pub struct DeviceRecord {
    /// Copies of pushes that the provider took for it.
    pub delivered: u32,
    /// Messages on any channel that were first engaged with on it.
    pub engaged: u32,
    /// Of these, or later on it, messages whose link was followed.
    pub clicked: u32,
}

/// The hour of the local day at which a customer engages most, with the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct BestHour {
    /// From 0 to 23, in the customer's local time.
    pub hour: u8,
    /// How many messages were first engaged with in this hour.
    pub engagements: u32,
    /// Of so many in all hours.
    pub of: u32,
}

impl Habits {
    pub(super) fn engaged(&mut self, hour: u8, device: Option<&str>) {
        if let Some(count) = self.hours.get_mut(usize::from(hour)) {
            *count = count.saturating_add(1);
        }
        if let Some(name) = device {
            self.on_device(name, DeviceRecord { engaged: 1, ..DeviceRecord::default() });
        }
    }

    pub(super) fn on_device(&mut self, name: &str, more: DeviceRecord) {
        self.device(Key::new(name), more);
    }

    pub(super) fn absorb(&mut self, other: Habits) {
        for (ours, theirs) in self.hours.iter_mut().zip(other.hours) {
            *ours = ours.saturating_add(theirs);
        }
        other.devices.into_iter().for_each(|(name, more)| self.device(name, more));
    }

    /// The hour with the most engagements; of equal ones the earliest.
    pub(super) fn best_hour(&self) -> Option<BestHour> {
        let most = self.hours.iter().copied().max().filter(|most| *most > 0)?;
        let hour = self.hours.iter().position(|count| *count == most)?;
        let of = self.hours.iter().map(|count| u32::from(*count)).sum();
        Some(BestHour { hour: u8::try_from(hour).ok()?, engagements: most.into(), of })
    }

    fn device(&mut self, name: Key, more: DeviceRecord) {
        match self.devices.binary_search_by_key(&name.hash(), |(known, _)| known.hash()) {
            Ok(at) => {
                if let Some((_, known)) = self.devices.get_mut(at) {
                    known.delivered = known.delivered.saturating_add(more.delivered);
                    known.engaged = known.engaged.saturating_add(more.engaged);
                    known.clicked = known.clicked.saturating_add(more.clicked);
                }
            }
            // Whatever a client writes there must not grow the record.
            Err(_) if self.devices.len() >= DEVICES => {}
            Err(at) => {
                self.devices.reserve_exact(1);
                self.devices.insert(at, (name, more));
            }
        }
    }
}

/// The kind of channel on which a customer engages best, with the evidence.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct LearnedChannel {
    /// Which.
    pub channel: ChannelKind,
    /// Messages handed over there.
    pub sent: u32,
    /// Of these, engaged with.
    pub engaged: u32,
}

impl LearnedChannel {
    /// The better of two. Rates are shrunk toward one in ten, as if ten more messages had been sent: one click of one message
    /// is no proof. Ties go to the one with more engagement, then to the name that comes first.
    pub(super) fn better(self, other: LearnedChannel) -> LearnedChannel {
        let rate = |of: &LearnedChannel, against: &LearnedChannel| {
            u128::from(u64::from(of.engaged) + 1) * u128::from(u64::from(against.sent) + 10)
        };
        let (ours, theirs) = (rate(&self, &other), rate(&other, &self));
        let tie = || (other.engaged, self.channel.as_str()).cmp(&(self.engaged, other.channel.as_str()));
        if ours.cmp(&theirs).reverse().then_with(tie).is_le() { self } else { other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_hour_is_the_one_with_the_most_engagement_and_comes_with_its_evidence() {
        let mut habits = Habits::default();
        assert_eq!(habits.best_hour(), None);
        for hour in [20, 9, 9, 20, 7] {
            habits.engaged(hour, Some("ios"));
        }
        assert_eq!(habits.best_hour(), Some(BestHour { hour: 9, engagements: 2, of: 5 }));
        let mut other = Habits::default();
        other.engaged(20, None);
        other.engaged(25, Some("android"));
        let mut merged = other.clone();
        merged.absorb(habits.clone());
        habits.absorb(other);
        assert!(habits == merged);
        assert_eq!(habits.best_hour().map(|best| (best.hour, best.of)), Some((20, 6)));
        assert_eq!(habits.devices.iter().map(|(_, on)| on.engaged).sum::<u32>(), 6);
        (0..99).for_each(|n| habits.engaged(1, Some(&n.to_string())));
        assert_eq!(habits.devices.len(), DEVICES);
    }

    #[test]
    fn one_click_of_one_message_is_no_proof() {
        let on = |channel, sent, engaged| LearnedChannel { channel, sent, engaged };
        let (email, sms) = (on(ChannelKind::Email, 40, 20), on(ChannelKind::Sms, 1, 1));
        assert_eq!(sms.clone().better(email.clone()), email);
        assert_eq!(email.clone().better(sms), email);
        let push = on(ChannelKind::Push, 40, 20);
        assert_eq!(push.clone().better(email.clone()), email.better(push));
    }
}
