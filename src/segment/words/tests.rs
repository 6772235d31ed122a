//! Every rule that JSON can say is said in words too, and both are the same.

use proptest::prelude::{ProptestConfig, prop_assert_eq, proptest};
use rust_decimal::Decimal;
use serde_json::{Value as Json, json};

use super::super::sayable;
use super::super::trial::rule;
use super::*;
use crate::customer::{BuyerStage, Lifecycle};
use crate::event::Basis;
use crate::primitives::{ChannelKind, DeviceKind, Instant, Value};
use crate::segment::ConsentState;

fn text(json: &Json) -> &str {
    json.as_str().unwrap()
}

fn span(json: &Json) -> Span {
    text(json).parse().unwrap()
}

fn value(json: &Json) -> Value {
    Value::from_json(json).unwrap()
}

fn decimal(json: &Json) -> Decimal {
    json.as_str().map_or_else(|| json.to_string(), str::to_owned).parse().unwrap()
}

fn count(json: &Json) -> u32 {
    json.as_u64().unwrap().try_into().unwrap()
}

fn fields(json: &Json) -> impl Iterator<Item = (&str, &Json)> {
    json.as_object().unwrap().iter().map(|(name, value)| (name.as_str(), value))
}

fn limits<T>(json: &Json, read: impl Fn(&Json) -> T) -> Limits<T> {
    let one = |(name, wanted): (&str, &Json)| {
        Some(match name {
            "equals" => equals(read(wanted)),
            "above" => above(read(wanted)),
            "below" => below(read(wanted)),
            "at_least" => at_least(read(wanted)),
            "at_most" => at_most(read(wanted)),
            "between" => between(read(&wanted[0]), read(&wanted[1])),
            _ => return None,
        })
    };
    fields(json).filter_map(one).reduce(Limits::and).unwrap()
}

fn one_test(name: &str, wanted: &Json) -> Option<Test> {
    let values = || wanted.as_array().unwrap().iter().map(value);
    Some(match name {
        "not_equals" => not_equals(value(wanted)),
        "in" => one_of(values()),
        "not_in" => none_of(values()),
        "contains" => contains(value(wanted)),
        "starts_with" => starts_with(text(wanted)),
        "ends_with" => ends_with(text(wanted)),
        "exists" if *wanted == true => exists(),
        "exists" => is_missing(),
        "attribute" | "for" | "date" => return None,
        _ => limits(&json!({name: wanted}), value).into(),
    })
}

fn test(json: &Json) -> Option<Test> {
    fields(json).filter_map(|(name, wanted)| one_test(name, wanted)).reduce(Test::and)
}

/// What each clause of a filter says: a test, or the trigger's path.
fn clauses(filter: &Json) -> impl Iterator<Item = (&str, Result<Test, &str>)> {
    fields(filter).map(|(path, clause)| match clause.get("trigger") {
        Some(trigger) => (path, Err(text(trigger))),
        None if clause.is_object() => (path, Ok(test(clause).unwrap())),
        None => (path, Ok(equals(value(clause)).into())),
    })
}

fn age(json: &Json) -> Age {
    let one = |(name, wanted): (&str, &Json)| match name {
        "older_than" => older_than(span(wanted)),
        _ => younger_than(span(wanted)),
    };
    fields(json).map(one).reduce(Age::and).unwrap()
}

fn when(json: &Json) -> When {
    let anniversary = |(name, wanted): (&str, &Json)| match name {
        "in_next" => anniversary_in_next(span(wanted)),
        _ => anniversary_in_last(span(wanted)),
    };
    let one = |(name, wanted): (&str, &Json)| match name {
        "in_next" => in_next(span(wanted)),
        "in_last" => in_last(span(wanted)),
        "older_than" => older_than(span(wanted)).into(),
        "before_now" if *wanted == true => has_passed(),
        "before_now" => is_to_come(),
        _ => fields(wanted).map(anniversary).reduce(When::and).unwrap(),
    };
    fields(json).map(one).reduce(When::and).unwrap()
}

fn said_attribute(json: &Json) -> CriteriaBuilder {
    let mut words = attribute(text(&json["attribute"]));
    let Some(test) = test(json) else { return words.date(when(&json["date"])) };
    if let Some(date) = json.get("date") {
        words = words.dated(when(date));
    }
    match json.get("for") {
        Some(lasting) => words.has_been(test).for_at_least(span(lasting)),
        None => words.is(test),
    }
}

