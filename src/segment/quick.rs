//! One test of one value, in the form in which the most common values are quickest compared.

use std::sync::Arc;

use super::compare::Operator;
use crate::customer::{Cell, Customer, Profile, Short};
use crate::primitives::{Key, Value, ValueRef};

/// A test of an attribute that reads nothing but its value.
///
/// What passes of the most common values stands first; the operator is asked of the others.
#[derive(Debug, Clone)]
pub(super) struct Quick {
    hash: u64,
    negated: bool,
    /// Of short texts only these, by their words and in their order; if there is none, the operator knows.
    texts: Box<[[u64; 2]]>,
    /// Of whole numbers only these, both included; if the greater comes first, the operator knows.
    numbers: (i64, i64),
    whole: Arc<(Key, Operator)>,
}

impl Quick {
    pub(super) fn of(key: &Key, operator: &Operator, negated: bool) -> Option<Quick> {
        let number = |value: &Value| match value {
            Value::Int(n) => Some(*n),
            _ => None,
        };
        let range = match operator {
            Operator::Trigger(_) => return None,
            Operator::Equals(value) => number(value).map(|n| (n, n)),
            Operator::Above(value) => number(value).and_then(|n| n.checked_add(1)).map(|n| (n, i64::MAX)),
            Operator::Below(value) => number(value).and_then(|n| n.checked_sub(1)).map(|n| (i64::MIN, n)),
            Operator::AtLeast(value) => number(value).map(|n| (n, i64::MAX)),
            Operator::AtMost(value) => number(value).map(|n| (i64::MIN, n)),
            Operator::Between(low, high) => number(low).zip(number(high)),
            _ => None,
        };
        let texts = match operator {
            Operator::Equals(value) => words(std::slice::from_ref(value)),
            Operator::In(list) => words(list),
            _ => None,
        };
        Some(Quick {
            hash: key.hash(),
            negated,
            texts: texts.unwrap_or_default().into(),
            numbers: range.unwrap_or((i64::MAX, i64::MIN)),
            whole: Arc::new((key.clone(), operator.clone())),
        })
    }

    /// Whether a record's attribute passes; `None` if it takes more than a look.
    #[inline(always)]
    pub(super) fn at_a_glance(&self, profile: &Profile) -> Option<bool> {
        let found = match profile.attributes.cell(self.hash) {
            Some(Cell::Short(text)) if !self.texts.is_empty() => is_one_of(text.words(), &self.texts),
            Some(Cell::Int(n)) if self.numbers.0 <= self.numbers.1 => self.is_number(*n),
            None if profile.place.is_none() => false,
            _ => return None,
        };
        Some(found != self.negated)
    }

    /// Whether a customer's attribute passes.
    pub(super) fn holds_of(&self, who: &dyn Customer) -> bool {
        let (key, _) = &*self.whole;
        self.holds(who.attribute(key))
    }

    /// Whether a value, or the absence of one, passes.
    pub(super) fn holds(&self, value: Option<ValueRef<'_>>) -> bool {
        let (_, operator) = &*self.whole;
        let found = match value {
            None => false,
            Some(ValueRef::Int(n)) if self.numbers.0 <= self.numbers.1 => self.is_number(n),
            Some(value) => operator.holds(value, None),
        };
        found != self.negated
    }

    #[inline]
    fn is_number(&self, n: i64) -> bool {
        let (low, high) = self.numbers;
        (low <= n) & (n <= high)
    }
}

/// All of them in their order, if all are short texts. Where one is not, the operator asks.
fn words(list: &[Value]) -> Option<Vec<[u64; 2]>> {
    let words = |value: &Value| Some(Short::of(value.as_str()?)?.words());
    let mut texts: Vec<[u64; 2]> = list.iter().map(words).collect::<Option<_>>()?;
    texts.sort_unstable();
    texts.dedup();
    Some(texts)
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
