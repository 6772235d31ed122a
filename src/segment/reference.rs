//! The promises again, written a second time as plainly as possible: over the raw events and the raw JSON, with no index,
//! no order and no memory. What the rules answer has to agree with it.

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::Segment;
use super::trial::{Logged, customer, day, everything, rule};
use crate::customer::{Basis, ConsentRecord, Customer, Member, Profile};
use crate::primitives::{ChannelKind, Instant, Key, Span};

/// What there is to know of a customer.
#[derive(Debug, Clone)]
struct World {
    log: Vec<Logged>,
    age: Option<i64>,
    age_since: i64,
    renewal: Option<i64>,
    loyal: bool,
    grant: Option<(i64, i64)>,
    engaged: Option<i64>,
}

impl World {
    fn profile(&self, needs: &crate::primitives::Needs) -> Profile {
        let mut profile = customer(&self.log, needs);
        if let Some(age) = self.age {
            profile.attributes.set(&"age".into(), age.into(), day(self.age_since));
        }
        if let Some(renewal) = self.renewal {
            profile.attributes.set(&"renewal".into(), day(renewal).to_string().as_str().into(), day(0));
        }
        if self.loyal {
            let segment = Key::new("loyal").hash();
            profile.memberships.push(Member { segment, since: day(0) });
        }
        if let Some((at, expires)) = self.grant {
            profile.consents.record(ConsentRecord {
                channel: ChannelKind::Email,
                topic: None,
                point: None,
                at: day(at),
                grant: Some(Basis::Express),
                expires: Some(day(expires)),
            });
        }
        profile.update_channel(&ChannelKind::Email, |record| record.last_engaged = self.engaged.map(day));
        profile
    }
}

fn span(json: &Json) -> Span {
    json.as_str().unwrap().parse().unwrap()
}

fn test(operator: &str, wanted: &Json, value: Option<&Json>) -> bool {
    if let Some(positive) = operator.strip_prefix("not_") {
        return !test(if positive == "in" { "in" } else { "equals" }, wanted, value);
    }
    if operator == "exists" {
        return value.is_some() == wanted.as_bool().unwrap();
    }
    let Some(value) = value else { return false };
    let numbers = value.as_i64().zip(wanted.as_i64());
    match operator {
        "equals" => value == wanted,
        "at_least" => numbers.is_some_and(|(a, b)| a >= b),
        "at_most" => numbers.is_some_and(|(a, b)| a <= b),
        "above" => numbers.is_some_and(|(a, b)| a > b),
        "below" => numbers.is_some_and(|(a, b)| a < b),
        "in" => wanted.as_array().unwrap().contains(value),
        "between" => value.as_i64().is_some_and(|n| wanted[0].as_i64() <= Some(n) && Some(n) <= wanted[1].as_i64()),
        other => panic!("{other}"),
    }
}

fn tests(operators: &Json, value: Option<&Json>) -> bool {
    operators
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "attribute" | "for" | "date" | "of"))
        .all(|(name, wanted)| test(name, wanted, value))
}

fn passes(filter: &Json, properties: &Json) -> bool {
    filter.as_object().into_iter().flatten().all(|(name, wanted)| {
        let value = properties.get(name);
        if wanted.is_object() { tests(wanted, value) } else { value == Some(wanted) }
    })
}

fn age(ask: &Json, at: Option<Instant>, now: Instant) -> bool {
    at.filter(|at| *at <= now).is_some_and(|at| {
        ask.get("older_than").is_none_or(|older| now - at >= span(older))
            && ask.get("younger_than").is_none_or(|younger| now - at < span(younger))
    })
}

