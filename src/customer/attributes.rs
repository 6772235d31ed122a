//! What is known of a customer, each with when it was said.

use std::cmp::Ordering;
use std::fmt;

use super::cell::{Cell, Short};
use super::places::{Hint, Places};
use crate::primitives::{Instant, Key, Value, ValueRef};

/// One attribute.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// Its name.
    pub key: Key,
    /// Its value.
    pub value: Value,
    /// Since when it has had this value; saying the same again does not move it (promise 5.2).
    pub since: Instant,
    /// When it was last said.
    pub said: Instant,
    /// Whether it was said before the shop knew who this is, and the shop knows by now (promise 2.3).
    pub anonymous: bool,
}

impl Attribute {
    fn outranks(&self, other: &Attribute) -> bool {
        let rank = |of: &Attribute| (!is_empty(&of.value), !of.anonymous, of.said);
        match rank(self).cmp(&rank(other)) {
            Ordering::Equal => {
                // Said at one instant: any order will do that is the same on every machine.
                let text = |of: &Attribute| (serde_json::to_string(&of.value).unwrap_or_default(), of.since);
                text(self) > text(other)
            }
            order => order.is_gt(),
        }
    }
}

impl From<AttributeRef<'_>> for Attribute {
    fn from(view: AttributeRef<'_>) -> Self {
        let AttributeRef { key, value, since, said, anonymous } = view;
        Attribute { key: key.clone(), value: value.to_value(), since, said, anonymous }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.trim().is_empty(),
        Value::List(list) => list.is_empty(),
        Value::Map(map) => map.is_empty(),
        Value::Bool(_) | Value::Int(_) | Value::Decimal(_) => false,
    }
}

/// An [`Attribute`] in its place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AttributeRef<'a> {
    /// Its name.
    pub key: &'a Key,
    /// Its value.
    pub value: ValueRef<'a>,
    /// Since when it has had this value.
    pub since: Instant,
    /// When it was last said.
    pub said: Instant,
    /// As in [`Attribute::anonymous`].
    pub anonymous: bool,
}

/// A customer's attributes: the newest value of each wins, whatever the order of arrival.
///
/// What rules read lies close together, apart from the rest: names' hashes with their values, and the texts in one piece.
/// A rule that is asked of a million customers waits for memory more than for anything else.
#[derive(Clone, Default)]
pub struct Attributes {
    /// In the order of the names' hashes.
    cells: Box<[(u64, Cell)]>,
    /// Where each name's cell stands.
    places: Places,
    /// Of each cell.
    told: Box<[Told]>,
    /// The texts of all cells that are not short, without gaps, in any order.
    text: Box<str>,
}

#[derive(Debug, Clone)]
struct Told {
    key: Key,
    since: Instant,
    said: Instant,
    anonymous: bool,
}

