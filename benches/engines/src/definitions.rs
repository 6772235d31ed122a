//! Eight rules of one to eight conditions, each written five times.

use serde_json::{Value as Json, json};

use crate::customers::Shopper;

/// One rule in every language.
pub struct Rule {
    pub by_hand: fn(&Shopper, i64) -> bool,
    pub criteria: Json,
    pub json_logic: Json,
    pub zen: &'static str,
    pub cel: &'static str,
}

const DAY: i64 = 86_400_000;

fn is(text: &Option<String>, wanted: &str) -> bool {
    text.as_deref() == Some(wanted)
}

fn is_one_of(text: &Option<String>, wanted: &[&str]) -> bool {
    text.as_deref().is_some_and(|text| wanted.contains(&text))
}

/// Whether there are so many since then: the latest come last.
fn at_least(n: usize, times: &[i64], since: i64) -> bool {
    times.len() >= n && times[times.len() - n] > since
}

pub fn rules() -> Vec<Rule> {
    let email = || json!({"consent": {"channel": "email", "topic": "offers"}});
    let push = || json!({"consent": {"channel": "push", "topic": "news"}});
    vec![
        Rule {
            by_hand: |who, _| is(&who.country, "DE"),
            criteria: json!({"attribute": "country", "equals": "DE"}),
            json_logic: json!({"==": [{"var": "country"}, "DE"]}),
            zen: r#"country == "DE""#,
            cel: r#"country == "DE""#,
        },
        Rule {
            by_hand: |who, now| is_one_of(&who.tier, &["gold", "platinum"]) && who.allows("email", "offers", now),
            criteria: json!({"all": [{"attribute": "tier", "in": ["gold", "platinum"]}, email()]}),
            json_logic: json!({"and": [{"in": [{"var": "tier"}, ["gold", "platinum"]]}, {"var": "email_offers"}]}),
            zen: r#"tier in ["gold", "platinum"] and email_offers"#,
            cel: r#"tier in ["gold", "platinum"] && email_offers"#,
        },
        Rule {
            by_hand: |who, now| {
                (25..=54).contains(&who.age) && at_least(2, &who.orders, now - 90 * DAY) && is(&who.language, "de")
            },
            criteria: json!({"all": [
                {"attribute": "age", "between": [25, 54]},
                {"event": "Order Completed", "within": "90d", "count": {"at_least": 2}},
                {"attribute": "language", "equals": "de"},
            ]}),
            json_logic: json!({"and": [
                {"<=": [25, {"var": "age"}, 54]}, {">=": [{"var": "orders_90d"}, 2]}, {"==": [{"var": "language"}, "de"]},
            ]}),
            zen: r#"age >= 25 and age <= 54 and orders_90d >= 2 and language == "de""#,
            cel: r#"age >= 25 && age <= 54 && orders_90d >= 2 && language == "de""#,
        },
        Rule {
            by_hand: |who, now| {
                is_one_of(&who.country, &["DE", "AT", "CH", "FR"])
                    && who.points >= 500
                    && !is(&who.source, "affiliate")
                    && who.allows("email", "offers", now)
            },
            criteria: json!({"all": [
                {"attribute": "country", "in": ["DE", "AT", "CH", "FR"]},
                {"attribute": "points", "at_least": 500},
                {"attribute": "source", "not_equals": "affiliate"},
                email(),
            ]}),
            json_logic: json!({"and": [
                {"in": [{"var": "country"}, ["DE", "AT", "CH", "FR"]]}, {">=": [{"var": "points"}, 500]},
                {"!=": [{"var": "source"}, "affiliate"]}, {"var": "email_offers"},
            ]}),
            zen: r#"country in ["DE", "AT", "CH", "FR"] and points >= 500 and source != "affiliate" and email_offers"#,
            cel: r#"country in ["DE", "AT", "CH", "FR"] && points >= 500 && source != "affiliate" && email_offers"#,
        },
        Rule {
            by_hand: |who, now| {
                (is(&who.tier, "gold") || who.points >= 2_000)
                    && is_one_of(&who.country, &["DE", "AT", "CH"])
                    && who.age >= 18
                    && at_least(3, &who.views, now - 7 * DAY)
            },
            criteria: json!({"all": [
                {"any": [{"attribute": "tier", "equals": "gold"}, {"attribute": "points", "at_least": 2000}]},
                {"attribute": "country", "in": ["DE", "AT", "CH"]},
                {"attribute": "age", "at_least": 18},
                {"event": "Product Viewed", "within": "7d", "count": {"at_least": 3}},
            ]}),
            json_logic: json!({"and": [
                {"or": [{"==": [{"var": "tier"}, "gold"]}, {">=": [{"var": "points"}, 2000]}]},
                {"in": [{"var": "country"}, ["DE", "AT", "CH"]]}, {">=": [{"var": "age"}, 18]},
                {">=": [{"var": "views_7d"}, 3]},
            ]}),
            zen: r#"(tier == "gold" or points >= 2000) and country in ["DE", "AT", "CH"] and age >= 18 and views_7d >= 3"#,
            cel: r#"(tier == "gold" || points >= 2000) && country in ["DE", "AT", "CH"] && age >= 18 && views_7d >= 3"#,
        },
        Rule {
            by_hand: |who, now| {
                is(&who.language, "de")
                    && who.age <= 65
                    && is_one_of(&who.plan, &["plus", "pro"])
                    && !at_least(1, &who.orders, now - 30 * DAY)
                    && who.allows("push", "news", now)
                    && who.household >= 2
            },
            criteria: json!({"all": [
                {"attribute": "language", "equals": "de"},
                {"attribute": "age", "at_most": 65},
                {"attribute": "plan", "in": ["plus", "pro"]},
                {"event": "Order Completed", "within": "30d", "never": true},
                push(),
                {"attribute": "household", "at_least": 2},
            ]}),
            json_logic: json!({"and": [
                {"==": [{"var": "language"}, "de"]}, {"<=": [{"var": "age"}, 65]},
                {"in": [{"var": "plan"}, ["plus", "pro"]]}, {"==": [{"var": "orders_30d"}, 0]}, {"var": "push_news"},
                {">=": [{"var": "household"}, 2]},
            ]}),
            zen: r#"language == "de" and age <= 65 and plan in ["plus", "pro"] and orders_30d == 0 and push_news and household >= 2"#,
            cel: r#"language == "de" && age <= 65 && plan in ["plus", "pro"] && orders_30d == 0 && push_news && household >= 2"#,
        },
        Rule {
            by_hand: |who, now| {
                who.allows("email", "offers", now)
                    && is_one_of(&who.country, &["DE", "AT", "CH", "FR"])
                    && is_one_of(&who.tier, &["gold", "platinum", "silver"])
                    && (18..=70).contains(&who.age)
                    && at_least(1, &who.views, now - 7 * DAY)
                    && !is(&who.source, "affiliate")
                    && who.points >= 250
            },
            criteria: json!({"all": [
                email(),
                {"attribute": "country", "in": ["DE", "AT", "CH", "FR"]},
                {"attribute": "tier", "in": ["gold", "platinum", "silver"]},
                {"attribute": "age", "between": [18, 70]},
                {"event": "Product Viewed", "within": "7d"},
                {"attribute": "source", "not_equals": "affiliate"},
                {"attribute": "points", "at_least": 250},
            ]}),
            json_logic: json!({"and": [
                {"var": "email_offers"}, {"in": [{"var": "country"}, ["DE", "AT", "CH", "FR"]]},
                {"in": [{"var": "tier"}, ["gold", "platinum", "silver"]]}, {"<=": [18, {"var": "age"}, 70]},
                {">=": [{"var": "views_7d"}, 1]}, {"!=": [{"var": "source"}, "affiliate"]},
                {">=": [{"var": "points"}, 250]},
            ]}),
            zen: r#"email_offers and country in ["DE", "AT", "CH", "FR"] and tier in ["gold", "platinum", "silver"] and age >= 18 and age <= 70 and views_7d >= 1 and source != "affiliate" and points >= 250"#,
            cel: r#"email_offers && country in ["DE", "AT", "CH", "FR"] && tier in ["gold", "platinum", "silver"] && age >= 18 && age <= 70 && views_7d >= 1 && source != "affiliate" && points >= 250"#,
        },
        Rule {
            by_hand: |who, now| {
                is(&who.country, "DE")
                    && is(&who.language, "de")
                    && is_one_of(&who.plan, &["plus", "pro", "free"])
                    && who.age >= 21
                    && who.points >= 100
                    && who.household <= 4
                    && who.allows("push", "news", now)
                    && at_least(1, &who.orders, now - 90 * DAY)
            },
            criteria: json!({"all": [
                {"attribute": "country", "equals": "DE"},
                {"attribute": "language", "equals": "de"},
                {"attribute": "plan", "in": ["plus", "pro", "free"]},
                {"attribute": "age", "at_least": 21},
                {"attribute": "points", "at_least": 100},
                {"attribute": "household", "at_most": 4},
                push(),
                {"event": "Order Completed", "within": "90d"},
            ]}),
            json_logic: json!({"and": [
                {"==": [{"var": "country"}, "DE"]}, {"==": [{"var": "language"}, "de"]},
                {"in": [{"var": "plan"}, ["plus", "pro", "free"]]}, {">=": [{"var": "age"}, 21]},
                {">=": [{"var": "points"}, 100]}, {"<=": [{"var": "household"}, 4]}, {"var": "push_news"},
                {">=": [{"var": "orders_90d"}, 1]},
            ]}),
            zen: r#"country == "DE" and language == "de" and plan in ["plus", "pro", "free"] and age >= 21 and points >= 100 and household <= 4 and push_news and orders_90d >= 1"#,
            cel: r#"country == "DE" && language == "de" && plan in ["plus", "pro", "free"] && age >= 21 && points >= 100 && household <= 4 && push_news && orders_90d >= 1"#,
        },
    ]
}
