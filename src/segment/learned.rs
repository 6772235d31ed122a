//! Conditions on what is learned of a customer: `best_hour`, `learned_channel`, `device`.

use std::fmt;

use rust_decimal::Decimal;
use serde_json::{Map, Value as Json};

use super::range::{Range, number};
use super::{Facts, Membership};
use crate::primitives::fault::{Node, Object};
use crate::primitives::{ChannelKind, Derived, Key, Needs, Span};

/// A condition on what engagement shows. Time alone never changes its answer: only engagement does, and for the learned channel
/// a further message too.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum LearnedCondition {
    /// `{"best_hour": {"hour": {..}, "engagements": {..}}}`: the hour of the local day, and how many engagements show it.
    BestHour { hour: Option<Range<i64>>, engagements: Option<Range<i64>> },
    /// `{"learned_channel": {"channel": .., "sent": {..}, "engaged": {..}}}`.
    Channel { channel: Option<ChannelKind>, sent: Option<Range<i64>>, engaged: Option<Range<i64>> },
    /// `{"device": {"kind": .., "engagements": {..}, "share": {..}}}`.
    Device { kind: Key, engagements: Option<Range<i64>>, share: Option<Range<Decimal>> },
}

impl LearnedCondition {
    pub(super) fn decode(kind: &str, field: &Node<'_>) -> Option<LearnedCondition> {
        match kind {
            "best_hour" => {
                let object = field.object(&["hour", "engagements"])?;
                let (hour, engagements) = (whole(&object, "hour", 23), whole(&object, "engagements", u32::MAX.into()));
                let (hour, engagements) = (hour?, engagements?);
                if hour.is_none() && engagements.is_none() {
                    field.fault("expected `hour` or `engagements`");
                    return None;
                }
                Some(LearnedCondition::BestHour { hour, engagements })
            }
            "learned_channel" => {
                let object = field.object(&["channel", "sent", "engaged"])?;
                let channel = match object.get("channel") {
                    None => Some(None),
                    Some(node) => node.key().map(|name| Some(ChannelKind::from_name(name.as_str()))),
                };
                let (sent, engaged) =
                    (whole(&object, "sent", u32::MAX.into()), whole(&object, "engaged", u32::MAX.into()));
                let (channel, sent, engaged) = (channel?, sent?, engaged?);
                if channel.is_none() && sent.is_none() && engaged.is_none() {
                    field.fault("expected `channel`, `sent` or `engaged`");
                    return None;
                }
                Some(LearnedCondition::Channel { channel, sent, engaged })
            }
            _ => {
                let object = field.object(&["kind", "engagements", "share"])?;
                let kind = object.need("kind").and_then(|node| node.key());
                let engagements = whole(&object, "engagements", u32::MAX.into());
                let share = match object.get("share") {
                    None => Some(None),
                    Some(node) => node
                        .object(&Range::OPERATORS)
                        .and_then(|object| Range::decode(&object, |node| node.decimal()))
                        .map(Some),
                };
                Some(LearnedCondition::Device { kind: kind?, engagements: engagements?, share: share? })
            }
        }
    }

    pub(super) fn write(&self, out: &mut Map<String, Json>) {
        let mut asked = Map::new();
        let mut put = |name: &str, range: &Option<Range<i64>>| {
            if let Some(range) = range {
                let mut limits = Map::new();
                range.write(&mut limits, Json::from);
                asked.insert(name.to_owned(), limits.into());
            }
        };
        let name = match self {
            LearnedCondition::BestHour { hour, engagements } => {
                put("hour", hour);
                put("engagements", engagements);
                "best_hour"
            }
            LearnedCondition::Channel { channel, sent, engaged } => {
                put("sent", sent);
                put("engaged", engaged);
                asked.extend(channel.iter().map(|channel| ("channel".to_owned(), channel.as_str().into())));
                "learned_channel"
            }
            LearnedCondition::Device { kind, engagements, share } => {
                put("engagements", engagements);
                asked.insert("kind".to_owned(), kind.as_str().into());
                if let Some(share) = share {
                    let mut limits = Map::new();
                    share.write(&mut limits, number);
                    asked.insert("share".to_owned(), limits.into());
                }
                "device"
            }
        };
        out.insert(name.to_owned(), asked.into());
    }

