//! One test of one value, in the form in which the most common values are quickest compared.

use std::cmp::Ordering;

use super::compare::Operator;
use crate::primitives::{Value, ValueRef};

/// A test that reads nothing but the value.
#[derive(Debug, Clone)]
pub(super) struct Quick {
    negated: bool,
    /// The only texts that pass, in their order; asked of the operator if `None`.
    texts: Option<Box<[Text]>>,
    /// The only whole numbers that pass, both included; asked of the operator if `None`.
    whole: Option<(i64, i64)>,
    operator: Operator,
}

/// A text with its beginning and length in two words, which tell most texts apart without a look at the letters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Text {
    len: usize,
    head: u64,
    text: Box<str>,
}

impl Quick {
    pub(super) fn of(operator: &Operator, negated: bool) -> Option<Quick> {
        let whole = |value: &Value| match value {
            Value::Int(n) => Some(*n),
            _ => None,
        };
        let texts = match operator {
            Operator::Equals(value) => Text::set(std::slice::from_ref(value)),
            Operator::In(list) => Text::set(list),
            Operator::Trigger(_) => return None,
            _ => None,
        };
        let whole = match operator {
            Operator::Equals(value) => whole(value).map(|n| (n, n)),
            Operator::Above(value) => whole(value).and_then(|n| n.checked_add(1)).map(|n| (n, i64::MAX)),
            Operator::Below(value) => whole(value).and_then(|n| n.checked_sub(1)).map(|n| (i64::MIN, n)),
            Operator::AtLeast(value) => whole(value).map(|n| (n, i64::MAX)),
            Operator::AtMost(value) => whole(value).map(|n| (i64::MIN, n)),
            Operator::Between(low, high) => whole(low).zip(whole(high)),
            _ => None,
        };
        Some(Quick { negated, texts, whole, operator: operator.clone() })
    }

    /// Whether a value, or the absence of one, passes.
    #[inline]
    pub(super) fn holds(&self, value: &Option<ValueRef<'_>>) -> bool {
        let found = match (value, &self.texts, self.whole) {
            (None, ..) => false,
            (Some(ValueRef::Text(text)), Some(texts), _) => Text::is_one_of(text, texts),
            (Some(ValueRef::Int(n)), _, Some((low, high))) => low <= *n && *n <= high,
            (Some(value), ..) => self.operator.holds(*value, None),
        };
        found != self.negated
    }
}

impl Text {
    fn new(text: &str) -> Text {
        Text { len: text.len(), head: head(text.as_bytes()), text: text.into() }
    }

    /// All of them, if all are texts.
    fn set(list: &[Value]) -> Option<Box<[Text]>> {
        let mut texts: Vec<Text> = list.iter().map(|value| value.as_str().map(Text::new)).collect::<Option<_>>()?;
        texts.sort();
        Some(texts.into())
    }

    #[inline]
    fn is_one_of(text: &str, sorted: &[Text]) -> bool {
        /// Up to so many are sooner looked through than searched.
        const FEW: usize = 8;
        let (len, head) = (text.len(), head(text.as_bytes()));
        let same = |one: &Text| one.len == len && one.head == head && (len <= 8 || *one.text == *text);
        if sorted.len() <= FEW {
            return sorted.iter().any(same);
        }
        let order = |one: &Text| -> Ordering {
            one.len.cmp(&len).then_with(|| one.head.cmp(&head)).then_with(|| (*one.text).cmp(text))
        };
        sorted.binary_search_by(order).is_ok()
    }
}

/// The first eight bytes; of a shorter text all of them, so that texts of one length have different heads.
#[inline]
fn head(bytes: &[u8]) -> u64 {
    if let Some(first) = bytes.first_chunk::<8>() {
        return u64::from_le_bytes(*first);
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        return u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32;
    }
    match *bytes {
        [a] => u64::from(a),
        [a, b] => u64::from(u16::from_le_bytes([a, b])),
        [a, b, c] => u64::from(u32::from_le_bytes([a, b, c, 0])),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Segment;
    use super::super::trial::{day, rule};
    use super::*;
    use crate::customer::Profile;
    use crate::primitives::CustomerId;
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    fn texts() -> impl Strategy<Value = String> {
        prop_oneof!["[ab]{0,4}", "[ab]{7,10}", "[aß]{1,3}", "aaaaaaaa[ab]{0,2}"]
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
            prop_assert_eq!(quick.evaluate(&who, day(1)), plain.evaluate(&who, day(1)), "{} of {:?}", quick, value);
        }
    }
}