fn holds(ask: &Json, world: &World, who: &Profile, now: Instant) -> bool {
    let list = |name: &str| ask.get(name).and_then(Json::as_array);
    if let Some(parts) = list("all") {
        return parts.iter().all(|part| holds(part, world, who, now));
    }
    if let Some(parts) = list("any") {
        return parts.iter().any(|part| holds(part, world, who, now));
    }
    if let Some(part) = ask.get("not") {
        return !holds(part, world, who, now);
    }
    if let Some(name) = ask.get("attribute") {
        return attribute(ask, name.as_str().unwrap(), world, now);
    }
    if ask.get("event").is_some() {
        return event(ask, world, now);
    }
    if let Some(steps) = list("sequence") {
        let name = |n: usize| steps[n].as_str().unwrap();
        let done = |name: &str| -> Vec<(usize, Instant)> {
            let all = world.log.iter().enumerate().filter(|(_, e)| e.name == name && e.at <= now);
            all.map(|(n, e)| (n, e.at)).collect()
        };
        return done(name(0)).into_iter().any(|(n, a)| {
            done(name(1)).into_iter().any(|(m, b)| {
                n != m
                    && a <= b
                    && ask.get("within").is_none_or(|within| b - a <= span(within))
                    && ask.get("in_last").is_none_or(|last| now - b < span(last))
            })
        });
    }
    match ask.as_object().unwrap().iter().next().unwrap() {
        (name, _) if name == "segment" => world.loyal,
        (name, _) if name == "consent" => world.grant.is_some_and(|(at, end)| day(at) <= now && now < day(end)),
        (name, wanted) if name == "first_seen" => age(wanted, world.log.iter().map(|e| e.at).min(), now),
        (name, wanted) if name == "last_seen" => age(wanted, world.log.iter().map(|e| e.at).max(), now),
        (name, wanted) if name == "engaged" => {
            let at = world.engaged.map(day).filter(|at| *at <= now);
            at.is_some_and(|at| wanted.get("within").is_none_or(|within| now - at < span(within)))
        }
        (name, wanted) if name == "bucket" => {
            let draw = i64::from(who.id().bucket(wanted["of"].as_str().unwrap(), 100));
            wanted["from"].as_i64().unwrap() <= draw && draw < wanted["to"].as_i64().unwrap()
        }
        other => panic!("{other:?}"),
    }
}

fn attribute(ask: &Json, name: &str, world: &World, now: Instant) -> bool {
    if name == "age" {
        let value = world.age.map(Json::from);
        let lasting = ask.get("for").is_none_or(|lasting| {
            world.age.is_some() && day(world.age_since) <= now && now - day(world.age_since) >= span(lasting)
        });
        return lasting && tests(ask, value.as_ref());
    }
    let Some(date) = world.renewal.map(day) else { return false };
    let (operator, wanted) = ask["date"].as_object().unwrap().iter().next().unwrap();
    match operator.as_str() {
        "in_next" => now < date && date - now <= span(wanted),
        "in_last" => date <= now && now - date < span(wanted),
        "older_than" => date <= now && now - date >= span(wanted),
        "before_now" => (date <= now) == wanted.as_bool().unwrap(),
        other => panic!("{other}"),
    }
}

fn event(ask: &Json, world: &World, now: Instant) -> bool {
    let name = ask["event"].as_str().unwrap();
    let filter = ask.get("where").cloned().unwrap_or(json!({}));
    let mut all: Vec<&Logged> =
        world.log.iter().filter(|e| e.name == name && e.at <= now && passes(&filter, &e.properties)).collect();
    all.sort_by_key(|e| e.at);
    if let Some(wanted) = ask.get("first") {
        return age(wanted, all.first().map(|e| e.at), now);
    }
    if let Some(wanted) = ask.get("last") {
        return age(wanted, all.last().map(|e| e.at), now);
    }
    if let Some(wanted) = ask.get("gap") {
        return match all.as_slice() {
            [.., before, last] => last.at - before.at >= span(&wanted["at_least"]),
            _ => false,
        };
    }
    let date = |name: &str| ask.get(name).map(|text| text.as_str().unwrap().parse::<Instant>().unwrap());
    let in_window = |at: Instant| {
        ask.get("within").is_none_or(|within| now - at < span(within))
            && date("since").is_none_or(|since| since <= at)
            && date("until").is_none_or(|until| at < until)
    };
    let net = name == "Order Completed" && ask.get("money") != Some(&json!("gross"));
    let past = |name: &str| -> Vec<&Logged> { world.log.iter().filter(|e| e.name == name && e.at <= now).collect() };
    let of = ["sum", "average", "min", "max", "distinct"].into_iter().find(|name| ask.get(name).is_some());
    let property = of.map(|of| ask[of]["of"].as_str().unwrap());
    let mut rows: Vec<(&Logged, i64)> = Vec::new();
    for row in all.into_iter().filter(|e| in_window(e.at)) {
        let id = &row.properties["order_id"];
        let mut taken = 0;
        if net && !id.is_null() {
            let refunds: Vec<&Logged> =
                past("Order Refunded").into_iter().filter(|e| e.properties["order_id"] == *id).collect();
            taken = refunds.iter().filter_map(|e| e.properties["total"].as_i64()).sum();
            let whole = row.properties["total"].as_i64().is_some_and(|whole| !refunds.is_empty() && taken >= whole);
            if whole || past("Order Cancelled").iter().any(|e| e.properties["order_id"] == *id) {
                continue;
            }
        }
        rows.push((row, taken));
    }
    let numbers: Vec<i64> = rows
        .iter()
        .filter_map(|(e, taken)| {
            let number = e.properties.get(property?)?.as_i64()?;
            Some(if property == Some("total") { (number - taken).max(0) } else { number })
        })
        .collect();
    let mut sum: i64 = numbers.iter().sum();
    if net && property == Some("total") {
        let known: Vec<&Json> = past(name).into_iter().map(|e| &e.properties["order_id"]).collect();
        for refund in past("Order Refunded").into_iter().filter(|e| in_window(e.at) && passes(&filter, &e.properties)) {
            let id = &refund.properties["order_id"];
            if id.is_null() || !known.contains(&id) {
                sum -= refund.properties["total"].as_i64().unwrap_or(0);
            }
        }
    }
    match of {
        None if ask.get("never").is_some() => rows.is_empty(),
        None => match ask.get("count") {
            Some(range) => tests(range, Some(&json!(rows.len()))),
            None => !rows.is_empty(),
        },
        Some("distinct") => {
            let mut values: Vec<String> =
                rows.iter().filter_map(|(e, _)| Some(e.properties.get(property?)?.to_string())).collect();
            values.sort();
            values.dedup();
            tests(&ask["distinct"], Some(&json!(values.len())))
        }
        Some("sum") => tests(&ask["sum"], Some(&json!(sum))),
        Some("min") => numbers.iter().min().is_some_and(|n| tests(&ask["min"], Some(&json!(n)))),
        Some("max") => numbers.iter().max().is_some_and(|n| tests(&ask["max"], Some(&json!(n)))),
        // Whole limits compare with the exact quotient through its sign.
        _ => {
            let limit = ask["average"]["at_least"].as_i64().unwrap();
            !numbers.is_empty() && sum >= limit * numbers.len() as i64
        }
    }
}

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