    pub(super) fn check(&self, facts: &Facts<'_>) -> Membership {
        let lies = |range: &Option<Range<i64>>, n: u32| range.is_none_or(|range| range.contains(n.into()));
        let inside = match self {
            LearnedCondition::BestHour { hour, engagements } => {
                let best = facts.who.figures().and_then(|figures| figures.best_hour());
                best.is_some_and(|best| lies(hour, best.hour.into()) && lies(engagements, best.engagements))
            }
            LearnedCondition::Channel { channel, sent, engaged } => {
                facts.who.learned_channel().is_some_and(|learned| {
                    channel.as_ref().is_none_or(|wanted| *wanted == learned.channel)
                        && lies(sent, learned.sent)
                        && lies(engaged, learned.engaged)
                })
            }
            LearnedCondition::Device { kind, engagements, share } => facts.who.figures().is_some_and(|figures| {
                let on = |(name, count): (&Key, u32)| if name == kind { count } else { 0 };
                let (count, of) = figures
                    .devices()
                    .fold((0_u32, 0_u64), |(count, of), device| (count + on(device), of + u64::from(device.1)));
                let enough = if engagements.is_none() { count > 0 } else { lies(engagements, count) };
                let part = || Decimal::from(count).checked_div(Decimal::from(of));
                enough && share.is_none_or(|share| part().is_some_and(|part| share.contains(part)))
            }),
        };
        Membership::steady(inside)
    }

    pub(super) fn needs(&self, needs: &mut Needs) {
        // What is learned is always kept; the shortest span says that engagement is read at all.
        needs.contacts = needs.contacts.max(Span::millis(1));
        if let LearnedCondition::Channel { .. } = self {
            needs.derived = needs.derived.and(Derived::SENDING);
        }
    }
}

/// A range of whole numbers from 0, if the field is there.
fn whole(object: &Object<'_>, name: &str, most: i64) -> Option<Option<Range<i64>>> {
    let Some(node) = object.get(name) else { return Some(None) };
    Range::decode(&node.object(&Range::OPERATORS)?, |node| node.integer(0..=most)).map(Some)
}

