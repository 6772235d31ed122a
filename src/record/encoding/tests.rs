//! What is stored comes back, whatever it is; what is not a record is refused.

mod odd;

use proptest::prelude::*;

use crate::primitives::{CustomerId, Instant};
use crate::record::CustomerState;

/// The state comes back, and the same bytes with it.
fn round(state: &CustomerState) {
    let bytes = state.encode();
    let read = CustomerState::decode(&bytes, &()).unwrap_or_else(|error| panic!("{error}: {state:#?}"));
    assert!(read == *state, "{state:#?}\n{read:#?}");
    assert_eq!(read.encode(), bytes);
}

#[test]
fn an_empty_record_is_two_dozen_bytes() {
    let state = CustomerState::new(CustomerId::new("anna"), Instant::from_millis(1_700_000_000_000));
    round(&state);
    assert!(state.encode().len() <= 30, "{}", state.encode().len());
}

proptest! {
    #[test]
    fn whatever_is_held_comes_back(state in odd::state()) {
        round(&state);
    }
}