impl Attributes {
    /// The attribute of this name.
    pub fn get(&self, key: &Key) -> Option<AttributeRef<'_>> {
        self.position(key.hash()).and_then(|at| self.at(at))
    }

    /// The value of the attribute of this name.
    #[inline]
    pub fn value(&self, key: &Key) -> Option<ValueRef<'_>> {
        self.cell(key.hash()).map(|cell| cell.read(&self.text))
    }

    /// The value of the attribute with this hash, as it lies there.
    #[inline]
    pub(crate) fn cell(&self, hash: u64) -> Option<&Cell> {
        let at = self.position(hash)?;
        self.cells.get(at).map(|(_, cell)| cell)
    }

    /// Takes a value said at an instant; an older one than what is known changes nothing. Says whether the value changed.
    pub fn set(&mut self, key: &Key, value: Value, said: Instant) -> bool {
        match self.cells.binary_search_by_key(&key.hash(), |(known, _)| *known) {
            Err(at) => {
                let cell = self.pack(value);
                insert(&mut self.cells, at, (key.hash(), cell));
                self.places = Places::of(self.cells.iter().map(|(hash, _)| *hash));
                insert(&mut self.told, at, Told { key: key.clone(), since: said, said, anonymous: false });
                true
            }
            Ok(at) => {
                let changed = self.at(at).is_some_and(|known| !known.value.same(value.as_ref()));
                let Some(told) = self.told.get_mut(at).filter(|told| said >= told.said) else { return false };
                told.said = said;
                told.anonymous = false;
                if changed {
                    told.since = said;
                    self.replace(at, value);
                }
                changed
            }
        }
    }

    /// Removes a value; says whether there was one. What is said later is taken as if it were said for the first time.
    pub fn remove(&mut self, key: &Key) -> bool {
        let there = self.get(key).is_some();
        if there {
            *self = Attributes::from_list(self.iter().map(Attribute::from).filter(|known| known.key != *key).collect());
        }
        there
    }

    /// In the order of the names' hashes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = AttributeRef<'_>> {
        self.cells.iter().zip(&self.told).map(|((_, cell), told)| self.view(cell, told))
    }

    /// Marks all that is known as said by somebody the shop did not know.
    pub(crate) fn mark_anonymous(&mut self) {
        self.told.iter_mut().for_each(|told| told.anonymous = true);
    }

    /// Forgets those marks: of a record that nobody knows they say nothing.
    pub(crate) fn unmark_anonymous(&mut self) {
        self.told.iter_mut().for_each(|told| told.anonymous = false);
    }

    /// Takes the attributes of another: of each the newest that is not empty, where an anonymous value never overwrites
    /// an identified one (promise 2.3).
    pub(crate) fn absorb(&mut self, other: Attributes) {
        let mut all: Vec<Attribute> = self.iter().map(Attribute::from).collect();
        for theirs in other.iter().map(Attribute::from) {
            match all.iter_mut().find(|ours| ours.key == theirs.key) {
                Some(ours) if theirs.outranks(ours) => *ours = theirs,
                Some(_) => {}
                None => all.push(theirs),
            }
        }
        *self = Attributes::from_list(all);
    }

    /// From a stored record, in any order; of two of one name the first stands.
    pub(crate) fn from_list(mut list: Vec<Attribute>) -> Self {
        list.sort_by_key(|attribute| attribute.key.hash());
        list.dedup_by(|a, b| a.key == b.key);
        let mut text = String::with_capacity(list.iter().filter_map(|one| one.value.as_str()).map(str::len).sum());
        let (mut cells, mut told) = (Vec::with_capacity(list.len()), Vec::with_capacity(list.len()));
        for Attribute { key, value, since, said, anonymous } in list {
            cells.push((key.hash(), Cell::pack(value, &mut text)));
            told.push(Told { key, since, said, anonymous });
        }
        Attributes {
            places: Places::of(cells.iter().map(|(hash, _)| *hash)),
            cells: cells.into(),
            told: told.into(),
            text: text.into(),
        }
    }

    fn at(&self, at: usize) -> Option<AttributeRef<'_>> {
        let ((_, cell), told) = self.cells.get(at).zip(self.told.get(at))?;
        Some(self.view(cell, told))
    }

    fn view<'a>(&'a self, cell: &'a Cell, told: &'a Told) -> AttributeRef<'a> {
        let Told { key, since, said, anonymous } = told;
        AttributeRef { key, value: cell.read(&self.text), since: *since, said: *said, anonymous: *anonymous }
    }

    /// Packs a value.
    fn pack(&mut self, value: Value) -> Cell {
        if value.as_str().is_none_or(|text| Short::of(text).is_some()) {
            return Cell::pack(value, &mut String::new());
        }
        let mut text = String::from(std::mem::take(&mut self.text));
        let cell = Cell::pack(value, &mut text);
        self.text = text.into();
        cell
    }

    fn replace(&mut self, at: usize, value: Value) {
        if let Some((_, Cell::Text { start, len })) = self.cells.get(at) {
            let (gone, len) = (*start, *len);
            let mut text = String::from(std::mem::take(&mut self.text));
            text.drain(gone as usize..(gone + len) as usize);
            self.text = text.into();
            for (_, cell) in &mut self.cells {
                match cell {
                    Cell::Text { start, .. } if *start > gone => *start -= len,
                    _ => {}
                }
            }
        }
        let cell = self.pack(value);
        if let Some((_, known)) = self.cells.get_mut(at) {
            *known = cell;
        }
    }

    #[inline]
    fn position(&self, hash: u64) -> Option<usize> {
        for turn in 0.. {
            match self.places.hint(hash, turn) {
                Hint::Nowhere => break,
                Hint::At(at) if self.cells.get(at).is_some_and(|(known, _)| *known == hash) => return Some(at),
                Hint::At(_) => {}
                Hint::Unknown => return self.cells.binary_search_by_key(&hash, |(known, _)| *known).ok(),
            }
        }
        None
    }
}