fn said_event(json: &Json) -> CriteriaBuilder {
    let mut words = event(text(&json["event"]));
    for (name, wanted) in fields(json) {
        let at = || text(wanted).parse::<Instant>().unwrap();
        words = match name {
            "where" => clauses(wanted).fold(words, |words, (path, clause)| match clause {
                Ok(test) => words.with(path, test),
                Err(trigger) => words.same_as_trigger(path, trigger),
            }),
            "within" => words.within(span(wanted)),
            "since" => words.since(at()),
            "until" => words.until(at()),
            "currency" => words.in_currency(text(wanted).parse().unwrap()),
            "money" => words.gross(),
            _ => words,
        };
    }
    for (name, wanted) in fields(json) {
        let of = || text(&wanted["of"]);
        return match name {
            "never" if *wanted == true => words.never(),
            "count" => words.count(limits(wanted, count)),
            "sum" => words.sum(of(), limits(wanted, decimal)),
            "average" => words.average(of(), limits(wanted, decimal)),
            "min" => words.min(of(), limits(wanted, decimal)),
            "max" => words.max(of(), limits(wanted, decimal)),
            "distinct" => words.distinct(of(), limits(wanted, count)),
            "first" => words.first(age(wanted)),
            "last" => words.last(age(wanted)),
            "gap" => words.gap(limits(wanted, span)),
            _ => continue,
        };
    }
    words.happened()
}

fn said_sequence(json: &Json) -> CriteriaBuilder {
    let one = |json: &Json| match json.as_str() {
        Some(name) => name.into(),
        None => clauses(&json["where"]).fold(step(text(&json["event"])), |step, (path, clause)| match clause {
            Ok(test) => step.with(path, test),
            Err(trigger) => step.same_as_trigger(path, trigger),
        }),
    };
    let mut words = sequence(json["sequence"].as_array().unwrap().iter().map(one));
    if let Some(within) = json.get("within") {
        words = words.within(span(within));
    }
    if let Some(last) = json.get("in_last") {
        words = words.in_last(span(last));
    }
    words.happened()
}

fn one<T: Copy>(json: &Json, names: &[(&str, T)]) -> T {
    names.iter().find(|(name, _)| *name == text(json)).unwrap().1
}

fn stages<T: Copy>(json: &Json, names: &[(&str, T)]) -> Vec<T> {
    let one = |json: &Json| one(json, names);
    json.as_array().map_or_else(|| vec![one(json)], |list| list.iter().map(one).collect())
}

