//! What is known of a customer, each with when it was said.

use std::cmp::Ordering;

use crate::primitives::{Instant, Key, Value};

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

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.trim().is_empty(),
        Value::List(list) => list.is_empty(),
        Value::Map(map) => map.is_empty(),
        Value::Bool(_) | Value::Int(_) | Value::Decimal(_) => false,
    }
}

/// A customer's attributes: the newest value of each wins, whatever the order of arrival.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attributes(Vec<Attribute>);

impl Attributes {
    /// The attribute of this name.
    pub fn get(&self, key: &Key) -> Option<&Attribute> {
        self.position(key).ok().and_then(|at| self.0.get(at))
    }

    /// Takes a value said at an instant; an older one than what is known changes nothing. Says whether the value changed.
    pub fn set(&mut self, key: &Key, value: Value, said: Instant) -> bool {
        match self.position(key) {
            Err(at) => {
                self.0.reserve_exact(1);
                self.0.insert(at, Attribute { key: key.clone(), value, since: said, said, anonymous: false });
                true
            }
            Ok(at) => match self.0.get_mut(at) {
                Some(known) if said >= known.said => {
                    let changed = !known.value.as_ref().same(value.as_ref());
                    known.said = said;
                    known.anonymous = false;
                    if changed {
                        known.since = said;
                        known.value = value;
                    }
                    changed
                }
                _ => false,
            },
        }
    }

    /// In the order of the names' hashes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Attribute> {
        self.0.iter()
    }

    /// Marks all that is known as said by somebody the shop did not know.
    pub(crate) fn mark_anonymous(&mut self) {
        self.0.iter_mut().for_each(|attribute| attribute.anonymous = true);
    }

    /// Forgets those marks: of a record that nobody knows they say nothing.
    pub(crate) fn unmark_anonymous(&mut self) {
        self.0.iter_mut().for_each(|attribute| attribute.anonymous = false);
    }

    /// Takes the attributes of another: of each the newest that is not empty, where an anonymous value never overwrites
    /// an identified one (promise 2.3).
    pub(crate) fn absorb(&mut self, other: Attributes) {
        for theirs in other.0 {
            match self.position(&theirs.key) {
                Err(at) => {
                    self.0.reserve_exact(1);
                    self.0.insert(at, theirs);
                }
                Ok(at) => {
                    if let Some(ours) = self.0.get_mut(at).filter(|ours| theirs.outranks(ours)) {
                        *ours = theirs;
                    }
                }
            }
        }
    }

    /// From a stored record, in any order; of two of one name the first stands.
    pub(crate) fn from_list(mut list: Vec<Attribute>) -> Self {
        list.sort_by_key(|attribute| attribute.key.hash());
        list.dedup_by(|a, b| a.key == b.key);
        Attributes(list)
    }

    fn position(&self, key: &Key) -> Result<usize, usize> {
        self.0.binary_search_by_key(&key.hash(), |attribute| attribute.key.hash())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
