//! The fold against a naive one.

use super::*;
use crate::event::Evidence;
use proptest::prelude::*;

fn record(topic: Option<&str>, at: i64, grant: bool) -> ConsentRecord {
    let says = if grant { Says::Granted(Basis::Express) } else { Says::Revoked };
    ConsentRecord {
        topic: topic.map(Topic::from),
        ..ConsentRecord::new(ChannelKind::Email, says, Instant::from_millis(at))
    }
}

fn ask(book: &ConsentBook, topic: &str) -> Consent {
    book.ask(&ChannelKind::Email, &topic.into(), None, Instant::from_millis(1_000))
}

#[test]
fn promise_4_1_at_equal_times_the_revocation_wins_and_a_late_older_grant_changes_nothing() {
    let mut book = ConsentBook::default();
    assert_eq!(ask(&book, "offers"), Consent::NoRecord);
    book.record(record(None, 5, true));
    book.record(record(None, 5, false));
    assert!(matches!(ask(&book, "offers"), Consent::Revoked { .. }));
    book.record(record(None, 4, true));
    assert!(matches!(ask(&book, "offers"), Consent::Revoked { .. }));
    book.record(record(None, 6, true));
    assert!(matches!(ask(&book, "offers"), Consent::Granted { .. }));
}

#[test]
fn a_topic_that_was_left_stays_left_when_the_channel_is_granted_again() {
    let mut book = ConsentBook::default();
    book.record(record(Some("offers"), 5, false));
    book.record(record(None, 6, true));
    assert!(matches!(ask(&book, "offers"), Consent::Revoked { .. }));
    assert!(matches!(ask(&book, "news"), Consent::Granted { .. }));
}

#[test]
fn a_grant_covers_only_the_contact_point_it_was_given_for_and_runs_out() {
    let (ours, other) = (ContactPoint::email("a@b.de").unwrap(), ContactPoint::email("c@b.de").unwrap());
    let mut book = ConsentBook::default();
    let expires = Some(Instant::from_millis(100));
    book.record(ConsentRecord { point: Some(ours.hash()), expires, ..record(None, 5, true) });
    let ask = |point, now| book.ask(&ChannelKind::Email, &"x".into(), Some(point), Instant::from_millis(now));
    assert!(matches!(ask(&ours, 99), Consent::Granted { .. }));
    assert!(matches!(ask(&ours, 100), Consent::Expired { .. }));
    assert_eq!(ask(&other, 99), Consent::NoRecord);
}

#[test]
fn promise_4_1_a_purchase_does_not_end_what_an_inquiry_implied() {
    let implied = |basis, at, expires| ConsentRecord {
        expires: Some(Instant::from_millis(expires)),
        ..ConsentRecord::granted(ChannelKind::Email, basis, Instant::from_millis(at))
    };
    let mut book = ConsentBook::default();
    book.record(implied(Basis::ImpliedPurchase, 5, 2_000));
    book.record(implied(Basis::ImpliedInquiry, 6, 900));
    let since = Instant::from_millis(5);
    assert_eq!(ask(&book, "x"), Consent::Granted { since, basis: Basis::ImpliedPurchase });
}

#[test]
fn promise_2_5_evidence_prints_masked_and_is_bounded() {
    let evidence = Evidence::new("form 7, anna@shop.example".repeat(20)).unwrap();
    assert!(evidence.as_str().len() <= Evidence::MOST);
    let said = ConsentRecord { evidence: Some(evidence), ..record(None, 1, true) };
    assert!(!format!("{said:?}").contains("anna"));
    let umlauts = Evidence::new("ä".repeat(150)).unwrap();
    assert_eq!(umlauts.as_str().chars().count(), 100);
    assert_eq!(Evidence::new(""), None);
    let both = Evidence::both(Some(&umlauts), Some(&umlauts)).unwrap();
    assert!(both.as_str().ends_with('ä') && both.as_str().contains(" + "));
}

#[test]
fn promise_4_1_of_many_sign_ups_the_latest_are_kept() {
    let says = |at: i64| Says::SignedUp { until: Instant::from_millis(at + 100) };
    let mut book = ConsentBook::default();
    for at in [7, 1, 5, 9, 3, 8, 9] {
        book.record(ConsentRecord { says: says(at), ..record(Some("offers"), at, true) });
    }
    let mut kept: Vec<i64> = book.iter().map(|record| record.at.as_millis()).collect();
    kept.sort_unstable();
    assert_eq!(kept, [5, 7, 8, 9]);
}

