//! Rules and customers by chance, on which the rules have to agree with the [reference](super::reference).

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::reference::{World, holds};
use super::trial::{Logged, day, everything, rule};
use super::{Effect, Facts, Segment};
use crate::primitives::{Instant, Key, Span};

fn days() -> impl Strategy<Value = String> {
    (1..12i64).prop_map(|n| format!("{n}d"))
}

fn ages() -> impl Strategy<Value = Json> {
    prop_oneof![
        days().prop_map(|d| json!({"older_than": d})),
        days().prop_map(|d| json!({"younger_than": d})),
        (1..6i64, 6..12i64).prop_map(|(a, b)| json!({"older_than": format!("{a}d"), "younger_than": format!("{b}d")})),
    ]
}

fn ranges(most: i64) -> impl Strategy<Value = Map<String, Json>> {
    let one = prop::sample::select(vec!["at_least", "at_most", "equals", "above"]);
    let one = (one, 0..most).prop_map(|(operator, n)| json!({operator: n}));
    let two = (0..most, 0..most).prop_map(|(a, b)| json!({"between": [a.min(b), a.max(b)]}));
    prop_oneof![4 => one, 1 => two].prop_map(|json| json.as_object().unwrap().clone())
}

fn filters() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(json!({"kind": "x"})),
        Just(json!({"kind": {"not_equals": "x"}})),
        Just(json!({"kind": {"exists": false}})),
        (0..9i64).prop_map(|n| json!({"size": {"at_least": n}})),
        (0..9i64).prop_map(|n| json!({"size": {"between": [2, n.max(2)]}, "kind": {"not_in": ["y"]}})),
    ]
}

fn names() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["A", "B", "Order Completed", "Order Completed"])
}

fn event_conditions() -> impl Strategy<Value = Json> {
    let window = prop_oneof![
        3 => days().prop_map(|d| json!({"within": d})),
        1 => Just(json!({})),
        1 => (0..30i64).prop_map(|n| json!({"since": day(n).to_string()})),
        1 => (0..30i64, 1..9i64).prop_map(|(n, d)| json!({"since": day(n).to_string(), "until": day(n + d).to_string()})),
    ];
    let property = prop::sample::select(vec!["total", "total", "size"]);
    let of = (prop::sample::select(vec!["sum", "min", "max"]), property.clone(), ranges(30));
    let asks = prop_oneof![
        1 => Just(json!({})),
        1 => Just(json!({"never": true})),
        4 => ranges(6).prop_map(|range| json!({"count": range})),
        4 => of.prop_map(|(name, of, mut range)| {
            range.insert("of".into(), of.into());
            json!({name: range})
        }),
        1 => (property, 0..20i64).prop_map(|(of, n)| json!({"average": {"of": of, "at_least": n}})),
        1 => ranges(4).prop_map(|mut range| {
            range.insert("of".into(), "size".into());
            json!({"distinct": range})
        }),
    ];
    let gross = prop::option::weighted(0.2, Just(json!("gross")));
    let figures =
        (names(), window, asks, prop::option::of(filters()), gross).prop_map(|(name, window, asks, filter, gross)| {
            let mut all = json!({"event": name});
            for more in [window, asks] {
                all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            }
            if let Some(filter) = filter {
                all["where"] = filter;
            }
            if let (Some(gross), "Order Completed") = (gross, name) {
                all["money"] = gross;
            }
            all
        });
    let place = prop_oneof![
        ages().prop_map(|age| json!({"first": age})),
        ages().prop_map(|age| json!({"last": age})),
        days().prop_map(|d| json!({"gap": {"at_least": d}})),
    ];
    let places = (names(), place, prop::option::of(filters())).prop_map(|(name, mut place, filter)| {
        place["event"] = name.into();
        if let Some(filter) = filter {
            place["where"] = filter;
        }
        place
    });
    prop_oneof![3 => figures, 1 => places]
}

