//! What is stored comes back, whatever it is; what is not a record is refused.

mod golden;
mod golden_calls;
mod hostile;
mod odd;
mod rehearsed;
mod size;

use proptest::prelude::*;

use crate::record::CustomerState;

/// The state comes back, and the same bytes with it.
fn round(state: &CustomerState) {
    let bytes = state.encode();
    let read = CustomerState::decode(&bytes, &()).unwrap_or_else(|error| panic!("{error}: {state:#?}"));
    assert!(read == *state, "{state:#?}\n{read:#?}");
    assert_eq!(read.encode(), bytes);
    assert_eq!(state.clone().encode(), bytes);
}

proptest! {
    #[test]
    fn whatever_is_held_comes_back(state in odd::state()) {
        round(&state);
    }
}
