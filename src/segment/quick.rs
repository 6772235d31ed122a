//! One test of one value, in the form in which the most common values are quickest compared.

use super::compare::Operator;
use crate::customer::{Cell, Profile, Short};
use crate::primitives::{Key, Value};

/// A test of an attribute that reads nothing but its value, for the most common values: of others the condition is asked.
#[derive(Debug, Clone)]
pub(super) struct Quick {
    hash: u64,
    wanted: bool,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    /// Is this short text.
    Text([u64; 2]),
    /// Is one of these, sorted.
    Texts(Box<[[u64; 2]]>),
    /// Is a whole number between these, both included.
    Number(i64, i64),
}

impl Quick {
    pub(super) fn of(key: &Key, operator: &Operator, negated: bool) -> Option<Quick> {
        let test = match operator {
            Operator::Equals(Value::Int(n)) => Test::Number(*n, *n),
            Operator::Above(Value::Int(n)) => Test::Number(n.checked_add(1)?, i64::MAX),
            Operator::Below(Value::Int(n)) => Test::Number(i64::MIN, n.checked_sub(1)?),
            Operator::AtLeast(Value::Int(n)) => Test::Number(*n, i64::MAX),
            Operator::AtMost(Value::Int(n)) => Test::Number(i64::MIN, *n),
            Operator::Between(Value::Int(low), Value::Int(high)) => Test::Number(*low, *high),
            Operator::Equals(value) => Test::Text(words(value)?),
            Operator::In(list) => {
                let mut texts: Vec<[u64; 2]> = list.iter().map(words).collect::<Option<_>>()?;
                texts.sort_unstable();
                texts.dedup();
                Test::Texts(texts.into())
            }
            _ => return None,
        };
        Some(Quick { hash: key.hash(), wanted: !negated, test })
    }

    /// Whether a record's attribute passes; `None` if it takes more than a look.
    #[inline(always)]
    pub(super) fn at_a_glance(&self, profile: &Profile) -> Option<bool> {
        let found = match (profile.attributes.cell(self.hash), &self.test) {
            (Some(Cell::Short(text)), Test::Text(wanted)) => is(text.words(), *wanted),
            (Some(Cell::Short(text)), Test::Texts(texts)) => is_one_of(text.words(), texts),
            (Some(Cell::Int(n)), Test::Number(low, high)) => (low <= n) & (n <= high),
            (None, _) if profile.place.is_none() => false,
            _ => return None,
        };
        Some(found == self.wanted)
    }
}

/// Of a short text.
fn words(value: &Value) -> Option<[u64; 2]> {
    Some(Short::of(value.as_str()?)?.words())
}

#[inline]
fn is([a, b]: [u64; 2], [c, d]: [u64; 2]) -> bool {
    (a ^ c) | (b ^ d) == 0
}

#[inline]
fn is_one_of(text: [u64; 2], sorted: &[[u64; 2]]) -> bool {
    /// Up to so many are sooner looked through than searched, and all of them: where to stop cannot be foretold.
    const FEW: usize = 8;
    if sorted.len() > FEW {
        return sorted.binary_search(&text).is_ok();
    }
    sorted.iter().fold(false, |found, wanted| found | is(text, *wanted))
}

#[cfg(test)]
mod tests {
    use super::super::trial::{day, rule};
    use super::super::{Facts, Segment};
    use super::*;
    use crate::primitives::CustomerId;
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    fn texts() -> impl Strategy<Value = String> {
        prop_oneof!["[ab]{0,4}", "[ab]{7,10}", "[aß]{1,3}", "aaaaaaaaaaaaa[ab]{0,2}"]
    }

    fn scalars() -> impl Strategy<Value = Json> {
        prop_oneof![
            4 => texts().prop_map(Json::from),
            4 => (-3..4i64).prop_map(Json::from),
            1 => prop::sample::select(vec![i64::MIN, i64::MAX]).prop_map(Json::from),
            2 => (-7..8i64).prop_map(|halves| json!(halves as f64 / 2.0)),
            1 => any::<bool>().prop_map(Json::from),
        ]
    }

    fn orders(value: &Json) -> bool {
        !value.is_boolean()
    }

    fn tests() -> impl Strategy<Value = (&'static str, Json)> {
        let one = (prop::sample::select(vec!["equals", "not_equals", "contains"]), scalars());
        let order = prop::sample::select(vec!["above", "below", "at_least", "at_most"]);
        prop_oneof![
            one,
            (order, scalars().prop_filter("has an order", orders)),
            (prop::sample::select(vec!["in", "not_in"]), prop::collection::vec(scalars(), 1..14).prop_map(Json::from)),
            (prop::sample::select(vec!["in", "not_in"]), prop::collection::vec(texts(), 1..14).prop_map(|l| json!(l))),
            (-3..1i64, 1..4i64).prop_map(|(a, b)| ("between", json!([a, b]))),
            (prop::sample::select(vec!["starts_with", "ends_with"]), texts().prop_map(Json::from)),
            Just(("exists", json!(true))),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

        #[test]
        fn promise_5_2_the_quick_form_of_a_test_answers_as_the_operator_does(
            (name, wanted) in tests(), value in prop::option::of(scalars())
        ) {
            // The same test behind a dotted path is asked of the operator.
            let quick = rule(json!({"attribute": "a", name: wanted}));
            let plain = rule(json!({"attribute": "m.a", name: wanted}));
            let mut who = Profile::new(CustomerId::new("anna"), day(0));
            if let Some(json) = &value {
                for (key, json) in [("a", json.clone()), ("m", json!({"a": json}))] {
                    who.attributes.set(&key.into(), Value::from_json(&json).unwrap(), day(0));
                }
            }
            // Few attributes are looked through, more are found by a table.
            for others in 0..2 {
                for n in 0..6 * others {
                    who.attributes.set(&format!("other {n}").as_str().into(), n.into(), day(0));
                }
                let now = day(1);
                prop_assert_eq!(quick.evaluate(&who, now), plain.evaluate(&who, now), "{} of {:?}", quick, value);
                prop_assert_eq!(quick.holds(&Facts::new(&who, now)), plain.evaluate(&who, now).inside);
            }
        }
    }
}