fn rules() -> impl Strategy<Value = Json> {
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
    let back = prop::option::of((any::<bool>(), 0..9i64, 1..25i64));
    let order = (0..30i64, 0..6u8, 0..20i64, kind.clone(), prop::option::of(0..9i64), back);
    let order = order.prop_map(|(at, id, total, kind, size, back)| {
        let id = (id > 0).then(|| format!("o{id}-{at}"));
        let mut events = vec![event_of("Order Completed", at, id.clone(), Some(total), kind, size)];
        if let (Some((whole, later, money)), Some(id)) = (back, id) {
            let name = if whole { "Order Cancelled" } else { "Order Refunded" };
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

fn worlds() -> impl Strategy<Value = World> {
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
fn instants(after: Instant) -> impl Iterator<Item = Instant> {
    (0..75).flat_map(|n| [day(n) - Span::millis(1), day(n)]).filter(move |at| *at > after)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn promises_5_1_to_5_6_rules_agree_with_the_reference_on_a_whole_log_at_any_instant(
        json in rules(), world in worlds(), at in 0..45i64, before in 0..2i64
    ) {
        let rule = rule(json.clone());
        let who = world.profile(&everything(&world.log));
        let now = day(at) - Span::millis(before);
        let answer = rule.evaluate(&who, now);
        prop_assert_eq!(answer.inside, holds(&json, &world, &who, now), "{} at {}", rule, now);
        prop_assert!(answer.until.is_none_or(|until| until > now));
        // Promise 5.5: until then nothing changes.
        for later in instants(now).take_while(|later| answer.until.is_none_or(|until| *later < until)) {
            prop_assert_eq!(answer.inside, holds(&json, &world, &who, later), "{} from {} at {}", rule, now, later);
        }
    }

    #[test]
    fn promise_5_4_what_a_rule_declares_to_keep_is_enough_for_it(json in rules(), mut world in worlds(), at in 0..45i64) {
        let rule = rule(json.clone());
        world.log.sort_by_key(|e| e.at);
        let last = world.log.last().map_or(day(0), |e| e.at);
        let who = world.profile(&rule.needs());
        for now in [last, last + Span::days(at)] {
            prop_assert_eq!(rule.evaluate(&who, now).inside, holds(&json, &world, &who, now), "{} at {}", rule, now);
        }
    }

    #[test]
    fn promise_5_1_de_morgan_and_double_negation(a in rules(), b in rules(), world in worlds(), at in 0..45i64) {
        let who = world.profile(&everything(&world.log));
        let ask = |json: Json| rule(json).evaluate(&who, day(at));
        prop_assert_eq!(
            ask(json!({"not": {"all": [a, b]}})),
            ask(json!({"any": [{"not": a}, {"not": b}]}))
        );
        prop_assert_eq!(
            ask(json!({"not": {"any": [a, b]}})),
            ask(json!({"all": [{"not": a}, {"not": b}]}))
        );
        prop_assert_eq!(ask(json!({"not": {"not": a}})), ask(a));
    }
}
