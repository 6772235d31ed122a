//! The promises again, written a second time as plainly as possible: over the raw events and the raw JSON, with no index,
//! no order and no memory. What the rules answer has to agree with it.

use serde_json::{Value as Json, json};

use super::trial::{Logged, customer, day};
use crate::customer::{ConsentRecord, Customer, Profile, Standing};
use crate::event::Basis;
use crate::primitives::{ChannelKind, Instant, Key, Span};

/// What there is to know of a customer.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) log: Vec<Logged>,
    pub(super) age: Option<i64>,
    pub(super) age_since: i64,
    pub(super) renewal: Option<i64>,
    pub(super) loyal: bool,
    pub(super) grant: Option<(i64, i64)>,
    pub(super) engaged: Option<i64>,
}

impl World {
    pub(super) fn profile(&self, needs: &crate::primitives::Needs) -> Profile {
        let mut profile = customer(&self.log, needs);
        if let Some(age) = self.age {
            profile.attributes.set(&"age".into(), age.into(), day(self.age_since));
        }
        if let Some(renewal) = self.renewal {
            profile.attributes.set(&"renewal".into(), day(renewal).to_string().as_str().into(), day(0));
        }
        if self.loyal {
            let segment = Key::new("loyal").hash();
            profile.memberships.set(Standing::new(segment, true, Instant::MAX));
        }
        if let Some((at, expires)) = self.grant {
            profile.consents.record(ConsentRecord {
                expires: Some(day(expires)),
                ..ConsentRecord::granted(ChannelKind::Email, Basis::Express, day(at))
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

pub(super) fn holds(ask: &Json, world: &World, who: &Profile, now: Instant) -> bool {
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
