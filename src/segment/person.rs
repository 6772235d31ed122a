//! Conditions on who the customer is and how they are reached.

use std::fmt;

use serde_json::{Map, Value as Json, json};

use super::consent_state::ConsentState;
use super::time::{Age, transpose};
use super::{Facts, Membership};
use crate::customer::{Consent, GrantOf, Reach};
use crate::event::Basis;
use crate::primitives::fault::{Node, Object};
use crate::primitives::{ChannelKind, DeviceKind, Needs, SegmentId, Span, Topic};

/// A condition that reads one fact of the customer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum PersonCondition {
    /// `{"segment": ..}`.
    Segment(SegmentId),
    /// `{"consent": {"channel": .., "topic": .., "state": .., "basis": ..}}`: granted, unless it says another state.
    Consent { channel: ChannelKind, topic: Topic, state: ConsentState, bases: Box<[Basis]> },
    /// `{"reachable": ..}`: there is a contact point that is not blocked, or the channel needs none.
    Reachable(ChannelKind),
    /// `{"reachable": {"channel": .., "device": ..}}`: there is a device of this kind whose token is not blocked.
    ReachableOn { channel: ChannelKind, device: DeviceKind },
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
                let inner = node.object(&["channel", "topic", "state", "basis"])?;
                let channel = inner.need("channel").and_then(|node| channel(&node));
                let topic = inner.need("topic").and_then(|node| node.key());
                let state = inner.get("state").map_or(Some(ConsentState::Granted), |n| n.one_of(&ConsentState::WORDS));
                let bases = inner.get("basis").map_or(Some(Box::default()), |node| bases(&node));
                if let (Some(basis), true) = (inner.get("basis"), state.is_some_and(|s| s != ConsentState::Granted)) {
                    basis.fault("only a grant has a basis; leave out `state`, or `basis`");
                }
                PersonCondition::Consent {
                    channel: channel?,
                    topic: Topic::new(topic?.as_str()),
                    state: state?,
                    bases: bases?,
                }
            }
            "reachable" if node.json().is_object() => reachable_on(&node)?,
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
            PersonCondition::Consent { channel, topic, state, bases } => {
                let mut asked = Map::from_iter([
                    ("channel".to_owned(), channel.as_str().into()),
                    ("topic".to_owned(), json!(topic)),
                ]);
                if *state != ConsentState::Granted {
                    asked.insert("state".to_owned(), state.as_str().into());
                }
                if !bases.is_empty() {
                    asked.insert("basis".to_owned(), bases.iter().map(|basis| basis.as_str()).collect());
                }
                ("consent", asked.into())
            }
            PersonCondition::ReachableOn { channel, device } => {
                ("reachable", json!({"channel": channel.as_str(), "device": device.as_str()}))
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
            PersonCondition::Consent { channel, topic, state, bases } => {
                let consent = who.consent(channel, topic, now);
                let on_basis = match consent {
                    Consent::Granted { basis, .. } => bases.is_empty() || bases.contains(&basis),
                    _ => true,
                };
                let inside = ConsentState::of(consent) == *state && on_basis;
                Membership::steady(inside).sooner(who.consent_until(channel, topic, now))
            }
            PersonCondition::Reachable(channel) => {
                Membership::steady(matches!(who.contact_point(channel), Reach::At(_) | Reach::ById))
            }
            PersonCondition::ReachableOn { channel, device } => {
                Membership::steady(who.reached_on(channel, device) == Some(true))
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

    /// The grant that is asked for, if any will do.
    pub(super) fn grant(&self) -> Option<GrantOf> {
        match self {
            PersonCondition::Consent { channel, topic, state: ConsentState::Granted, bases } if bases.is_empty() => {
                Some(GrantOf::new(channel, topic))
            }
            _ => None,
        }
    }

    /// Whether time alone never changes the answer.
    pub(super) fn is_steady(&self) -> bool {
        matches!(
            self,
            PersonCondition::Segment(_)
                | PersonCondition::Reachable(_)
                | PersonCondition::ReachableOn { .. }
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
            PersonCondition::Consent { .. }
            | PersonCondition::Reachable(_)
            | PersonCondition::ReachableOn { .. }
            | PersonCondition::Preferred(_) => {
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

/// One basis, or a list.
fn bases(node: &Node<'_>) -> Option<Box<[Basis]>> {
    if node.json().is_array() {
        return node.list()?.iter().map(|node| node.one_of(Basis::WORDS)).collect();
    }
    Some([node.one_of(Basis::WORDS)?].into())
}

fn reachable_on(node: &Node<'_>) -> Option<PersonCondition> {
    let inner = node.object(&["channel", "device"])?;
    let (channel, device) = (inner.need("channel").and_then(|node| channel(&node)), inner.need("device"));
    let (channel, device) = (channel?, device?);
    let name = device.text()?;
    if !channel.has_devices() {
        device.fault("only push and web_push reach devices; leave it out");
        return None;
    }
    match DeviceKind::from_name(name) {
        Some(device) => Some(PersonCondition::ReachableOn { channel, device }),
        None => {
            device.fault("expected a kind of device: ios, android, web, or another name");
            None
        }
    }
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
            PersonCondition::Consent { channel, topic, state, bases } => {
                match state {
                    ConsentState::Granted => write!(f, "consents to {topic} by {channel}")?,
                    ConsentState::Pending => write!(f, "{channel} for {topic} is signed up for and not confirmed")?,
                    ConsentState::Revoked => write!(f, "consent to {channel} for {topic} is revoked")?,
                    ConsentState::Expired => write!(f, "consent to {channel} for {topic} has run out")?,
                    ConsentState::None => write!(f, "no consent to {channel} for {topic} is on record")?,
                }
                for (n, basis) in bases.iter().enumerate() {
                    write!(f, "{}{}", if n == 0 { " on the basis " } else { " or " }, basis.as_str())?;
                }
                Ok(())
            }
            PersonCondition::Reachable(channel) => write!(f, "reachable by {channel}"),
            PersonCondition::ReachableOn { channel, device } => write!(f, "reachable by {channel} on {device}"),
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
    use crate::customer::{BlockReason, ConsentRecord, DeviceTag, Profile, Says, Standing};
    use crate::event::Basis;
    use crate::primitives::{ChannelKind, ContactPoint, CustomerId, DeviceKind, Key, Span};
    use proptest::collection::vec;
    use proptest::prelude::*;
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
    fn promise_5_2_reachable_on_a_kind_of_device() {
        let push = |device: &str| json!({"reachable": {"channel": "push", "device": device}});
        let token = ContactPoint::token("t").unwrap();
        let add = |who: &mut Profile| {
            let ios = DeviceTag { kind: DeviceKind::from_name("iOS"), id: None };
            assert!(who.points.add(ChannelKind::Push, token.clone(), Some(ios), day(0)));
        };
        assert_eq!(ask(push("ios"), |_| {}), outside(None));
        assert_eq!(ask(push("IOS"), add), inside(None));
        assert_eq!(ask(push("android"), add), outside(None));
        assert_eq!(ask(json!({"reachable": {"channel": "web_push", "device": "ios"}}), add), outside(None));
        let blocked = |who: &mut Profile| {
            add(who);
            who.points.block(&token, BlockReason::Host);
        };
        assert_eq!(ask(push("ios"), blocked), outside(None));
        assert!(rule(push("ios")).needs().reachability);
        assert_eq!(rule(push("iOS")).to_string(), "reachable by push on ios");
        assert!(
            faults(json!({"reachable": {"channel": "email", "device": "ios"}}))
                .contains("$.reachable.device: only push and web_push")
        );
        assert!(
            faults(json!({"reachable": {"channel": "push", "device": ""}}))
                .contains("$.reachable.device: expected a kind of device")
        );
        let both = json!({"reachable": {"channel": "push", "device": "ios", "os": 1}});
        assert!(faults(both).contains("$.reachable.os: unknown field"));
    }

    proptest! {
        /// By the list of points alone; and a device that is reached is reached by push.
        #[test]
        fn promise_5_2_reachable_on_a_device_is_what_the_points_say(
            devices in vec((0..3_usize, 0..3_usize, any::<bool>()), 0..6),
        ) {
            let kinds = ["ios", "android", "tvos"];
            let channels = [ChannelKind::Push, ChannelKind::WebPush, ChannelKind::Email];
            let who = |who: &mut Profile| {
                for (n, (kind, channel, blocked)) in devices.iter().enumerate() {
                    let point = ContactPoint::token(&format!("t{n}")).unwrap();
                    let tag = DeviceTag { kind: DeviceKind::from_name(kinds[*kind]), id: Some(n as u64) };
                    who.points.add(channels[*channel].clone(), point.clone(), Some(tag), day(0));
                    if *blocked {
                        who.points.block(&point, BlockReason::Host);
                    }
                }
            };
            for (at, name) in ["push", "web_push"].into_iter().enumerate() {
                for (n, kind) in kinds.into_iter().enumerate() {
                    let wanted = devices.iter().any(|(kind, channel, blocked)| (*kind, *channel, *blocked) == (n, at, false));
                    let on = json!({"reachable": {"channel": name, "device": kind}});
                    prop_assert_eq!(ask(on.clone(), who).inside, wanted);
                    prop_assert_eq!(ask(json!({"not": on}), who).inside, !wanted);
                    let by_push = ask(json!({"reachable": name}), who).inside;
                    prop_assert!(by_push || !wanted);
                }
            }
        }
    }

    #[test]
    fn promise_5_5_consent_ends_by_itself_when_it_runs_out() {
        let offers = json!({"consent": {"channel": "email", "topic": "offers"}});
        let grant = |topic: &str, expires| ConsentRecord {
            topic: Some(topic.into()),
            expires,
            ..ConsentRecord::granted(ChannelKind::Email, Basis::Express, day(1))
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
    fn promise_5_2_consent_by_its_state_and_basis() {
        let is = |more: Json, records: &[ConsentRecord]| {
            let mut inner = json!({"channel": "email", "topic": "offers"});
            inner.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            ask(json!({"consent": inner}), |who| {
                records.iter().for_each(|record| _ = who.consents.record(record.clone()));
            })
        };
        let implied = ConsentRecord {
            expires: Some(day(9)),
            ..ConsentRecord::granted(ChannelKind::Email, Basis::ImpliedPurchase, day(1))
        };
        let signed_up = ConsentRecord {
            says: Says::SignedUp { until: day(8) },
            ..ConsentRecord::granted(ChannelKind::Email, Basis::Express, day(3))
        };
        let gone = ConsentRecord::revoked(ChannelKind::Email, day(2));
        let ran_out = ConsentRecord { expires: Some(day(4)), ..implied.clone() };
        for (basis, holds) in [
            (json!("implied_purchase"), true),
            (json!(["express", "implied_purchase"]), true),
            (json!("express"), false),
        ] {
            let wanted = if holds { inside(Some(day(9))) } else { outside(Some(day(9))) };
            assert_eq!(is(json!({"basis": basis}), std::slice::from_ref(&implied)), wanted, "{basis}");
        }
        let states = ["granted", "pending", "revoked", "expired", "none"];
        for (wanted, records, until) in [
            ("granted", vec![implied.clone(), signed_up.clone()], Some(day(8))),
            ("pending", vec![gone.clone(), signed_up], Some(day(8))),
            ("revoked", vec![implied, gone], Some(day(9))),
            ("expired", vec![ran_out], None),
            ("none", vec![], None),
        ] {
            for state in states {
                let wanted = if state == wanted { inside(until) } else { outside(until) };
                assert_eq!(is(json!({"state": state}), &records), wanted, "{state}");
            }
        }
        let wrong = json!({"consent": {"channel": "email", "topic": "x", "state": "pending", "basis": "expres"}});
        let wrong = faults(wrong);
        assert!(
            wrong.contains("did you mean `express`?") && wrong.contains("$.consent.basis: only a grant"),
            "{wrong}"
        );
    }

    #[test]
    fn promise_5_2_reachable_is_a_point_that_is_not_blocked() {
        let email = json!({"reachable": "email"});
        let point = ContactPoint::email("a@b.de").unwrap();
        let add = |who: &mut Profile| assert!(who.points.add(ChannelKind::Email, point.clone(), None, day(0)));
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
