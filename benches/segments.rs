//! Segments by the thousand and by the million: a preview of twenty rules over a million customers, column by column, and
//! what an ordinary event costs where a thousand segments are defined.

#[path = "support/spread.rs"]
mod spread;

use cpu_time::ThreadTime;
use serde_json::{Value as Json, json};
use spread::{median, spread};
use throughline::{
    ChannelKind, Columns, Consent, Criteria, Customer, CustomerId, CustomerState, Event, Input, Instant, Key, Needs,
    Playbook, Reach, Segment, Span, Surroundings, Topic, ValueRef,
};

const CUSTOMERS: u64 = 1_000_000;
const RUNS: usize = 7;

fn main() {
    previews();
    thousand();
}

/// A customer of the host's own, made up from a number, so that a million need no memory.
struct Shopper {
    id: CustomerId,
    values: Vec<(Key, Option<Told>)>,
}

enum Told {
    Text(String),
    Whole(i64),
    Yes(bool),
}

impl Customer for Shopper {
    fn id(&self) -> CustomerId {
        self.id
    }
    fn attribute(&self, key: &Key) -> Option<ValueRef<'_>> {
        let (_, told) = self.values.iter().find(|(name, _)| name == key)?;
        Some(match told.as_ref()? {
            Told::Text(text) => ValueRef::Text(text),
            Told::Whole(n) => ValueRef::Int(*n),
            Told::Yes(b) => ValueRef::Bool(*b),
        })
    }
    fn contact_point(&self, _: &ChannelKind) -> Reach<'_> {
        Reach::Unknown
    }
    fn consent(&self, _: &ChannelKind, _: &Topic, _: Instant) -> Consent {
        Consent::NoRecord
    }
}

impl Shopper {
    fn new(now: Instant) -> Shopper {
        let names = [
            "country",
            "tier",
            "plan",
            "language",
            "source",
            "city",
            "age",
            "points",
            "cents_spent",
            "newsletter",
            "email",
            "birthday",
            "renewal",
        ];
        let mut shopper = Shopper { id: CustomerId::new("0"), values: names.map(|name| (Key::new(name), None)).into() };
        shopper.become_number(0, now);
        shopper
    }

    fn become_number(&mut self, n: u64, now: Instant) {
        let mut seed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d;
        let mut draw = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        let day = |at: Instant| Told::Text(at.to_string().chars().take(10).collect());
        let countries = ["DE", "DE", "DE", "AT", "CH", "FR", "US", "GB", "NL", "PL"];
        let told = [
            Told::Text(countries[draw(10) as usize].to_owned()),
            Told::Text(["gold", "platinum", "silver", "bronze"][draw(4) as usize].to_owned()),
            Told::Text(["plus", "pro", "free"][draw(3) as usize].to_owned()),
            Told::Text(["de", "de", "fr", "en", "pl"][draw(5) as usize].to_owned()),
            Told::Text(["search", "newsletter", "affiliate", "direct"][draw(4) as usize].to_owned()),
            Told::Text(format!("city {}", draw(3_000))),
            Told::Whole(16 + draw(70) as i64),
            Told::Whole(draw(10_000) as i64),
            Told::Whole(draw(500_000) as i64),
            Told::Yes(draw(2) == 0),
            Told::Text(format!("customer{n}@{}", ["example.com", "example.org", "mail.example"][draw(3) as usize])),
            day(now - Span::days(6_000 + draw(20_000) as i64)),
            day(now + Span::days(draw(730) as i64 - 365)),
        ];
        for ((_, value), told) in self.values.iter_mut().zip(told) {
            // One in twenty does not say.
            *value = (draw(20) > 0).then_some(told);
        }
    }
}

