//! Conditions on who the customer is and how they are reached.

use std::fmt;

use serde_json::{Map, Value as Json, json};

use super::time::{Age, transpose};
use super::{Facts, Membership};
use crate::customer::{Consent, Reach};
use crate::primitives::fault::{Node, Object};
use crate::primitives::{ChannelKind, Needs, SegmentId, Span, Topic};

/// A condition that reads one fact of the customer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum PersonCondition {
    /// `{"segment": ..}`.
    Segment(SegmentId),
    /// `{"consent": {"channel": .., "topic": ..}}`: granted.
    Consent { channel: ChannelKind, topic: Topic },
    /// `{"reachable": ..}`: there is a contact point that is not blocked, or the channel needs none.
    Reachable(ChannelKind),
    /// `{"preferred_channel": ..}`.
    Preferred(ChannelKind),
    /// `{"engaged": {"channel": .., "within": ..}}`.
    Engaged { channel: ChannelKind, within: Option<Span> },
    /// `{"identified": ..}`.
    Identified(bool),
    /// `{"first_seen": ..}`.
    FirstSeen(Age),
    /// `{"last_seen": ..}`.
    LastSeen(Age),
    /// `{"bucket": {"of": .., "from": .., "to": ..}}`: of 100, half-open.
    Bucket { of: Box<str>, from: u32, to: u32 },
}

impl PersonCondition {
    /// From the one field that names the condition.
    pub(super) fn decode(kind: &str, object: &Object<'_>) -> Option<PersonCondition> {
        let known = object.node().object(&[kind]).map(|_| ());
        let node = object.get(kind)?;
        let condition = match kind {
            "segment" => PersonCondition::Segment(SegmentId::new(node.key()?.as_str())),
            "consent" => {
                let inner = node.object(&["channel", "topic"])?;
                let channel = inner.need("channel").and_then(|node| channel(&node));
                let topic = inner.need("topic").and_then(|node| node.key());
                PersonCondition::Consent { channel: channel?, topic: Topic::new(topic?.as_str()) }
            }
            "reachable" => PersonCondition::Reachable(channel(&node)?),
            "preferred_channel" => PersonCondition::Preferred(channel(&node)?),
            "engaged" => {
                let inner = node.object(&["channel", "within"])?;
                let channel = inner.need("channel").and_then(|node| channel(&node));
                let within = transpose(inner.get("within").map(|node| node.span()));
                PersonCondition::Engaged { channel: channel?, within: within? }
            }
            "identified" => PersonCondition::Identified(node.boolean()?),
            "first_seen" => PersonCondition::FirstSeen(Age::decode(&node)?),
            "last_seen" => PersonCondition::LastSeen(Age::decode(&node)?),
            _ => bucket(&node)?,
        };
        known.map(|()| condition)
    }

    pub(super) fn write(&self, out: &mut Map<String, Json>) {
        let (name, value) = match self {
            PersonCondition::Segment(id) => ("segment", json!(id)),
            PersonCondition::Consent { channel, topic } => {
                ("consent", json!({"channel": channel.as_str(), "topic": topic}))
            }
            PersonCondition::Reachable(channel) => ("reachable", channel.as_str().into()),
            PersonCondition::Preferred(channel) => ("preferred_channel", channel.as_str().into()),
            PersonCondition::Engaged { channel, within: None } => ("engaged", json!({"channel": channel.as_str()})),
            PersonCondition::Engaged { channel, within } => {
                ("engaged", json!({"channel": channel.as_str(), "within": within}))
            }
            PersonCondition::Identified(wanted) => ("identified", (*wanted).into()),
            PersonCondition::FirstSeen(age) => ("first_seen", age.written()),
            PersonCondition::LastSeen(age) => ("last_seen", age.written()),
            PersonCondition::Bucket { of, from, to } => ("bucket", json!({"of": of, "from": from, "to": to})),
        };
        out.insert(name.to_owned(), value);
    }

