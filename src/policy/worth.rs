//! Net worth: chance of engagement times value, less the real cost (promise 7.6).

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::priors::{Industry, Region, prior};
use super::{Ask, Candidate};
use crate::customer::ChannelRecord;
use crate::message::RenderError;

/// Millionths of a unit of the playbook's currency: integers, so that scores are the same on every platform.
pub type Micros = i64;

/// What sending a message on a channel is worth, with its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Worth {
    /// The chance of engagement, in millionths.
    pub chance: i64,
    /// The value of an engagement, in millionths of the currency.
    pub value: Micros,
    /// What sending costs, in millionths of the currency.
    pub cost: Micros,
    /// Chance times value, less cost, and what other scores add.
    pub net: Micros,
}

impl std::fmt::Display for Worth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let decimal = |micros: Micros| Decimal::new(micros, 6).normalize();
        write!(
            f,
            "worth {} = {} % of {} - {}",
            decimal(self.net),
            Decimal::new(self.chance, 4).normalize(),
            decimal(self.value),
            decimal(self.cost)
        )
    }
}

/// The built-in score: this customer's own engagement on the channel, shrunk toward the prior for the region and the
/// industry, times the value of an engagement, less what sending costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetWorth {
    /// Where the shop's customers are.
    pub region: Region,
    /// What the shop sells.
    pub industry: Industry,
    /// What an engagement is worth where the message does not say.
    pub engagement_value: Micros,
    /// The prior weighs as much as this many messages.
    pub prior_weight: u32,
}

impl Default for NetWorth {
    fn default() -> Self {
        NetWorth {
            region: Region::default(),
            industry: Industry::default(),
            // Half a unit of the currency per engagement: a place to start from, to be set by the shop.
            engagement_value: 500_000,
            // Ten messages of one's own outweigh what is known of people in general.
            prior_weight: 10,
        }
    }
}

impl NetWorth {
    /// The worth of a channel. Renders only where the price depends on the text.
    ///
    /// # Errors
    /// When the price depends on the text and the text cannot be rendered.
    pub fn of(&self, ask: &Ask<'_>, candidate: &Candidate<'_>) -> Result<Worth, RenderError> {
        let kind = &candidate.spec.tag.kind;
        let record = ask.who.channel_record(kind).unwrap_or_default();
        let chance = self.chance(prior(kind, self.region, self.industry), record);
        let value = ask.message.value.map_or(self.engagement_value, micros);
        let tariff = &candidate.spec.tariff;
        let parts = match tariff.depends_on_parts() {
            true => candidate.rendered(ask).map_err(Clone::clone)?.parts,
            false => 1,
        };
        let cost = micros(tariff.price(ask.who.country(), parts));
        let net = (i128::from(chance) * i128::from(value) / 1_000_000) as i64 - cost;
        Ok(Worth { chance, value, cost, net })
    }

    /// `(engaged + weight * prior) / (sent + weight)`, in millionths.
    fn chance(&self, prior: i64, record: ChannelRecord) -> i64 {
        let weight = i64::from(self.prior_weight.max(1));
        let engaged = i64::from(record.engaged.min(record.sent)) * 1_000_000;
        (engaged + weight * prior) / (i64::from(record.sent) + weight)
    }
}

/// A decimal amount in millionths; beyond the range of `i64`, its end.
pub(super) fn micros(amount: Decimal) -> Micros {
    (amount * Decimal::new(1_000_000, 0)).round().to_i64().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promise_7_6_own_engagement_outweighs_the_prior_as_evidence_grows() {
        let worth = NetWorth::default();
        let chance = |sent, engaged| worth.chance(200_000, ChannelRecord { sent, engaged, last_engaged: None });
        assert_eq!(chance(0, 0), 200_000);
        assert_eq!(chance(10, 10), 600_000);
        assert!(chance(1_000, 0) < 2_000);
        assert_eq!(chance(1, 9), chance(1, 1));
    }
}
