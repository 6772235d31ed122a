//! Bytes that are no record, or no longer.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use super::rehearsed::{BEGIN, drive, playbooks};
use super::{odd, round};
use crate::primitives::{CustomerId, Key, Value};
use crate::record::CustomerState;
use crate::record::encoding::{DecodeError, DecodeProblem, FORMAT, MAGIC};

fn error(bytes: &[u8]) -> DecodeError {
    CustomerState::decode(bytes, &()).unwrap_err()
}

fn busy() -> CustomerState {
    let mut state = CustomerState::new(CustomerId::new("anna"), BEGIN);
    let events: Vec<_> = (0..80).map(|n| (i64::from(n) * 7 % 900, (n * 11 % 24) as u8, n % 4)).collect();
    drive(&playbooks()[0], &mut state, &events, 0);
    state
}

/// Whatever can be read can be written and read again.
fn read(bytes: &[u8]) {
    if let Ok(state) = CustomerState::decode(bytes, &()) {
        round(&state);
    }
}

#[test]
fn what_is_cut_off_anywhere_is_refused_and_so_is_what_goes_on() {
    let bytes = busy().encode();
    assert!(bytes.len() > 500);
    for length in 0..bytes.len() {
        let wrong = error(&bytes[..length]);
        assert!(wrong.at <= length, "{wrong} of {length}");
    }
    let more = [&bytes[..], &[0]].concat();
    let wanted = DecodeError { at: bytes.len(), problem: DecodeProblem::Expected("the end of the record") };
    assert_eq!(error(&more), wanted);
}

#[test]
fn every_single_byte_may_be_any_other() {
    let bytes = busy().encode();
    for at in 0..bytes.len() {
        for flip in [1, 2, 0x7f, 0x80, 0xff] {
            let mut bytes = bytes.clone();
            bytes[at] ^= flip;
            read(&bytes);
        }
    }
}

#[test]
fn an_error_tells_what_else_it_is() {
    assert_eq!(error(&[]).to_string(), "byte 0: the record is cut off");
    assert_eq!(error(b"{}").problem, DecodeProblem::NotARecord);
    assert_eq!(error(&[MAGIC, 2, 0]).problem, DecodeProblem::Newer(2));
    let newer = "byte 1: format 9 is newer than this release, which reads up to format 1";
    assert_eq!(error(&[MAGIC, 9]).to_string(), newer);
}

#[test]
fn a_count_that_the_bytes_cannot_hold_is_refused_before_room_is_made() {
    // Every list of the record, alone, with 2^62 items announced.
    for list in [1, 2, 5, 6, 7, 9, 10, 11, 12, 13, 14] {
        let mut bytes = vec![MAGIC, FORMAT];
        bytes.extend([0; 16]);
        let flags: u16 = 1 << list;
        bytes.extend([flags as u8 & 0x7f | 0x80, (flags >> 7) as u8 & 0x7f | 0x80, (flags >> 14) as u8, 2, 2, 2, 2]);
        let at = bytes.len();
        bytes.extend([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0, 0, 0]);
        assert_eq!(error(&bytes), DecodeError { at, problem: DecodeProblem::CutOff }, "list {list}");
    }
}

#[test]
fn what_nests_too_deeply_is_cut_when_written_and_refused_when_read() {
    let nested = |levels: usize| (0..levels).fold(Value::Int(1), |inner, _| Value::List([inner].into()));
    let with = |value: Value| {
        let mut state = CustomerState::new(CustomerId::new("anna"), BEGIN);
        state.profile.attributes.set(&Key::new("deep"), value, BEGIN);
        state
    };
    round(&with(nested(128)));
    let cut = CustomerState::decode(&with(nested(500)).encode(), &()).unwrap();
    assert_ne!(cut, with(nested(500)));
    round(&cut);

    let bytes = with(Value::Bool(true)).encode();
    let tag = bytes.windows(5).position(|five| five == b"deep\x02").unwrap() + 4;
    let deep: Vec<u8> = [6, 1].repeat(100_000);
    let bytes = [&bytes[..tag], &deep, &bytes[tag..]].concat();
    assert_eq!(error(&bytes).problem, DecodeProblem::Expected("values nested less deeply"));
}

proptest! {
    #[test]
    fn damage_gives_an_error_or_some_state(
        state in odd::state(), damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)
    ) {
        let mut bytes = state.encode();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read(&bytes);
    }

    #[test]
    fn noise_gives_an_error_or_some_state(noise in vec(prop_oneof![any::<u8>(), 0..9_u8], 0..400)) {
        read(&noise);
        read(&[&[MAGIC, FORMAT], &noise[..]].concat());
    }
}

#[test]
fn equal_states_are_equal_bytes_however_they_came_about() {
    let with = |names: [&str; 2], decimal: &str| {
        let mut state = CustomerState::new(CustomerId::new("anna"), BEGIN);
        for name in names {
            state.profile.attributes.set(&Key::new(name), Value::Decimal(decimal.parse().unwrap()), BEGIN);
        }
        state.profile.user_id = Some(Arc::from("anna"));
        state
    };
    let (one, other) = (with(["a", "b"], "2.5"), with(["b", "a"], "2.500"));
    assert_eq!(one, other);
    assert_eq!(one.encode(), other.encode());
}