    pub(super) fn check(&self, facts: &Facts<'_>) -> Membership {
        let Facts { who, now, .. } = *facts;
        match self {
            PersonCondition::Segment(id) => Membership::steady(who.member_of(id) == Some(true)),
            PersonCondition::Consent { channel, topic } => {
                let granted = matches!(who.consent(channel, topic, now), Consent::Granted { .. });
                Membership::steady(granted).sooner(who.consent_until(channel, topic, now))
            }
            PersonCondition::Reachable(channel) => {
                Membership::steady(matches!(who.contact_point(channel), Reach::At(_) | Reach::ById))
            }
            PersonCondition::Preferred(channel) => Membership::steady(who.preferred_channel() == Some(channel)),
            PersonCondition::Engaged { channel, within } => {
                let last = who.channel_record(channel).and_then(|record| record.last_engaged);
                match within {
                    Some(span) => Age::younger_than(*span).check(last, now),
                    None => Age::ANY.check(last, now),
                }
            }
            PersonCondition::Identified(wanted) => Membership::steady(who.identified() == *wanted),
            PersonCondition::FirstSeen(age) => age.check(who.seen().map(|(first, _)| first), now),
            PersonCondition::LastSeen(age) => age.check(who.seen().map(|(_, last)| last), now),
            PersonCondition::Bucket { of, from, to } => {
                Membership::steady((*from..*to).contains(&who.id().bucket(of, 100)))
            }
        }
    }

    /// Whether time alone never changes the answer.
    pub(super) fn is_steady(&self) -> bool {
        matches!(
            self,
            PersonCondition::Segment(_)
                | PersonCondition::Reachable(_)
                | PersonCondition::Preferred(_)
                | PersonCondition::Identified(_)
                | PersonCondition::Bucket { .. }
        )
    }

    pub(super) fn needs(&self, needs: &mut Needs) {
        match self {
            PersonCondition::Segment(id) => {
                needs.merge(Needs { segments: vec![id.clone()], ..Needs::default() });
            }
            PersonCondition::Consent { .. } | PersonCondition::Reachable(_) | PersonCondition::Preferred(_) => {
                needs.reachability = true;
            }
            // The record per channel is always kept; the shortest span says that engagement is read at all.
            PersonCondition::Engaged { .. } => needs.contacts = needs.contacts.max(Span::millis(1)),
            PersonCondition::Identified(_)
            | PersonCondition::FirstSeen(_)
            | PersonCondition::LastSeen(_)
            | PersonCondition::Bucket { .. } => {}
        }
    }
}

fn channel(node: &Node<'_>) -> Option<ChannelKind> {
    node.key().map(|name| ChannelKind::from_name(name.as_str()))
}

fn bucket(node: &Node<'_>) -> Option<PersonCondition> {
    let object = node.object(&["of", "from", "to"])?;
    let of = object.need("of").and_then(|node| node.key());
    let limit = |name: &str| {
        let n = object.need(name)?.integer(0..=100)?;
        u32::try_from(n).ok()
    };
    let (from, to) = (limit("from"), limit("to"));
    let (of, from, to) = (of?, from?, to?);
    if from >= to {
        node.fault("never holds: `to` has to be above `from`");
        return None;
    }
    Some(PersonCondition::Bucket { of: of.as_str().into(), from, to })
}