/// What holds of a topic at a contact point, by its sentences in the guide, over everything that was ever said.
fn naive(said: &[ConsentRecord], topic: &str, point: Option<u64>, now: Instant) -> Consent {
    let mut all = said.to_vec();
    let mut done = Vec::new();
    for confirmed in said.iter().filter(|record| record.says == Says::Confirmed) {
        for sign_up in said {
            if let Says::SignedUp { until } = sign_up.says
                && sign_up.topic == confirmed.topic
                && confirmed.point.is_none_or(|point| sign_up.point == Some(point))
                && (sign_up.at..until).contains(&confirmed.at)
            {
                let says = Says::Granted(Basis::Express);
                all.push(ConsentRecord { at: confirmed.at, says, ..sign_up.clone() });
                done.push(sign_up);
            }
        }
    }
    all.retain(|record| record.topic.as_ref().is_none_or(|named| named.as_str() == topic));
    all.retain(|record| record.point.is_none() || record.point == point);
    let latest = |wanted: &dyn Fn(&ConsentRecord) -> bool| all.iter().filter(|r| wanted(r)).map(|r| r.at).max();
    let express = |record: &ConsentRecord| record.says == Says::Granted(Basis::Express);
    let left_topic = latest(&|r| r.revokes() && r.topic.is_some());
    let left_channel = latest(&|r| r.revokes() && r.topic.is_none());
    let came_back_to_topic = latest(&|r| express(r) && r.topic.is_some());
    let came_back = latest(&express);
    let away = left_topic.filter(|at| came_back_to_topic <= Some(*at));
    let away = away.or(left_channel.filter(|at| came_back <= Some(*at)));
    let last_no = left_topic.max(left_channel);
    let same = |a: &ConsentRecord, b: &ConsentRecord| (&a.topic, a.point, a.says) == (&b.topic, b.point, b.says);
    let end = |record: &ConsentRecord| record.expires.unwrap_or(Instant::MAX);
    let grants: Vec<&ConsentRecord> = all
        .iter()
        .filter(|r| r.grant().is_some() && Some(r.at) > last_no)
        .filter(|r| !all.iter().any(|o| same(r, o) && (o.at > r.at || (o.at == r.at && end(o) < end(r)))))
        .collect();
    let valid = grants.iter().filter(|r| end(r) > now).max_by_key(|r| (r.at, r.grant()));
    if let (None, Some(grant)) = (away, valid) {
        return Consent::Granted { since: grant.at, basis: grant.grant().unwrap() };
    }
    let waiting = all.iter().filter(|r| Some(r.at) > last_no && !done.contains(r)).filter_map(|r| match r.says {
        Says::SignedUp { until } if now < until => Some((r.at, until)),
        _ => None,
    });
    match (waiting.max(), away, grants.iter().max_by_key(|r| end(r))) {
        (Some((since, until)), ..) => Consent::Pending { since, until },
        (_, Some(since), _) => Consent::Revoked { since },
        (_, _, Some(ran_out)) => Consent::Expired { since: end(ran_out) },
        _ => Consent::NoRecord,
    }
}

const TOPICS: [Option<&str>; 3] = [None, Some("offers"), Some("news")];

fn statements() -> impl Strategy<Value = Vec<ConsentRecord>> {
    let bases = vec![Basis::Express, Basis::Express, Basis::ImpliedPurchase, Basis::ImpliedInquiry, Basis::SoftOptIn];
    let at = || (0..40i64).prop_map(Instant::from_millis);
    let says = prop_oneof![
        3 => Just(None),
        4 => prop::sample::select(bases).prop_map(|basis| Some(Says::Granted(basis))),
        3 => Just(Some(Says::SignedUp { until: Instant::MIN })),
        3 => Just(Some(Says::Confirmed)),
    ];
    let one =
        (says, prop::sample::select(TOPICS.to_vec()), 0..3u64, at(), prop::option::weighted(0.3, 1..25i64), 1..20i64);
    let one = one.prop_map(|(says, topic, point, at, lasts, waits)| {
        let millis = crate::primitives::Span::millis;
        let says = match says {
            None => Says::Revoked,
            Some(Says::SignedUp { .. }) => Says::SignedUp { until: at + millis(waits) },
            Some(says) => says,
        };
        let lasts = lasts.filter(|_| !matches!(says, Says::Revoked | Says::Confirmed));
        ConsentRecord {
            topic: topic.map(Topic::from),
            point: (point > 0).then_some(point),
            expires: lasts.map(|lasts| at + millis(lasts)),
            ..ConsentRecord::new(ChannelKind::Email, says, at)
        }
    });
    prop::collection::vec(one, 0..14)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn promise_4_1_the_book_answers_as_a_fold_over_all_that_was_said_in_whatever_order_and_however_often(
        said in statements(), order in prop::collection::vec(any::<u32>(), 28), nows in prop::collection::vec(0..70i64, 4)
    ) {
        let same = |a: &ConsentRecord, b: &ConsentRecord| (&a.topic, a.point) == (&b.topic, b.point);
        let halves = |record| said.iter().filter(|other| other.is_half() && same(other, record)).count();
        prop_assume!(said.iter().all(|record| halves(record) <= sign_up::MOST_HALVES));
        for now in nows.into_iter().map(Instant::from_millis) {
            let known: Vec<ConsentRecord> = said.iter().filter(|record| record.at <= now).cloned().collect();
            // Half of them come twice, all in a drawn order.
            let twice = known.iter().enumerate().filter(|(n, _)| n % 2 == 0).map(|(_, record)| record);
            let mut arriving: Vec<&ConsentRecord> = known.iter().chain(twice).collect();
            let mut keys = order.iter();
            arriving.sort_by_cached_key(|_| keys.next());
            let mut book = ConsentBook::default();
            arriving.into_iter().for_each(|record| _ = book.record(record.clone()));
            for topic in ["offers", "news", "other"] {
                for point in [None, Some(1), Some(2), Some(3)] {
                    let answer = book.state(&ChannelKind::Email, &topic.into(), point, now);
                    prop_assert_eq!(answer, naive(&known, topic, point, now), "{} {:?} {} {:#?}", topic, point, now, known);
                    // Nothing changes before it is said that something may.
                    let next = book.next_change(&ChannelKind::Email, &topic.into(), now);
                    for later in [1, 3, 8].map(|n| now + crate::primitives::Span::millis(n)) {
                        if next.is_none_or(|next| later < next) {
                            prop_assert_eq!(book.state(&ChannelKind::Email, &topic.into(), point, later), answer);
                        }
                    }
                }
            }
        }
    }
}
