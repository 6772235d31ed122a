use super::*;

fn at(n: i64) -> Instant {
    Instant::from_millis(n)
}

fn token(text: &str) -> ContactPoint {
    ContactPoint::token(text).unwrap()
}

fn phone(id: &str) -> Option<DeviceTag> {
    Some(DeviceTag { kind: Some(DeviceKind::Ios), id: Some(crate::primitives::Key::hash_of(id)) })
}

fn tokens(points: &Points) -> Vec<&str> {
    points.iter().map(|point| point.point.as_str()).collect()
}

#[test]
fn promise_7_1_the_freshest_point_that_is_not_blocked_is_taken() {
    let mut points = Points::default();
    for (n, token) in ["old", "new", "newest"].iter().enumerate() {
        points.add(ChannelKind::Email, self::token(token), None, at(n as i64));
    }
    points.block(&token("newest"), BlockReason::Invalid);
    assert_eq!(points.best(&ChannelKind::Email).unwrap().point, token("new"));
    points.refresh(token("old").hash(), at(9));
    assert_eq!(points.best(&ChannelKind::Email).unwrap().point, token("old"));
    assert!(points.best(&ChannelKind::Push).is_none());
}

#[test]
fn promise_10_2_a_rejected_token_is_dropped_and_comes_back_only_if_it_is_given_later() {
    let mut points = Points::default();
    points.add(ChannelKind::Push, token("t"), None, at(1));
    points.add(ChannelKind::Email, token("a"), None, at(1));
    assert!(points.reject(token("t").hash(), BlockReason::Invalid, at(5)));
    assert!(points.reject(token("a").hash(), BlockReason::Invalid, at(5)));
    assert_eq!(tokens(&points), ["a"]);
    assert!(points.is_blocked(token("a").hash()));
    assert!(!points.add(ChannelKind::Push, token("t"), None, at(5)), "a late event");
    assert!(points.add(ChannelKind::Push, token("t"), None, at(6)));
    assert_eq!(tokens(&points), ["a", "t"]);
}

#[test]
fn a_new_token_of_a_device_replaces_its_old_one_in_whatever_order_they_come() {
    for order in [[("old", 1), ("new", 2)], [("new", 2), ("old", 1)]] {
        let mut points = Points::default();
        for (text, time) in order {
            points.add(ChannelKind::Push, token(text), phone("phone"), at(time));
        }
        points.add(ChannelKind::Push, token("other"), phone("tablet"), at(1));
        points.add(ChannelKind::Push, token("unknown"), None, at(1));
        assert_eq!(tokens(&points), ["new", "other", "unknown"]);
        assert!(points.drop_device(crate::primitives::Key::hash_of("phone"), at(3)));
        assert!(!points.drop_device(crate::primitives::Key::hash_of("tablet"), at(0)), "it was heard of since");
        assert_eq!(tokens(&points), ["other", "unknown"]);
    }
}

#[test]
fn devices_are_bounded_and_those_not_heard_of_for_270_days_go() {
    let mut points = Points::default();
    points.add(ChannelKind::Email, token("a"), None, at(0));
    for n in 0..99 {
        points.add(ChannelKind::Push, token(&format!("t{n}")), None, at(n));
        points.drop(n as u64, at(n));
    }
    assert_eq!((points.iter().len(), points.dropped().len()), (1 + MOST_DEVICES, MOST_DROPPED));
    assert_eq!(points.best(&ChannelKind::Push).unwrap().point, token("t98"));
    assert!(!points.drop_stale(at(88) + Span::days(270)));
    assert!(points.drop_stale(at(97) + Span::days(270)));
    assert_eq!(tokens(&points), ["a", "t98"]);
}

#[test]
fn promise_2_3_what_either_record_dropped_stays_dropped_in_either_order() {
    let (mut one, mut other) = (Points::default(), Points::default());
    one.add(ChannelKind::Push, token("t"), phone("p"), at(1));
    one.add(ChannelKind::Push, token("u"), phone("q"), at(3));
    other.drop(token("t").hash(), at(2));
    other.add(ChannelKind::Push, token("v"), phone("q"), at(4));
    let (mut ours, mut theirs) = (one.clone(), other.clone());
    ours.absorb(other);
    theirs.absorb(one);
    assert_eq!(tokens(&ours), ["v"]);
    assert_eq!(ours, theirs);
}