impl fmt::Display for PersonCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PersonCondition::Segment(id) => write!(f, "in segment {id}"),
            PersonCondition::Consent { channel, topic } => write!(f, "consents to {topic} by {channel}"),
            PersonCondition::Reachable(channel) => write!(f, "reachable by {channel}"),
            PersonCondition::Preferred(channel) => write!(f, "prefers {channel}"),
            PersonCondition::Engaged { channel, within: Some(span) } => {
                write!(f, "engaged by {channel} in the last {span}")
            }
            PersonCondition::Engaged { channel, within: None } => write!(f, "ever engaged by {channel}"),
            PersonCondition::Identified(true) => f.write_str("identified"),
            PersonCondition::Identified(false) => f.write_str("not identified"),
            PersonCondition::FirstSeen(age) => write!(f, "first seen {age}"),
            PersonCondition::LastSeen(age) => write!(f, "last seen {age}"),
            PersonCondition::Bucket { of, from, to } => write!(f, "draws from {from} to below {to} of 100 for {of}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::{day, faults, inside, outside, rule};
    use super::super::{Membership, Segment};
    use crate::customer::{Basis, BlockReason, ConsentRecord, Profile, Standing};
    use crate::primitives::{ChannelKind, ContactPoint, CustomerId, Key, Span};
    use serde_json::{Value as Json, json};

    fn ask(json: Json, change: impl FnOnce(&mut Profile)) -> Membership {
        let mut who = Profile::new(CustomerId::new("anna"), day(0));
        change(&mut who);
        rule(json).evaluate(&who, day(5))
    }

    #[test]
    fn promise_5_2_segment_membership() {
        let loyal = json!({"segment": "loyal"});
        assert_eq!(ask(loyal.clone(), |_| {}), outside(None));
        let member = Key::new("loyal").hash();
        assert_eq!(ask(loyal.clone(), |who| who.memberships.set(Standing::new(member, true, day(99)))), inside(None));
        assert_eq!(rule(loyal).needs().segments, ["loyal".into()]);
    }

    #[test]
    fn promise_5_5_consent_ends_by_itself_when_it_runs_out() {
        let offers = json!({"consent": {"channel": "email", "topic": "offers"}});
        let grant = |topic: &str, expires| ConsentRecord {
            channel: ChannelKind::Email,
            topic: Some(topic.into()),
            point: None,
            at: day(1),
            grant: Some(Basis::Express),
            expires,
        };
        let after = |record: ConsentRecord| {
            ask(offers.clone(), |who| {
                who.consents.record(record);
            })
        };
        assert_eq!(ask(offers.clone(), |_| {}), outside(None));
        assert_eq!(after(grant("offers", None)), inside(None));
        assert_eq!(after(grant("news", None)), outside(None));
        assert_eq!(after(grant("offers", Some(day(7)))), inside(Some(day(7))));
        assert_eq!(after(grant("offers", Some(day(5)))), outside(None));
    }

    #[test]
    fn promise_5_2_reachable_is_a_point_that_is_not_blocked() {
        let email = json!({"reachable": "email"});
        let point = ContactPoint::email("a@b.de").unwrap();
        let add = |who: &mut Profile| who.points.add(ChannelKind::Email, point.clone(), None, day(0));
        assert_eq!(ask(email.clone(), |_| {}), outside(None));
        assert_eq!(ask(email.clone(), add), inside(None));
        let blocked = ask(email.clone(), |who| {
            add(who);
            who.points.block(&point, BlockReason::HardBounce);
        });
        assert_eq!(blocked, outside(None));
        assert_eq!(ask(json!({"reachable": "in_app"}), |_| {}), inside(None));
        assert!(rule(email).needs().reachability);
    }

    #[test]
    fn promise_5_2_preference_engagement_and_identity() {
        let prefers = json!({"preferred_channel": "sms"});
        assert!(ask(prefers.clone(), |who| who.preferred = Some(ChannelKind::Sms)).inside);
        assert!(!ask(prefers, |_| {}).inside);
        let engaged =
            |who: &mut Profile| who.update_channel(&ChannelKind::Email, |record| record.last_engaged = Some(day(2)));
        assert_eq!(ask(json!({"engaged": {"channel": "email", "within": "4d"}}), engaged), inside(Some(day(6))));
        assert_eq!(ask(json!({"engaged": {"channel": "email", "within": "3d"}}), engaged), outside(None));
        assert_eq!(ask(json!({"engaged": {"channel": "email"}}), engaged), inside(None));
        assert_eq!(ask(json!({"engaged": {"channel": "sms"}}), engaged), outside(None));
        assert!(rule(json!({"engaged": {"channel": "sms"}})).needs().contacts > Span::ZERO);
        assert!(ask(json!({"identified": false}), |_| {}).inside);
        assert!(ask(json!({"identified": true}), |who| who.user_id = Some("7".into())).inside);
    }

    #[test]
    fn promise_5_2_a_bucket_is_stable_and_its_parts_share_everyone_out() {
        let rules = [(0, 30), (30, 100)].map(|(from, to)| rule(json!({"bucket": {"of": "x", "from": from, "to": to}})));
        let mut first = 0;
        for n in 0..2_000 {
            let who = Profile::new(CustomerId::new(&n.to_string()), day(0));
            let [a, b] = rules.each_ref().map(|rule| rule.evaluate(&who, day(0)).inside);
            assert_ne!(a, b);
            first += u32::from(a);
        }
        assert!((540..660).contains(&first), "{first}");
        assert!(faults(json!({"bucket": {"of": "x", "from": 5, "to": 5}})).contains("$.bucket: never holds"));
        assert!(faults(json!({"bucket": {"of": "x", "from": 5, "to": 101}})).contains("$.bucket.to: expected"));
    }
}
