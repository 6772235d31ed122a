//! Every condition read back as a sentence.

use serde_json::{Value as Json, json};

use super::criteria::KINDS;
use super::trial::rule;

#[test]
fn every_condition_reads_as_a_sentence() {
    let sentences = [
        (json!({"any": [{"identified": true}]}), "identified"),
        (json!({"all": []}), "everyone"),
        (json!({"not": {"any": [{"identified": true}, {"segment": "vip"}]}}), "not (identified or in segment vip)"),
        (json!({"attribute": "tier", "in": ["gold", 1], "for": "7d"}), "tier is one of \"gold\", 1 for at least 7d"),
        (
            json!({"attribute": "a", "date": {"in_next": "7d", "before_now": false}}),
            "a is in the next 7d and is still to come",
        ),
        (json!({"attribute": "a", "exists": false}), "a is not known"),
        (json!({"attribute": "a", "date": {"anniversary": {"in_last": "1d"}}}), "a had its anniversary in the last 1d"),
        (json!({"attribute": "a.b", "between": [1, 5]}), "a.b is between 1 and 5"),
        (json!({"event": "A"}), "A at least once"),
        (json!({"event": "A", "never": true, "within": "30d"}), "no A in the last 30d"),
        (json!({"event": "A", "count": {"at_least": 3}, "within": "30d"}), "A at least 3 times in the last 30d"),
        (json!({"event": "A", "count": {"at_most": 1}}), "A at most once"),
        (
            json!({"event": "Order Completed", "sum": {"of": "total", "at_least": 100}, "currency": "EUR", "money": "gross", "where": {"coupon": "X"}, "since": "2026-01-01"}),
            "the sum of total of Order Completed in EUR where coupon is \"X\" since 2026-01-01T00:00:00Z is at least 100 (gross)",
        ),
        (json!({"event": "A", "max": {"of": "n", "above": 3}}), "the greatest n of A is above 3"),
        (json!({"event": "A", "distinct": {"of": "b", "equals": 2}}), "exactly 2 different b of A"),
        (json!({"event": "A", "first": {"younger_than": "90d"}}), "the first A was less than 90d ago"),
        (json!({"event": "A", "last": {"older_than": "90d"}}), "the last A was at least 90d ago"),
        (json!({"event": "A", "gap": {"at_least": "60d"}}), "the last two A are at least 60d apart"),
        (json!({"sequence": ["A", "B"], "within": "1d"}), "A then B within 1d"),
        (json!({"segment": "vip"}), "in segment vip"),
        (json!({"consent": {"channel": "email", "topic": "offers"}}), "consents to offers by email"),
        (json!({"reachable": "sms"}), "reachable by sms"),
        (json!({"preferred_channel": "sms"}), "prefers sms"),
        (json!({"engaged": {"channel": "sms"}}), "ever engaged by sms"),
        (json!({"engaged": {"channel": "sms", "within": "9d"}}), "engaged by sms in the last 9d"),
        (json!({"identified": false}), "not identified"),
        (json!({"first_seen": {"younger_than": "60s"}}), "first seen less than 1m ago"),
        (json!({"last_seen": {"older_than": "9d"}}), "last seen at least 9d ago"),
        (json!({"bucket": {"of": "t", "from": 0, "to": 50}}), "draws from 0 to below 50 of 100 for t"),
        (json!({"lifecycle": ["at_risk", "dormant"]}), "as a customer is at risk or dormant"),
        (json!({"buyer_stage": "decision"}), "in the buyer's journey is at decision"),
        (
            json!({"affinity": {"category": "tea", "share": {"at_least": "0.5"}}}),
            "the share of the category tea is at least 0.5",
        ),
        (json!({"lifetime_value": {"at_least": 500}}), "the lifetime value is at least 500"),
        (json!({"orders": {"between": [1, 3]}}), "the number of orders is between 1 and 3"),
        (json!({"average_order": {"below": 9, "money": "gross"}}), "the average order is below 9 (gross)"),
        (
            json!({"best_hour": {"hour": {"between": [18, 21]}, "engagements": {"at_least": 3}}}),
            "the hour of most engagement, with at least 3 engagements, is between 18 and 21",
        ),
        (
            json!({"learned_channel": {"channel": "sms", "engaged": {"above": 2}, "sent": {"at_most": 9}}}),
            "engages best by sms, with above 2 messages engaged with of at most 9 sent",
        ),
        (
            json!({"device": {"kind": "ios", "engagements": {"at_least": 2}, "share": {"above": "0.5"}}}),
            "engages on ios at least 2 times, a share of above 0.5",
        ),
        (json!({"trigger": {"total": {"above": 9}}}), "the trigger's total is above 9"),
    ];
    for (json, sentence) in &sentences {
        assert_eq!(rule(json.clone()).to_string(), *sentence);
    }
    // Of every kind there is one; RFM, which needs a model, is told with its own.
    for kind in KINDS.into_iter().filter(|kind| *kind != "rfm") {
        let named = |(json, _): &(Json, &str)| json.get(kind).is_some();
        assert!(sentences.iter().any(named), "no sentence of `{kind}`");
    }
}
