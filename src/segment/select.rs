//! A rule asked of many customers at once: of each different value of an attribute once, then row by row in bits.

use super::columns::{Codes, Columns};
use super::criteria::Condition;
use crate::primitives::{Instant, Key};

/// Rows of [`Columns`]: those of the customers that a rule holds of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    rows: usize,
    /// A bit per row, the lowest first; beyond the last row there are none.
    words: Vec<u64>,
}

/// Why a rule cannot be asked column by column. It can still be asked of each customer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectError {
    /// A condition reads more than the values of attributes.
    #[error("`{0}` reads more than the values of attributes: ask each customer")]
    ReadsMore(String),
    /// The columns were built without an attribute that the rule reads.
    #[error("there is no column of the attribute `{0}`: build the columns from the needs of the rule")]
    NoColumn(Key),
}

impl Selection {
    /// How many customers are inside.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether the customer in a row is inside; nobody is beyond the last.
    pub fn contains(&self, row: usize) -> bool {
        self.words.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// The rows inside, in order.
    pub fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(n, word)| {
            // Each step clears the lowest bit.
            let rest = std::iter::successors(Some(*word), |rest| Some(rest & rest.wrapping_sub(1)));
            rest.take_while(|rest| *rest != 0).map(move |rest| n * 64 + rest.trailing_zeros() as usize)
        })
    }

    pub(super) fn everyone(rows: usize) -> Selection {
        let mut words = vec![u64::MAX; rows.div_ceil(64)];
        if let (Some(last), 1..) = (words.last_mut(), rows % 64) {
            *last = (1 << (rows % 64)) - 1;
        }
        Selection { rows, words }
    }

    fn nobody(&self) -> Selection {
        Selection { rows: self.rows, words: vec![0; self.words.len()] }
    }

    fn add(&mut self, other: &Selection) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, more)| *word |= more);
    }

    fn remove(&mut self, other: &Selection) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, less)| *word &= !less);
    }

    /// Keeps the rows whose code passes. What nobody is left in is not looked at.
    fn keep<C: Copy>(&mut self, codes: &[C], passes: impl Fn(C) -> bool) {
        for (word, codes) in self.words.iter_mut().zip(codes.chunks(64)) {
            if *word != 0 {
                *word &= codes.iter().rev().fold(0, |bits, code| bits << 1 | u64::from(passes(*code)));
            }
        }
    }
}

