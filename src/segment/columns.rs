//! The attributes of many customers side by side, for rules that are asked of all of them at once.

use std::collections::HashMap;
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::customer::Customer;
use crate::primitives::{Key, Needs, Value, ValueRef};

/// What rules read of the attributes of many customers, a row per customer and a column per attribute. Each different
/// value is kept once, and [`Criteria::select`](super::Criteria::select) asks a rule of each different value once.
///
/// It is a picture of the instant at which the customers were added. Four bytes per customer and attribute, or one where
/// there are at most 255 different values, and the values themselves.
///
/// ```
/// use throughline::{Columns, Criteria, CustomerId, Instant, Profile};
/// let rule = Criteria::from_json(r#"{"attribute": "country", "in": ["DE", "AT"]}"#)?;
/// let now = Instant::from_millis(0);
/// let mut columns = Columns::new(&rule.needs());
/// for (name, country) in [("anna", "DE"), ("ben", "FR"), ("cleo", "AT")] {
///     let mut who = Profile::new(CustomerId::new(name), now);
///     who.attributes.set(&"country".into(), country.into(), now);
///     columns.push(&who);
/// }
/// let inside = rule.select(&columns, now)?;
/// assert_eq!(inside.count(), 2);
/// assert_eq!(inside.rows().collect::<Vec<_>>(), [0, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Columns {
    rows: usize,
    /// In the order of the names' hashes.
    columns: Vec<Column>,
}

#[derive(Clone)]
pub(super) struct Column {
    key: Key,
    pub(super) codes: Codes,
    /// The value of each code but the first: code 0 is no value.
    pub(super) values: Vec<Value>,
    known: Known,
}

/// The code of the value in each row.
#[derive(Clone)]
pub(super) enum Codes {
    Narrow(Vec<u8>),
    Wide(Vec<u32>),
}

/// The codes of the values met so far. Lists and maps are taken for different each time.
#[derive(Clone, Default)]
struct Known {
    bools: [Option<u32>; 2],
    ints: HashMap<i64, u32>,
    decimals: HashMap<Decimal, u32>,
    texts: HashMap<Arc<str>, u32>,
}

impl Columns {
    /// Columns for the attributes that are read; those of several rules are told by
    /// [`Needs::merge`](crate::primitives::Needs::merge).
    pub fn new(needs: &Needs) -> Columns {
        let mut keys = needs.attributes.clone();
        keys.sort();
        keys.dedup();
        Columns { rows: 0, columns: keys.into_iter().map(Column::new).collect() }
    }

    /// Adds a customer in the next row.
    ///
    /// At most 4,294,967,295 different values of one attribute are told apart; what comes beyond is taken for no value.
    pub fn push(&mut self, who: &dyn Customer) {
        for column in &mut self.columns {
            let code = who.attribute(&column.key).map_or(0, |value| column.code(value));
            column.codes.push(code);
        }
        self.rows += 1;
    }

    /// How many customers there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub(super) fn column(&self, key: &Key) -> Option<&Column> {
        let at = self.columns.binary_search_by(|column| column.key.cmp(key)).ok()?;
        self.columns.get(at)
    }
}

impl Column {
    fn new(key: Key) -> Column {
        Column { key, codes: Codes::Narrow(Vec::new()), values: Vec::new(), known: Known::default() }
    }

    fn code(&mut self, value: ValueRef<'_>) -> u32 {
        let Ok(next) = u32::try_from(self.values.len() + 1) else { return 0 };
        let known = match value {
            ValueRef::Bool(b) => {
                let [no, yes] = &mut self.known.bools;
                *(if b { yes } else { no }).get_or_insert(next)
            }
            ValueRef::Int(n) => *self.known.ints.entry(n).or_insert(next),
            ValueRef::Decimal(n) => *self.known.decimals.entry(n).or_insert(next),
            ValueRef::Text(text) => match self.known.texts.get(text) {
                Some(code) => *code,
                None => {
                    let text: Arc<str> = text.into();
                    self.known.texts.insert(text.clone(), next);
                    self.values.push(Value::Text(text));
                    return next;
                }
            },
            ValueRef::List(_) | ValueRef::Map(_) => next,
        };
        if known == next {
            self.values.push(value.to_value());
        }
        known
    }
}

impl Codes {
    fn push(&mut self, code: u32) {
        match self {
            Codes::Wide(codes) => codes.push(code),
            Codes::Narrow(codes) => match u8::try_from(code) {
                Ok(code) => codes.push(code),
                Err(_) => {
                    let mut wide: Vec<u32> = codes.iter().copied().map(u32::from).collect();
                    wide.push(code);
                    *self = Codes::Wide(wide);
                }
            },
        }
    }
}

/// Numbers only: the rest may be personal (promise 2.5).
impl std::fmt::Debug for Columns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Columns").field("rows", &self.rows).field("columns", &self.columns.len()).finish()
    }
}
