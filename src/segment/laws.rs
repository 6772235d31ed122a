//! What holds of every rule whatever it asks: the laws of two values (promise 5.1), and that nothing changes before a rule
//! says so (promise 5.5).

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::generated::{instants, rules, worlds};
use super::reference::{World, holds};
use super::trial::{Logged, customer, day, everything, fields, rule};
use super::{Membership, Segment, sayable};
use crate::customer::{FigureRules, Profile};
use crate::event::Event;
use crate::primitives::{ChannelKind, ContactPoint, Instant, Span};

/// A customer of whom something is known for every kind of condition.
fn people() -> BoxedStrategy<Profile> {
    let liked = prop::collection::vec((0..30i64, prop::sample::select(vec!["tea", "cups"])), 0..4);
    let person = (any::<bool>(), any::<bool>(), any::<bool>(), prop::option::of(0..40i64));
    (worlds().boxed(), liked, person)
        .prop_map(|(mut world, liked, (known, reachable, prefers, engaged))| {
            for logged in &mut world.log {
                if logged.name == "A" {
                    logged.name = "Product Viewed";
                }
            }
            let viewed = |(at, category): (i64, &str)| Logged {
                name: "Product Viewed",
                at: day(at),
                properties: json!({"category": category, "brand": "tea", "cart": {"total": at}, "kind": "a"}),
            };
            world.log.extend(liked.into_iter().map(viewed));
            let mut who = world.profile(&everything(&world.log));
            for logged in &world.log {
                let event = Event { properties: fields(&logged.properties), ..Event::track(logged.name) };
                who.figures.observe(&event, logged.at, &FigureRules::default(), "EUR".parse().unwrap());
            }
            let city = world.age.map_or(json!({"city": "ab"}), |age| json!(age));
            for (name, value) in [("city", json!(day(world.age_since).to_string())), ("address", city)] {
                let value = crate::primitives::Value::from_json(&value).unwrap();
                who.attributes.set(&name.into(), value, day(world.age_since));
            }
            who.user_id = known.then(|| "7".into());
            who.preferred = prefers.then_some(ChannelKind::Sms);
            if reachable {
                let point = ContactPoint::email("a@b.de").unwrap();
                who.points.add(ChannelKind::Email, point, None, day(0));
            }
            who.update_channel(&ChannelKind::Sms, |record| record.last_engaged = engaged.map(day));
            who
        })
        .boxed()
}

/// Instants at which the rules of chance change, and the one before each.
fn moments(after: Instant) -> impl Iterator<Item = Instant> {
    let offsets = [Span::ZERO, Span::millis(1), Span::seconds(90), Span::hours(12)];
    let all = (0..60).flat_map(move |n| offsets.map(|offset| day(n) + offset));
    all.flat_map(|at| [at - Span::millis(1), at]).filter(move |at| *at > after)
}

fn ask(json: Json, who: &Profile, now: Instant) -> Membership {
    rule(json).evaluate(who, now)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn promise_5_1_the_laws_of_two_values_hold_of_every_condition(
        a in sayable::rules(), b in sayable::rules(), who in people(), at in 0..45i64
    ) {
        let now = day(at);
        let ask = |json: Json| ask(json, &who, now);
        let inside = |json: Json| ask(json).inside;
        let (is_a, is_b) = (inside(a.clone()), inside(b.clone()));
        // Idempotence and double negation, the next change included.
        for same in [json!({"all": [a, a]}), json!({"any": [a, a]}), json!({"not": {"not": a}}), json!({"all": [a]})] {
            prop_assert_eq!(ask(same), ask(a.clone()), "{}", a);
        }
        // De Morgan, the next change included.
        for (one, other) in [
            (json!({"not": {"all": [a, b]}}), json!({"any": [{"not": a}, {"not": b}]})),
            (json!({"not": {"any": [a, b]}}), json!({"all": [{"not": a}, {"not": b}]})),
        ] {
            prop_assert_eq!(ask(one), ask(other), "{} and {}", a, b);
        }
        // Order.
        prop_assert_eq!(ask(json!({"all": [a, b]})), ask(json!({"all": [b, a]})));
        prop_assert_eq!(ask(json!({"any": [a, b]})), ask(json!({"any": [b, a]})));
        // The meaning, absorption, neutral elements and complements.
        for (json, wanted) in [
            (json!({"all": [a, b]}), is_a && is_b),
            (json!({"any": [a, b]}), is_a || is_b),
            (json!({"all": [a, {"any": [a, b]}]}), is_a),
            (json!({"any": [a, {"all": [a, b]}]}), is_a),
            (json!({"all": [a, {"all": []}]}), is_a),
            (json!({"any": [a, {"not": {"all": []}}]}), is_a),
            (json!({"all": [a, {"not": a}]}), false),
            (json!({"any": [a, {"not": a}]}), true),
            (json!({"any": [{"all": [a, b]}, {"all": [a, {"not": b}]}]}), is_a),
        ] {
            prop_assert_eq!(inside(json.clone()), wanted, "{}", json);
        }
    }

    #[test]
    fn promise_5_5_no_condition_changes_before_it_says_and_none_says_what_is_past(
        json in prop_oneof![sayable::conditions(), sayable::rules()], who in people(), at in 0..45i64, before in 0..2i64
    ) {
        let (rule, now) = (rule(json), day(at) - Span::millis(before));
        let answer = rule.evaluate(&who, now);
        prop_assert!(answer.until.is_none_or(|until| until > now), "{} at {}: {:?}", rule, now, answer);
        for later in moments(now).take_while(|later| answer.until.is_none_or(|until| *later < until)) {
            prop_assert_eq!(answer.inside, rule.evaluate(&who, later).inside, "{} from {} at {}", rule, now, later);
        }
    }

    #[test]
    fn promise_2_3_rules_over_a_merged_history_agree_with_the_reference_over_all_events(
        json in rules().boxed(), world in worlds().boxed(), split in prop::collection::vec(any::<bool>(), 40), at in 0..45i64
    ) {
        let needs = everything(&world.log);
        let mut halves: [Vec<Logged>; 2] = Default::default();
        for (n, logged) in world.log.iter().enumerate() {
            halves[usize::from(split[n % split.len()])].push(logged.clone());
        }
        let [ours, theirs] = halves;
        let mut who = World { log: ours, ..world.clone() }.profile(&needs);
        let other = customer(&theirs, &needs);
        who.history.absorb(other.history);
        who.first_seen = world.log.iter().map(|logged| logged.at).min().unwrap();
        who.last_seen = world.log.iter().map(|logged| logged.at).max().unwrap();
        let rule = rule(json.clone());
        let now = day(at);
        let answer = rule.evaluate(&who, now);
        prop_assert_eq!(answer.inside, holds(&json, &world, &who, now), "{} at {}", rule, now);
        for later in instants(now).take_while(|later| answer.until.is_none_or(|until| *later < until)) {
            prop_assert_eq!(answer.inside, holds(&json, &world, &who, later), "{} from {} at {}", rule, now, later);
        }
    }
}
