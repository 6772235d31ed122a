//! What one more event can do to a rule's answer: most rules need not be asked again.

use std::ops::Not;

/// What one more occurrence of an event can do to the answer of a segment, whenever up to now it happened and whatever
/// its properties are, given that the event occurred before.
///
/// The answer is meant at every instant from now on: what [`Raises`](Self::Raises) leaves everyone who is inside inside for
/// at least as long as they were, so that neither the answer nor its `until` has to be found anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// None.
    None,
    /// It can only bring customers in, or keep them in for longer.
    Raises,
    /// It can only take customers out, or keep them out for longer.
    Lowers,
    /// Either.
    Either,
}

impl Effect {
    /// The effect on what both parts decide together, by `all` or by `any`.
    pub(super) fn and(self, other: Effect) -> Effect {
        match (self, other) {
            (Effect::None, effect) | (effect, Effect::None) => effect,
            (Effect::Raises, Effect::Raises) => Effect::Raises,
            (Effect::Lowers, Effect::Lowers) => Effect::Lowers,
            _ => Effect::Either,
        }
    }
}

impl Not for Effect {
    type Output = Effect;

    fn not(self) -> Effect {
        match self {
            Effect::Raises => Effect::Lowers,
            Effect::Lowers => Effect::Raises,
            effect => effect,
        }
    }
}
