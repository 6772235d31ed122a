//! What the first release stored of calls of the host and of goals that outlive their runs.

use crate::journey::Place;
use crate::primitives::{CustomerId, Fields, IdempotencyKey, Instant, Span, Value};
use crate::record::{CallStage, Calling, CustomerState, OpenGoal, Run};

const V1_CALLS: &str = "\
    b7018d3797891556801bf04f03601bb693af8084801083b0d2e73405000002a9031c61667465725f70757263686173650100 \
    0100000000000000066f2d31c501010200c501011f05570001d6e6e555effb8b2d88023c6940077d171869737375655f636f \
    75706f6ec50102f859a905530100020000000000000057885a010200c501011f05570002f78d53f1c4278bdc94e91eb9b3c1 \
    20e159c50100c101010a6f72646572055701031a636172745f72656d696e64657203000c0000000000000006632d318103c5 \
    0a010e636172745f6964056302";

fn day(n: i64) -> Instant {
    Instant::from_millis(1_772_000_000_000) + Span::days(n)
}

fn fields(name: &str, value: &str) -> Fields {
    [(name.into(), Value::from(value))].into_iter().collect()
}

fn run(id: u64, calling: Calling) -> Run {
    Run {
        journey: "after_purchase".into(),
        version: 1,
        id,
        key: Some("o-1".into()),
        about: None,
        began: day(1),
        place: Place { step: 1, visit: 2, since: day(2), awaiting: true, ..Place::default() },
        wake: None,
        data: fields("order_id", "o-1"),
        sent: 0,
        pending: None,
        acted: calling.held.is_none(),
        reached: calling.held.is_some(),
        calling: Some(Box::new(calling)),
        paused: None,
        arm: None,
        splits: Default::default(),
    }
}

fn calls() -> CustomerState {
    let mut state = CustomerState::new(CustomerId::new("anna"), day(0));
    let calling = |n: u8, tries, stage, held| Calling {
        id: IdempotencyKey::derive(&[b"effect", &[n]]),
        effect: "issue_coupon".into(),
        deadline: day(3),
        tries,
        stage,
        held,
    };
    state.runs = vec![
        run(1, calling(1, 2, CallStage::InFlight { lease: day(2) + Span::minutes(1) }, None)),
        run(2, calling(2, 0, CallStage::Queued { due: day(2) }, Some(fields("order", "o-1")))),
    ];
    state.goals = vec![OpenGoal {
        journey: "cart_reminder".into(),
        version: 3,
        run: 12,
        key: Some("c-1".into()),
        began: day(0),
        until: day(7),
        data: fields("cart_id", "c-1"),
        sent: 2,
        arm: None,
    }];
    state
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[test]
fn what_the_first_release_stored_of_calls_and_goals_is_read_and_written_alike() {
    let hex: String = calls().encode().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, V1_CALLS.replace(' ', ""));
    let read = CustomerState::decode(&bytes(V1_CALLS), &()).unwrap();
    assert!(read == calls(), "{read:#?}");
}
