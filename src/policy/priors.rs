//! What is expected of a channel before there is evidence of a customer's own.
//!
//! The numbers are this crate's starting points, not measurements. They put the channels in the order in which the field
//! sees them: e-mail first in the US and Europe, with SMS strong in the US and China; WhatsApp in Latin America and Asia;
//! in-app and push for e-commerce, web push for games, e-mail for finance. Ten messages of a customer's own outweigh
//! them.

use crate::primitives::ChannelKind;

/// Where a shop's customers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Region {
    /// Nowhere in particular.
    #[default]
    Global,
    /// The United States and Canada.
    NorthAmerica,
    /// Europe.
    Europe,
    /// Latin America.
    LatinAmerica,
    /// China.
    China,
    /// The rest of Asia.
    Asia,
}

impl Region {
    pub(super) const WORDS: &'static [(&'static str, Region)] = &[
        ("global", Region::Global),
        ("north_america", Region::NorthAmerica),
        ("europe", Region::Europe),
        ("latin_america", Region::LatinAmerica),
        ("china", Region::China),
        ("asia", Region::Asia),
    ];
}

/// What a shop sells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Industry {
    /// Goods.
    #[default]
    ECommerce,
    /// Games.
    Gaming,
    /// Financial services.
    Finance,
    /// Subscriptions and media.
    Subscription,
}

impl Industry {
    pub(super) const WORDS: &'static [(&'static str, Industry)] = &[
        ("e_commerce", Industry::ECommerce),
        ("gaming", Industry::Gaming),
        ("finance", Industry::Finance),
        ("subscription", Industry::Subscription),
    ];
}

/// The expected chance of engagement, in millionths.
pub(super) fn prior(kind: &ChannelKind, region: Region, industry: Industry) -> i64 {
    use ChannelKind::{Email, InApp, Inbox, Push, Sms, WebPush, WhatsApp};
    let base = match kind {
        Email => 200_000,
        Sms => 180_000,
        WhatsApp => 180_000,
        Push => 120_000,
        WebPush => 80_000,
        InApp => 150_000,
        Inbox => 100_000,
        _ => 50_000,
    };
    // In percent of the base.
    let by_region = match (region, kind) {
        (Region::NorthAmerica, Sms) => 140,
        (Region::NorthAmerica, WhatsApp) => 40,
        (Region::Europe, Email) => 110,
        (Region::LatinAmerica, WhatsApp) => 170,
        (Region::LatinAmerica, Email) => 80,
        (Region::China, Sms) => 150,
        (Region::China, Email) => 40,
        (Region::Asia, WhatsApp) => 150,
        (Region::Asia, Email) => 80,
        _ => 100,
    };
    let by_industry = match (industry, kind) {
        (Industry::ECommerce, InApp | Push) => 115,
        (Industry::Gaming, WebPush) => 250,
        (Industry::Finance, Email) => 130,
        (Industry::Subscription, Email | Push) => 110,
        _ => 100,
    };
    base * by_region * by_industry / 10_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_priors_keep_the_order_that_the_field_sees() {
        let p = |kind, region| prior(&kind, region, Industry::ECommerce);
        assert!(p(ChannelKind::WhatsApp, Region::LatinAmerica) > p(ChannelKind::Email, Region::LatinAmerica));
        assert!(p(ChannelKind::Email, Region::Europe) > p(ChannelKind::Sms, Region::Europe));
        assert!(p(ChannelKind::Sms, Region::NorthAmerica) > p(ChannelKind::WhatsApp, Region::NorthAmerica));
        assert!(p(ChannelKind::Sms, Region::China) > p(ChannelKind::Email, Region::China));
    }
}