fn conditions() -> impl Strategy<Value = Json> {
    let optional =
        |name: &'static str| prop::option::of(days()).prop_map(move |d| d.map(|d| (name.to_owned(), json!(d))));
    let sequence = (names(), names(), optional("within"), optional("in_last")).prop_map(|(a, b, within, last)| {
        let mut json = json!({"sequence": [a, b]});
        json.as_object_mut().unwrap().extend(within.into_iter().chain(last));
        json
    });
    let attribute = (ranges(6), optional("for")).prop_map(|(mut range, lasting)| {
        range.insert("attribute".into(), "age".into());
        range.extend(lasting);
        Json::from(range)
    });
    let date = prop_oneof![
        days().prop_map(|d| json!({"in_next": d})),
        days().prop_map(|d| json!({"in_last": d})),
        days().prop_map(|d| json!({"older_than": d})),
        any::<bool>().prop_map(|b| json!({"before_now": b})),
    ];
    prop_oneof![
        8 => event_conditions(),
        2 => sequence,
        2 => attribute,
        1 => date.prop_map(|date| json!({"attribute": "renewal", "date": date})),
        1 => Just(json!({"segment": "loyal"})),
        1 => Just(json!({"consent": {"channel": "email", "topic": "offers"}})),
        1 => ages().prop_map(|age| json!({"first_seen": age})),
        1 => ages().prop_map(|age| json!({"last_seen": age})),
        1 => days().prop_map(|d| json!({"engaged": {"channel": "email", "within": d}})),
        1 => (0..50i64, 51..100i64).prop_map(|(a, b)| json!({"bucket": {"of": "x", "from": a, "to": b}})),
    ]
}

pub(super) fn rules() -> impl Strategy<Value = Json> {
    conditions().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|parts| json!({"all": parts})),
            prop::collection::vec(inner.clone(), 1..3).prop_map(|parts| json!({"any": parts})),
            inner.prop_map(|part| json!({"not": part})),
        ]
    })
}

fn logged() -> impl Strategy<Value = Vec<Logged>> {
    let kind = prop::option::of(prop::sample::select(vec!["x", "y"]));
    let plain = (prop::sample::select(vec!["A", "B"]), 0..30i64, kind.clone(), prop::option::of(0..9i64));
    let plain = plain.prop_map(|(name, at, kind, size)| vec![event_of(name, at, None, None, kind, size)]);
    // An order, and what is sent back of it later.
    let back = prop::option::of((0..4u8, 0..9i64, 1..25i64));
    let order = (0..30i64, 0..6u8, 0..20i64, kind.clone(), prop::option::of(0..9i64), back);
    let order = order.prop_map(|(at, id, total, kind, size, back)| {
        let id = (id > 0).then(|| format!("o{id}-{at}"));
        let mut events = vec![event_of("Order Completed", at, id.clone(), Some(total), kind, size)];
        if let (Some((way, later, money)), Some(id)) = (back, id) {
            let name = if way == 0 { "Order Cancelled" } else { "Order Refunded" };
            let money = if way == 1 { total } else { money };
            events.push(event_of(name, at + later, Some(id), Some(money), None, None));
        }
        events
    });
    let stray = (0..30i64, any::<bool>(), 0..9i64, kind);
    let stray = stray.prop_map(|(at, named, money, kind)| {
        vec![event_of("Order Refunded", at, named.then(|| "till-7".into()), Some(money), kind, None)]
    });
    prop::collection::vec(prop_oneof![4 => plain, 4 => order, 1 => stray], 1..14)
        .prop_map(|groups| groups.into_iter().flatten().collect())
}

fn event_of(
    name: &'static str,
    at: i64,
    id: Option<String>,
    total: Option<i64>,
    kind: Option<&str>,
    size: Option<i64>,
) -> Logged {
    let all = json!({"order_id": id, "total": total, "kind": kind, "size": size});
    let some = all.as_object().unwrap().clone().into_iter().filter(|(_, value)| !value.is_null());
    Logged { name, at: day(at), properties: some.collect() }
}