/// The same rule in words.
fn said(json: &Json) -> CriteriaBuilder {
    let list = |json: &Json| json.as_array().unwrap().iter().map(said).collect::<Vec<_>>();
    let channel = |json: &Json| ChannelKind::from_name(text(json));
    for name in ["attribute", "event", "sequence"] {
        if json.get(name).is_some() {
            return match name {
                "attribute" => said_attribute(json),
                "event" => said_event(json),
                _ => said_sequence(json),
            };
        }
    }
    let (name, wanted) = fields(json).next().unwrap();
    let is_gross = wanted.get("money").is_some();
    match name {
        "all" if *wanted == json!([]) => everyone(),
        "all" => all(list(wanted)),
        "any" => any(list(wanted)),
        "not" => not(said(wanted)),
        "segment" => in_segment(text(wanted)),
        "consent" => {
            let (on, topic) = (channel(&wanted["channel"]), text(&wanted["topic"]));
            match (wanted.get("state"), wanted.get("basis")) {
                (Some(state), _) => consent_is(one(state, &ConsentState::WORDS), on, topic),
                (None, Some(bases)) => {
                    let bases = bases.as_array().unwrap().iter().map(|basis| one(basis, Basis::WORDS));
                    consented_on(bases, on, topic)
                }
                (None, None) => consented(on, topic),
            }
        }
        "reachable" if wanted.is_object() => {
            reachable_on(&DeviceKind::from_name(text(&wanted["device"])).unwrap(), channel(&wanted["channel"]))
        }
        "reachable" => reachable(channel(wanted)),
        "preferred_channel" => prefers(channel(wanted)),
        "engaged" => match wanted.get("within") {
            Some(within) => engaged_within(channel(&wanted["channel"]), span(within)),
            None => engaged(channel(&wanted["channel"])),
        },
        "identified" if *wanted == true => identified(),
        "identified" => not_identified(),
        "first_seen" => first_seen(age(wanted)),
        "last_seen" => last_seen(age(wanted)),
        "bucket" => in_bucket(text(&wanted["of"]), count(&wanted["from"])..count(&wanted["to"])),
        "lifecycle" => lifecycle(stages(wanted, &Lifecycle::NAMES)),
        "buyer_stage" => buyer_stage(stages(wanted, &BuyerStage::NAMES)),
        "affinity" => {
            let words = match wanted.get("category") {
                Some(name) => likes_category(text(name)),
                None => likes_brand(text(&wanted["brand"])),
            };
            match wanted.get("share") {
                Some(share) => words.share(limits(share, decimal)),
                None => words.score(limits(&wanted["score"], decimal)),
            }
        }
        "lifetime_value" if is_gross => gross().lifetime_value(limits(wanted, decimal)),
        "lifetime_value" => lifetime_value(limits(wanted, decimal)),
        "average_order" if is_gross => gross().average_order(limits(wanted, decimal)),
        "average_order" => average_order(limits(wanted, decimal)),
        "orders" if is_gross => gross().orders(limits(wanted, count)),
        "orders" => orders(limits(wanted, count)),
        "best_hour" => {
            let mut words = best_hour();
            for (name, wanted) in fields(wanted) {
                words = if name == "hour" {
                    words.hour(limits(wanted, count))
                } else {
                    words.engagements(limits(wanted, count))
                };
            }
            words.holds()
        }
        "learned_channel" => {
            let mut words = learned_channel();
            for (name, wanted) in fields(wanted) {
                words = match name {
                    "channel" => words.is(channel(wanted)),
                    "sent" => words.sent(limits(wanted, count)),
                    _ => words.engaged(limits(wanted, count)),
                };
            }
            words.holds()
        }
        "device" => {
            let mut words = device(text(&wanted["kind"]));
            for (name, wanted) in fields(wanted) {
                words = match name {
                    "engagements" => words.engagements(limits(wanted, count)),
                    "share" => words.share(limits(wanted, decimal)),
                    _ => words,
                };
            }
            words.holds()
        }
        "trigger" => clauses(wanted)
            .fold(trigger(), |words, (path, clause)| match clause {
                Ok(test) => words.with(path, test),
                Err(at) => words.same_as_trigger(path, at),
            })
            .holds(),
        other => panic!("{other}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn promise_5_2_words_and_json_make_the_same_rule_and_it_reads_what_it_writes(json in sayable::rules()) {
        let (read, built) = (rule(json.clone()), said(&json).build());
        prop_assert_eq!(&built, &Ok(read.clone()), "{}", json);
        prop_assert_eq!(&Criteria::from_json(&read.to_json()), &Ok(read.clone()), "{}", read.to_json());
        prop_assert_eq!(&Criteria::from_json(&said(&json).to_json()), &Ok(read.clone()));
        prop_assert_eq!(serde_json::to_string(&read).unwrap(), read.to_json());
    }
}

#[test]
fn a_rule_reads_like_its_sentence() {
    let spoken = all([
        event("Order Completed").with("total", at_least(50)).with("coupon", equals("X")).within(days(30)).at_least(3),
        event("Order Completed").sum("total", above(100).and(at_most(500))),
        attribute("age").between(18, 30),
        attribute("tier").has_been(one_of(["gold", "platinum"])).for_at_least(days(7)),
        attribute("birthday").date(anniversary_in_next(days(7))),
        not(any([in_segment("staff"), prefers(ChannelKind::Sms)])),
        sequence(["Product Added", "Order Completed"]).within(hours(1)).happened(),
        lifecycle([Lifecycle::AtRisk, Lifecycle::Dormant]),
    ]);
    assert_eq!(
        spoken.build().unwrap(),
        rule(json!({"all": [
            {"event": "Order Completed", "where": {"total": {"at_least": 50}, "coupon": "X"}, "within": "30d",
             "count": {"at_least": 3}},
            {"event": "Order Completed", "sum": {"of": "total", "above": 100, "at_most": 500}},
            {"attribute": "age", "between": [18, 30]},
            {"attribute": "tier", "in": ["gold", "platinum"], "for": "7d"},
            {"attribute": "birthday", "date": {"anniversary": {"in_next": "7d"}}},
            {"not": {"any": [{"segment": "staff"}, {"preferred_channel": "sms"}]}},
            {"sequence": ["Product Added", "Order Completed"], "within": "1h"},
            {"lifecycle": ["at_risk", "dormant"]},
        ]}))
    );
}

#[test]
fn promise_6_1_all_that_is_wrong_with_a_rule_in_words_is_told_at_once() {
    let faulty = all([
        event("A").within(days(0)).happened(),
        event("").never(),
        attribute("age").is(at_least(3).and(at_least(5))),
        event("A").with("tag", contains("x")).with("tag", contains("y")).happened(),
        attribute("price").equals("0.12345678901234567890123".parse::<Decimal>().unwrap()),
        event("A").first(older_than(days(3)).and(younger_than(days(2)))),
        event("A").within(days(1)).since(Instant::from_millis(0)).exactly(2_000_000),
        lifecycle([]),
        rfm().group("champions").holds(),
        sequence(["A"]).happened(),
    ]);
    let faults = faulty.build().unwrap_err();
    let paths: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "$.all[0].within",
            "$.all[1].event",
            "$.all[2].at_least",
            "$.all[3].where.tag.contains",
            "$.all[4].equals",
            "$.all[5].first",
            "$.all[6]",
            "$.all[6].count.equals",
            "$.all[7].lifecycle",
            "$.all[8].rfm",
            "$.all[9].sequence",
        ],
        "{faults}"
    );
}

#[test]
fn a_rule_that_is_nested_too_deeply_is_a_fault_however_deep_it_is() {
    let deep = (0..100_000).fold(identified(), |rule, _| not(rule));
    assert!(deep.build().unwrap_err().to_string().contains("nested more than 32 deep"));
    let wide = (0..10_000).fold(identified(), |rule, _| all([everyone(), rule]));
    assert!(wide.build().unwrap_err().to_string().contains("nested more than 32 deep"));
    assert!((1..32).fold(identified(), |rule, _| any([rule])).build().is_ok());
}