fn previews() {
    let now: Instant = "2026-03-02T12:00:00Z".parse().unwrap();
    let rules: Vec<Criteria> =
        rules().iter().map(|rule| Criteria::from_json(&rule.to_string()).unwrap_or_else(|f| panic!("{f}"))).collect();
    let mut needs = Needs::default();
    rules.iter().for_each(|rule| needs.merge(rule.needs()));
    let mut columns = Columns::new(&needs);
    let mut page: Vec<Shopper> = (0..1_000).map(|_| Shopper::new(now)).collect();
    let mut loading = std::time::Duration::ZERO;
    for first in (0..CUSTOMERS).step_by(page.len()) {
        (first..).zip(&mut page).for_each(|(n, who)| who.become_number(n, now));
        let start = ThreadTime::now();
        page.iter().for_each(|who| columns.push(who));
        loading += start.elapsed();
    }
    println!("Previews: {CUSTOMERS} customers, {} rules over {} attributes", rules.len(), needs.attributes.len());
    println!("  loaded once:                                    {:5} ms CPU", loading.as_millis());
    let mut times = Vec::new();
    let mut per_rule = vec![Vec::new(); rules.len()];
    for _ in 0..RUNS {
        let start = ThreadTime::now();
        for (rule, times) in rules.iter().zip(&mut per_rule) {
            let start = ThreadTime::now();
            std::hint::black_box(rule.select(&columns, now).unwrap().count());
            times.push(start.elapsed().as_micros() as u64);
        }
        times.push(start.elapsed().as_millis() as u64);
    }
    println!("  all rules on all customers, column by column:   {} ms CPU", spread(&mut times));
    // The same answers, one by one.
    let sample = 20_000;
    let found: Vec<_> = rules.iter().map(|rule| rule.select(&columns, now).unwrap()).collect();
    let (mut asking, mut who) = (std::time::Duration::ZERO, Shopper::new(now));
    for n in 0..sample {
        who.become_number(n as u64, now);
        let start = ThreadTime::now();
        let inside: Vec<bool> = rules.iter().map(|rule| rule.evaluate(&who, now).inside).collect();
        asking += start.elapsed();
        for (found, inside) in found.iter().zip(inside) {
            assert_eq!(found.contains(n), inside);
        }
    }
    let one_by_one = asking.as_millis() as u64 * CUSTOMERS / sample as u64;
    println!("  one by one, from {sample} of them:                 {one_by_one} ms CPU");
    for ((rule, found), times) in rules.iter().zip(found).zip(&mut per_rule) {
        println!("    {:6} us, {:7} inside: {rule}", median(times), found.count());
    }
}

fn rules() -> Vec<Json> {
    let (country, tier) =
        (json!({"attribute": "country", "in": ["DE", "AT", "CH"]}), json!({"attribute": "tier", "equals": "gold"}));
    let adult = json!({"attribute": "age", "between": [25, 54]});
    let rich = json!({"attribute": "cents_spent", "at_least": 200_000});
    vec![
        json!({"attribute": "country", "equals": "DE"}),
        json!({"all": [country, tier]}),
        json!({"all": [country, adult, {"attribute": "newsletter", "equals": true}]}),
        json!({"any": [tier, {"attribute": "points", "at_least": 5_000}]}),
        json!({"all": [{"not": country}, {"attribute": "language", "equals": "de"}]}),
        json!({"attribute": "plan", "not_equals": "free"}),
        json!({"all": [rich, {"attribute": "source", "not_in": ["affiliate", "search"]}]}),
        json!({"attribute": "city", "starts_with": "city 1"}),
        json!({"all": [{"attribute": "city", "in": ["city 1", "city 2", "city 3", "city 40"]}, adult]}),
        json!({"attribute": "renewal", "date": {"in_next": "30d"}}),
        json!({"all": [{"attribute": "renewal", "date": {"in_last": "90d"}}, {"attribute": "plan", "equals": "pro"}]}),
        json!({"attribute": "birthday", "date": {"anniversary": {"in_next": "7d"}}}),
        json!({"attribute": "email", "ends_with": "@example.org"}),
        json!({"all": [{"attribute": "age", "below": 30}, {"attribute": "points", "above": 100}, country, tier]}),
        json!({"attribute": "source", "exists": false}),
        json!({"any": [{"attribute": "country", "exists": false}, {"attribute": "language", "exists": false}]}),
        json!({"all": [{"any": [{"attribute": "plan", "equals": "plus"}, {"attribute": "plan", "equals": "pro"}]}, rich]}),
        json!({"not": {"all": [tier, {"attribute": "newsletter", "equals": true}]}}),
        json!({"all": [{"attribute": "points", "between": [1_000, 2_000]}, {"attribute": "language", "in": ["de", "en"]}]}),
        json!({"all": [{"attribute": "renewal", "date": {"before_now": true}}, {"attribute": "newsletter", "equals": false}, adult]}),
    ]
}

