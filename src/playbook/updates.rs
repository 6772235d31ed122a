//! Changes of attributes that runs ask for, beyond setting one.

use rust_decimal::Decimal;

use super::step::Turn;
use crate::primitives::{Key, Value};

impl Turn<'_> {
    /// Adds to an attribute that is a number or is not there.
    pub(super) fn add(&mut self, attribute: &Key, amount: Decimal) {
        let before = match self.state.profile.attributes.value(attribute) {
            None => Some(Decimal::ZERO),
            Some(value) => value.as_decimal(),
        };
        if let Some(sum) = before.and_then(|before| before.checked_add(amount)) {
            self.state.profile.attributes.set(attribute, Value::from(sum), self.now);
            self.ask_again_soon(attribute);
        }
    }

    pub(super) fn remove(&mut self, attribute: &Key) {
        self.state.profile.attributes.remove(attribute);
        self.ask_again_soon(attribute);
    }
}