impl Condition {
    /// Keeps those of the rows in which the condition holds.
    pub(super) fn narrow(&self, columns: &Columns, now: Instant, within: &mut Selection) -> Result<(), SelectError> {
        match self {
            Condition::All(parts) => parts.iter().try_for_each(|part| part.narrow(columns, now, within)),
            Condition::Any(parts) => {
                let mut found = within.nobody();
                for part in parts {
                    let mut inside = within.clone();
                    part.narrow(columns, now, &mut inside)?;
                    within.remove(&inside);
                    found.add(&inside);
                }
                *within = found;
                Ok(())
            }
            Condition::Not(part) => {
                let mut inside = within.clone();
                part.narrow(columns, now, &mut inside)?;
                within.remove(&inside);
                Ok(())
            }
            Condition::Attribute(attribute) => {
                let reads_more = || SelectError::ReadsMore(attribute.to_string());
                let key = attribute.key();
                let column = columns.column(key).ok_or_else(|| SelectError::NoColumn(key.clone()))?;
                let test = attribute.of_value(now).ok_or_else(reads_more)?;
                let values = column.values.iter().map(|value| Some(value.as_ref()));
                let passes = std::iter::once(None).chain(values).map(test);
                match &column.codes {
                    Codes::Narrow(codes) => {
                        let mut table = [false; 256];
                        table.iter_mut().zip(passes).for_each(|(slot, passes)| *slot = passes);
                        within.keep(codes, |code| table.get(usize::from(code)) == Some(&true));
                    }
                    Codes::Wide(codes) => {
                        let table: Vec<bool> = passes.collect();
                        within.keep(codes, |code| table.get(code as usize) == Some(&true));
                    }
                }
                Ok(())
            }
            // Where there is no trigger nothing holds of it.
            Condition::Trigger(_) => {
                *within = within.nobody();
                Ok(())
            }
            other => Err(SelectError::ReadsMore(other.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::{day, rule};
    use super::super::{Criteria, Segment};
    use super::*;
    use crate::customer::Profile;
    use crate::primitives::{CustomerId, Needs, Value};
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    fn scalars() -> impl Strategy<Value = Json> {
        prop_oneof![
            3 => prop::sample::select(vec!["", "a", "ab", "abc", "b", "ba", "ß"]).prop_map(Json::from),
            3 => (-2..4i64).prop_map(Json::from),
            1 => (-3..4i64).prop_map(|halves| json!(halves as f64 / 2.0)),
            1 => any::<bool>().prop_map(Json::from),
        ]
    }

    fn dates() -> impl Strategy<Value = Json> {
        (-400..40i64).prop_map(|n| json!(day(n).to_string()))
    }

    fn values() -> impl Strategy<Value = Json> {
        prop_oneof![
            6 => scalars(),
            4 => dates(),
            1 => prop::collection::vec(scalars(), 0..3).prop_map(Json::from),
            1 => scalars().prop_map(|x| json!({"x": x})),
            1 => scalars().prop_map(|x| json!([{"x": x}, 1])),
        ]
    }

    fn conditions() -> impl Strategy<Value = Json> {
        let ordered = scalars().prop_filter("has an order", |value| !value.is_boolean());
        let equal = (prop::sample::select(vec!["equals", "not_equals", "contains"]), scalars());
        let span = (1..12i64).prop_map(|n| json!(format!("{n}d")));
        let test = prop_oneof![
            3 => equal.prop_map(|(name, value)| json!({name: value})),
            3 => (prop::sample::select(vec!["above", "below", "at_least", "at_most"]), ordered)
                .prop_map(|(name, value)| json!({name: value})),
            2 => (prop::sample::select(vec!["in", "not_in"]), prop::collection::vec(scalars(), 1..4))
                .prop_map(|(name, list)| json!({name: list})),
            1 => (prop::sample::select(vec!["starts_with", "ends_with"]), "[ab]{0,2}")
                .prop_map(|(name, text)| json!({name: text})),
            1 => any::<bool>().prop_map(|known| json!({"exists": known})),
            1 => (0..2i64, 2..4i64).prop_map(|(a, b)| json!({"between": [a, b], "not_equals": 3})),
            3 => (prop::sample::select(vec!["in_next", "in_last", "older_than"]), span.clone())
                .prop_map(|(name, span)| json!({"date": {name: span}})),
            1 => any::<bool>().prop_map(|past| json!({"date": {"before_now": past}})),
            1 => (prop::sample::select(vec!["in_next", "in_last"]), span)
                .prop_map(|(name, span)| json!({"date": {"anniversary": {name: span}}})),
        ];
        let name = prop::sample::select(vec!["a", "b", "c", "a.x"]);
        (name, test).prop_map(|(name, mut condition)| {
            condition["attribute"] = name.into();
            condition
        })
    }

    fn rules() -> impl Strategy<Value = Json> {
        conditions().prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|parts| json!({"all": parts})),
                prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| json!({"any": parts})),
                inner.prop_map(|part| json!({"not": part})),
            ]
        })
    }

    fn customer(values: [Option<Json>; 3]) -> Profile {
        let mut who = Profile::new(CustomerId::new("anna"), day(0));
        for (name, value) in ["a", "b", "c"].into_iter().zip(values) {
            if let Some(value) = value.as_ref().and_then(Value::from_json) {
                who.attributes.set(&name.into(), value, day(0));
            }
        }
        who
    }

    fn columns(needs: &Needs, customers: &[Profile]) -> Columns {
        let mut columns = Columns::new(needs);
        customers.iter().for_each(|who| columns.push(who));
        columns
    }

    fn agree(rule: &Criteria, customers: &[Profile], now: Instant) -> Result<(), TestCaseError> {
        let columns = columns(&rule.needs(), customers);
        let found = rule.select(&columns, now).unwrap();
        let one_by_one: Vec<usize> =
            (0..customers.len()).filter(|row| rule.evaluate(&customers[*row], now).inside).collect();
        prop_assert_eq!(found.rows().collect::<Vec<_>>(), one_by_one.clone(), "{}", rule);
        prop_assert_eq!(found.count(), one_by_one.len());
        prop_assert!((0..customers.len() + 70).all(|row| found.contains(row) == one_by_one.contains(&row)));
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

        #[test]
        fn promise_5_2_a_rule_answers_column_by_column_as_it_does_one_by_one(
            json in rules(),
            customers in prop::collection::vec(prop::array::uniform3(prop::option::weighted(0.8, values())), 0..150),
            now in -5..30i64,
        ) {
            let customers: Vec<Profile> = customers.into_iter().map(customer).collect();
            agree(&rule(json), &customers, day(now))?;
        }
    }

    #[test]
    fn promise_5_2_also_where_there_are_more_different_values_than_a_byte_tells_apart() {
        let customers: Vec<Profile> = (0..2_000_i64)
            .map(|n| customer([Some(json!(n % 700)), (n % 3 > 0).then(|| json!(n % 255)), None]))
            .collect();
        for json in [
            json!({"attribute": "a", "at_least": 250}),
            json!({"attribute": "b", "not_in": [0, 254]}),
            json!({"all": [{"attribute": "a", "below": 300}, {"attribute": "b", "exists": false}]}),
        ] {
            agree(&rule(json), &customers, day(0)).unwrap();
        }
    }

    #[test]
    fn a_rule_that_reads_more_says_so() {
        let columns = columns(&rule(json!({"attribute": "a", "equals": 1})).needs(), &[customer([None, None, None])]);
        let select = |json: Json| rule(json).select(&columns, day(0)).map(|found| found.count());
        assert_eq!(select(json!({"not": {"attribute": "a", "equals": 1}})), Ok(1));
        assert_eq!(select(json!({"attribute": "d", "equals": 1})), Err(SelectError::NoColumn("d".into())));
        for json in [
            json!({"event": "Order Completed"}),
            json!({"attribute": "a", "equals": 1, "for": "7d"}),
            json!({"any": [{"attribute": "a", "exists": false}, {"identified": true}]}),
        ] {
            assert!(matches!(select(json), Err(SelectError::ReadsMore(_))));
        }
        // A rule that reads the trigger holds of nobody where there is none.
        assert_eq!(select(json!({"trigger": {"total": 1}})), Ok(0));
    }
}