/// An event that five segments read, with and without 995 others.
fn thousand() {
    let five: Vec<(String, Json)> = (0..5_i64)
        .map(|n| {
            let rule = match n {
                0 => json!({"event": "Product Viewed", "within": "7d", "count": {"at_least": 3}}),
                1 => json!({"event": "Product Viewed", "last": {"older_than": "30d"}}),
                2 => json!({"all": [{"event": "Product Viewed", "within": "1d"}, {"not": {"event": "Order Completed"}}]}),
                3 => json!({"event": "Product Viewed", "where": {"category": "shoes"}, "within": "30d"}),
                _ => json!({"all": [{"attribute": "country", "equals": "DE"}, {"event": "Product Viewed", "within": "90d"}]}),
            };
            (format!("views {n}"), rule)
        })
        .collect();
    let others = (0..995).map(|n| {
        let rule = match n % 5 {
            0 => json!({"event": "Order Completed", "within": format!("{}d", 1 + n % 90), "count": {"at_least": 1 + n % 4}}),
            1 => json!({"attribute": format!("attribute {}", n % 40), "in": ["a", "b", n]}),
            2 => json!({"event": format!("Event {n}"), "last": {"older_than": "30d"}}),
            3 => json!({"all": [{"reachable": "email"}, {"attribute": "tier", "equals": "gold"}]}),
            _ => json!({"segment": format!("other {}", n - 1)}),
        };
        (format!("other {n}"), rule)
    });
    let playbook = |segments: Vec<(String, Json)>| {
        let segments: serde_json::Map<String, Json> = segments.into_iter().collect();
        let json = json!({"version": 1, "currency": "EUR", "segments": segments});
        Playbook::from_json(&json.to_string()).unwrap_or_else(|faults| panic!("{faults}"))
    };
    let few = playbook(five.clone());
    let many = playbook(five.into_iter().chain(others).collect());
    let start: Instant = "2026-03-02T12:00:00Z".parse().unwrap();
    let around = Surroundings::default();
    let fresh = || CustomerState::new(CustomerId::new("anna"), start);
    let mut records = [(&few, fresh(), Vec::new()), (&many, fresh(), Vec::new())];
    const BATCH: usize = 1_000;
    for batch in 0..200 {
        // A view every seven hours: a hundred in a month.
        let events: Vec<(Instant, Event)> = (0..BATCH)
            .map(|n| {
                let at = start + Span::minutes(420 * (batch * BATCH + n) as i64);
                let event = Event::track("Product Viewed").user("anna").id(&format!("{batch}-{n}")).at(at);
                (at, event.property("category", if n % 9 == 0 { "shoes" } else { "hats" }))
            })
            .collect();
        for (playbook, anna, times) in &mut records {
            let inputs: Vec<(Instant, Input)> =
                events.iter().map(|(at, event)| (*at, Input::Event(event.clone().into()))).collect();
            let cpu = ThreadTime::now();
            for (at, input) in &inputs {
                playbook.step(anna, input, &around, *at).unwrap();
            }
            times.push(cpu.elapsed().as_nanos() as u64 / BATCH as u64);
        }
    }
    println!("An event that 5 segments read, CPU time per event, median (least to most) of 200 batches");
    let [(_, _, few), (_, _, many)] = &mut records;
    println!("  5 segments defined:     {} ns", spread(few));
    println!("  1,000 segments defined: {} ns", spread(many));
}