impl fmt::Display for LearnedCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LearnedCondition::BestHour { hour, engagements } => match (hour, engagements) {
                (Some(hour), None) => write!(f, "the hour of most engagement is {hour}"),
                (Some(hour), Some(n)) => write!(f, "the hour of most engagement, with {n} engagements, is {hour}"),
                (None, Some(n)) => write!(f, "the hour of most engagement has {n} engagements"),
                (None, None) => f.write_str("there is an hour of most engagement"),
            },
            LearnedCondition::Channel { channel, sent, engaged } => {
                match channel {
                    Some(channel) => write!(f, "engages best by {channel}")?,
                    None => f.write_str("engages best by a channel")?,
                }
                if let Some(engaged) = engaged {
                    write!(f, ", with {engaged} messages engaged with")?;
                }
                if let Some(sent) = sent {
                    write!(f, "{} {sent} sent", if engaged.is_some() { " of" } else { ", with" })?;
                }
                Ok(())
            }
            LearnedCondition::Device { kind, engagements, share } => {
                write!(f, "engages on {kind}")?;
                if let Some(engagements) = engagements {
                    write!(f, " {engagements} times")?;
                }
                if let Some(share) = share {
                    write!(f, ", a share of {share}")?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::{day, faults, inside, outside, rule};
    use super::super::{Membership, Segment};
    use crate::customer::Profile;
    use crate::primitives::{ChannelKind, CustomerId, Derived, Span};
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    const DEVICES: [&str; 3] = ["ios", "android", "desktop"];

    fn who(engagements: &[(u8, Option<&str>)], channels: &[(ChannelKind, u32, u32)]) -> Profile {
        let mut who = Profile::new(CustomerId::new("anna"), day(0));
        for (hour, device) in engagements {
            who.figures.engaged(*hour, *device);
        }
        for (kind, sent, engaged) in channels {
            who.update_channel(kind, |record| (record.sent, record.engaged) = (*sent, *engaged));
        }
        who
    }

    fn ask(json: Json, who: &Profile) -> Membership {
        rule(json).evaluate(who, day(5))
    }

    #[test]
    fn promise_5_2_the_learned_channel_is_asked_with_its_evidence() {
        let email = who(&[], &[(ChannelKind::Email, 40, 20), (ChannelKind::Sms, 1, 1)]);
        let learned = |more: Json| {
            let mut json = json!({"learned_channel": {"channel": "email"}});
            json["learned_channel"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            ask(json, &email)
        };
        assert_eq!(learned(json!({})), inside(None));
        assert_eq!(learned(json!({"sent": {"at_least": 40}, "engaged": {"equals": 20}})), inside(None));
        assert_eq!(learned(json!({"sent": {"above": 40}})), outside(None));
        assert_eq!(ask(json!({"learned_channel": {"channel": "sms"}}), &email), outside(None));
        assert_eq!(ask(json!({"learned_channel": {"engaged": {"at_most": 9}}}), &who(&[], &[])), outside(None));
        let needs = rule(json!({"learned_channel": {"channel": "sms"}})).needs();
        assert!(needs.derived.meets(Derived::SENDING) && needs.contacts > Span::ZERO);
    }

    #[test]
    fn promise_6_1_what_is_asked_of_what_is_learned_has_to_be_there() {
        let text = faults(json!({"any": [
            {"best_hour": {}}, {"learned_channel": {}}, {"device": {"share": {"at_least": "0.5"}}},
            {"best_hour": {"hour": {"at_least": 24}}}, {"device": {"kind": "ios", "shere": {}}}
        ]}));
        for part in [
            "$.any[0].best_hour: expected `hour` or `engagements`",
            "$.any[1].learned_channel: expected `channel`, `sent` or `engaged`",
            "$.any[2].device: the field `kind` is missing",
            "$.any[3].best_hour.hour.at_least: expected a whole number from 0 to 23",
            "$.any[4].device.shere: unknown field; did you mean `share`?",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    proptest! {
        #[test]
        fn promise_5_2_best_hour_and_device_agree_with_a_count_of_all_engagements(
            all in prop::collection::vec((0..4u8, prop::option::of(0..3usize)), 0..12),
            hours in (0..4i64, 0..4i64), least in 0..5i64, asked in 0..3usize, percent in 1..100i64
        ) {
            let engagements: Vec<_> = all.iter().map(|(hour, device)| (*hour, device.map(|n| DEVICES[n]))).collect();
            let who = who(&engagements, &[]);
            let (from, to) = (hours.0.min(hours.1), hours.0.max(hours.1));
            let in_hour = |hour: u8| all.iter().filter(|(at, _)| *at == hour).count() as i64;
            // The earliest of the fullest.
            let best = (0..4u8).rev().max_by_key(|hour| in_hour(*hour)).filter(|_| !all.is_empty());
            let wanted = best.is_some_and(|hour| {
                (from..=to).contains(&hour.into()) && in_hour(hour) >= least
            });
            let json = json!({"best_hour": {"hour": {"between": [from, to]}, "engagements": {"at_least": least}}});
            prop_assert_eq!(ask(json, &who), if wanted { inside(None) } else { outside(None) });

            let known = all.iter().filter(|(_, device)| device.is_some()).count() as i64;
            let on = all.iter().filter(|(_, device)| *device == Some(asked)).count() as i64;
            let device = |more: Json| {
                let mut json = json!({"device": {"kind": DEVICES[asked]}});
                json["device"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
                ask(json, &who).inside
            };
            prop_assert_eq!(device(json!({})), on > 0);
            prop_assert_eq!(device(json!({"engagements": {"at_least": least}})), on >= least);
            let share = json!({"share": {"at_least": format!("0.{percent:02}")}});
            prop_assert_eq!(device(share), on > 0 && on * 100 >= percent * known);
        }
    }
}