pub(super) fn worlds() -> impl Strategy<Value = World> {
    let grant = prop::option::of((0..20i64, 1..20i64).prop_map(|(at, long)| (at, at + long)));
    let attributes = (prop::option::of(0..6i64), 0..20i64, prop::option::of(0..60i64));
    (logged(), attributes, any::<bool>(), grant, prop::option::of(0..30i64)).prop_map(
        |(log, (age, age_since, renewal), loyal, grant, engaged)| World {
            log,
            age,
            age_since,
            renewal,
            loyal,
            grant,
            engaged,
        },
    )
}

/// Every instant at which anything may change, and the one before it.
pub(super) fn instants(after: Instant) -> impl Iterator<Item = Instant> {
    (0..75).flat_map(|n| [day(n) - Span::millis(1), day(n)]).filter(move |at| *at > after)
}

/// Promise 5.5 and the contract of `until`, with everything else.
fn agree(json: &Json, world: &World, now: Instant) -> Result<(), TestCaseError> {
    let rule = rule(json.clone());
    let who = world.profile(&everything(&world.log));
    let answer = rule.evaluate(&who, now);
    prop_assert_eq!(answer.inside, holds(json, world, &who, now), "{} at {}", rule, now);
    prop_assert!(answer.until.is_none_or(|until| until > now));
    // Promise 5.5: until then nothing changes.
    for later in instants(now).take_while(|later| answer.until.is_none_or(|until| *later < until)) {
        prop_assert_eq!(answer.inside, holds(json, world, &who, later), "{} from {} at {}", rule, now, later);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn promises_5_1_to_5_6_rules_agree_with_the_reference_at_any_instant(
        json in rules(), world in worlds(), at in 0..45i64, before in 0..2i64
    ) {
        agree(&json, &world, day(at) - Span::millis(before))?;
    }

    #[test]
    fn promises_5_1_to_5_6_single_conditions_agree_with_the_reference_at_any_instant(
        json in prop_oneof![event_conditions(), conditions()], world in worlds(), at in 0..45i64, before in 0..2i64
    ) {
        agree(&json, &world, day(at) - Span::millis(before))?;
    }

    #[test]
    fn promise_5_4_what_a_rule_declares_to_keep_is_enough_for_it(
        json in prop_oneof![event_conditions(), rules()], mut world in worlds(), at in 0..45i64
    ) {
        let rule = rule(json.clone());
        world.log.sort_by_key(|e| e.at);
        let last = world.log.last().map_or(day(0), |e| e.at);
        let who = world.profile(&rule.needs());
        for now in [last, last + Span::days(at)] {
            prop_assert_eq!(rule.evaluate(&who, now).inside, holds(&json, &world, &who, now), "{} at {}", rule, now);
            let quick = rule.holds(&Facts::new(&who, now));
            prop_assert_eq!(quick, rule.evaluate(&who, now).inside, "quickly: {} at {}", rule, now);
        }
    }

    #[test]
    fn what_one_more_event_can_do_is_what_the_rule_says(
        json in prop_oneof![event_conditions(), rules()], world in worlds(), pick in any::<prop::sample::Index>()
    ) {
        let rule = rule(json);
        let all = everything(&world.log);
        let mut less = world.clone();
        let more = less.log.remove(pick.index(less.log.len()));
        let before: Vec<Instant> = less.log.iter().filter(|e| e.name == more.name).map(|e| e.at).collect();
        let Some(first) = before.iter().min() else { return Ok(()) };
        let (with, mut without) = (world.profile(&all), less.profile(&all));
        // That it was seen is no matter of the event's name.
        (without.first_seen, without.last_seen) = (with.first_seen, with.last_seen);
        for now in instants(more.at.max(*first) - Span::millis(1)) {
            let (then, since) = (rule.evaluate(&without, now).inside, rule.evaluate(&with, now).inside);
            let kept = match rule.effect(&Key::new(more.name)) {
                Effect::None => then == since,
                Effect::Raises => !then || since,
                Effect::Lowers => then || !since,
                Effect::Either => true,
            };
            prop_assert!(kept, "{} at {} after {} at {}", rule, now, more.name, more.at);
        }
    }
}
