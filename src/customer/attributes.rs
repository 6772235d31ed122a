//! What is known of a customer, each with when it was said.

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
                self.0.insert(at, Attribute { key: key.clone(), value, since: said, said });
                true
            }
            Ok(at) => match self.0.get_mut(at) {
                Some(known) if said >= known.said => {
                    let changed = !known.value.as_ref().same(value.as_ref());
                    known.said = said;
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