/// Inserts without slack: attributes are many customers' and seldom come.
fn insert<T>(list: &mut Box<[T]>, at: usize, item: T) {
    let mut grown = std::mem::take(list).into_vec();
    grown.reserve_exact(1);
    grown.insert(at, item);
    *list = grown.into();
}

/// By what they say: where a text lies does not matter.
impl PartialEq for Attributes {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

/// Names and types only (promise 2.5).
impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rust_decimal::Decimal;

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            (any::<i64>(), 0..20_u32).prop_map(|(n, scale)| Value::Decimal(Decimal::new(n, scale))),
            Just(Value::Decimal(Decimal::MAX)),
            "[a-zß]{0,20}".prop_map(Value::text),
            "[a-z]{1,3}".prop_map(|text| Value::List(Box::new([Value::text(text), Value::Int(1)]))),
        ]
    }

    proptest! {
        #[test]
        fn the_newest_of_each_name_stands_however_it_is_packed(
            said in proptest::collection::vec((0..30_u32, value(), 0..50_i64), 0..80), asked in 0..40_u32
        ) {
            let mut naive = std::collections::BTreeMap::<u32, (Value, i64, i64)>::new();
            let mut attributes = Attributes::default();
            for (name, value, at) in said {
                let key = Key::new(format!("attribute {name}"));
                let changed = match naive.get_mut(&name) {
                    None => {
                        naive.insert(name, (value.clone(), at, at));
                        true
                    }
                    Some((_, _, told)) if at < *told => false,
                    Some((known, since, told)) => {
                        *told = at;
                        let changed = !known.as_ref().same(value.as_ref());
                        if changed {
                            (*known, *since) = (value.clone(), at);
                        }
                        changed
                    }
                };
                prop_assert_eq!(attributes.set(&key, value, Instant::from_millis(at)), changed);
            }
            prop_assert_eq!(attributes.iter().len(), naive.len());
            let found = attributes.get(&Key::new(format!("attribute {asked}")));
            prop_assert_eq!(found.is_some(), naive.contains_key(&asked));
            let mut again = Vec::new();
            for (name, (value, since, said)) in naive {
                let key = Key::new(format!("attribute {name}"));
                let (since, said) = (Instant::from_millis(since), Instant::from_millis(said));
                let found = attributes.get(&key).unwrap();
                prop_assert_eq!(found, AttributeRef { key: &key, value: value.as_ref(), since, said, anonymous: false });
                prop_assert_eq!(attributes.value(&key), Some(value.as_ref()));
                again.push(Attribute { key, value, since, said, anonymous: false });
            }
            prop_assert_eq!(Attributes::from_list(again), attributes);
        }
    }

    #[test]
    fn names_whose_hashes_end_alike_are_found_too_and_so_are_very_many() {
        let alike = |n: &u32| Key::hash_of(&format!("n{n}")) % 256 == 7;
        for names in [(0..20_000).filter(alike).take(60).collect::<Vec<u32>>(), (0..700).collect()] {
            let mut attributes = Attributes::default();
            let keys: Vec<Key> = names.iter().map(|n| Key::new(format!("n{n}"))).collect();
            for key in &keys {
                assert!(attributes.set(key, 1.into(), Instant::MIN));
                assert!(attributes.get(&Key::new("other")).is_none());
            }
            assert!(keys.iter().all(|key| attributes.value(key).is_some()));
        }
    }

    #[test]
    fn promise_2_5_debug_shows_no_value() {
        let mut attributes = Attributes::default();
        attributes.set(&"name".into(), "Anna".into(), Instant::MIN);
        assert!(!format!("{attributes:?}").contains("Anna"));
    }

    #[test]
    fn the_newest_value_wins_in_any_order_and_a_repetition_does_not_reset_since() {
        let key = Key::new("tier");
        let at = Instant::from_millis;
        let mut attributes = Attributes::default();
        assert!(attributes.set(&key, "gold".into(), at(10)));
        assert!(!attributes.set(&key, "gold".into(), at(30)));
        assert!(!attributes.set(&key, "silver".into(), at(20)));
        let tier = attributes.get(&key).unwrap();
        assert_eq!((tier.value.as_str(), tier.since, tier.said), (Some("gold"), at(10), at(30)));
    }
}
