//! What a merge keeps (promise 2.3, invariant I10): histories of up to six records, merged in every shape of tree. What is
//! kept depends neither on the shape nor on who survives; no opt-out is lost and no grant widened.
//!
//! `THROUGHLINE_TREES=1000000 cargo test --release --test merges` is the long form.

mod random;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use random::Random;
use throughline::{
    Basis, ChannelKind, Consent, ConsentBook, ConsentRecord, ContactPoint, CustomerId, CustomerState, Drawn, Event,
    Input, Instant, Playbook, Rehearsal, Says, Span, Stage, Status, Subscription, SubscriptionStatus, Surroundings,
    Topic, What,
};

const TOPICS: [&str; 3] = ["offers", "news", "other"];
const KINDS: [ChannelKind; 2] = [ChannelKind::Email, ChannelKind::InApp];

fn playbook() -> Playbook {
    let json = r#"{
        "version": 1, "currency": "EUR",
        "channels": {"email": {}, "in_app": {}},
        "brand": {"name": "S", "links": {"unsubscribe": "https://s.example/u"}},
        "policy": {"topics_default": "opt_out", "frequency_caps": [{"at_most": 4, "rolling": "48h"}],
            "holdout": {"share": "20%"}},
        "consent": {"double_opt_in": [{"channel": "in_app"}]},
        "segments": {"lookers": {"event": "Product Viewed", "within": "90d", "count": {"at_least": 50}}},
        "messages": {"m": {"topic": "offers", "when_capped": "skip", "dedupe": "5d",
            "variants": {"email": {"subject": "S", "text": "{{ unsubscribe_url }}"}, "in_app": {"body": "B"}}}},
        "journeys": {
            "cart": {"trigger": {"event": "Product Added"}, "entry": {"keyed": "30d"}, "key": "sku", "holdout": {"share": 0.2},
                "steps": [{"id": "say", "message": "m"}, {"id": "rest", "wait": "20d"}]},
            "once": {"trigger": {"event": "Product Viewed"}, "entry": "once",
                "steps": [{"id": "c", "cascade": {"message": "m", "attempts": [
                    {"channels": ["email"], "wait": "10d"}, {"channels": ["in_app"], "wait": "10d"}]}}]}
        }}"#;
    Playbook::from_json(json).unwrap_or_else(|faults| panic!("{faults}"))
}

/// Steps a record and whatever it forwards, in a small world of records.
fn step(
    book: &Playbook,
    records: &mut BTreeMap<CustomerId, CustomerState>,
    to: CustomerId,
    input: Input,
    now: Instant,
) {
    let mut inputs = VecDeque::from([(to, input)]);
    while let Some((to, input)) = inputs.pop_front() {
        let state = records.entry(to).or_insert_with(|| CustomerState::new(to, now));
        let outcome = book.step(state, &input, &Surroundings::default(), now).unwrap();
        inputs.extend(outcome.send.iter().map(|envelope| (to, Input::Settled { id: envelope.id, result: Ok(()) })));
        inputs.extend(outcome.forward);
    }
}

fn day(days: i64) -> Instant {
    "2026-03-01T10:00:00Z".parse::<Instant>().unwrap() + Span::days(days)
}

const MERGED: i64 = 8;

/// The history of one record, with nothing due at the merge.
fn history(book: &Playbook, random: &mut Random, n: usize) -> CustomerState {
    let id = CustomerId::new(&format!("r{n}"));
    let mut records = BTreeMap::new();
    let known = random.place(2) == 0;
    let knows_at = random.place(10);
    let mut times: Vec<Instant> =
        (0..2 + random.place(10)).map(|_| day(0) + Span::hours(random.place(7 * 24) as i64)).collect();
    times.sort_unstable();
    for (event_no, at) in times.into_iter().enumerate() {
        let event = match random.place(8) {
            0 => Event::track("Product Added").property("sku", format!("s{}", random.place(3)).as_str()),
            1 => Event::track("Product Viewed"),
            2 => Event::identify().with_trait("tier", ["", "gold", "silver"][random.place(3)]),
            3 => Event::identify().with_trait("email", format!("p{}@shop.example", random.place(4)).as_str()),
            4 => Event::track("Moved").zone(["Asia/Tokyo", "Europe/Berlin"][random.place(2)]),
            _ => {
                let kind = KINDS[random.place(2)].clone();
                let mut said = match random.place(8) {
                    0..3 => Subscription::granted(kind),
                    3..6 => Subscription::revoked(kind),
                    6 => Subscription::granted(kind)
                        .basis([Basis::ImpliedPurchase, Basis::ImpliedInquiry][random.place(2)]),
                    _ => Subscription::confirmed(kind),
                };
                // What is signed up for is often confirmed.
                if said.channel == ChannelKind::InApp && random.place(3) == 0 {
                    said.status = SubscriptionStatus::Confirmed;
                }
                said.topic = [None, Some("offers"), Some("news")][random.place(3)].map(Topic::new);
                if random.place(4) == 0 {
                    said.expires = Some(at + Span::days(random.place(12) as i64));
                }
                let mut event = Event::track("Said");
                event.subscriptions.push(said);
                if random.place(3) == 0 {
                    event.subscriptions[0].point = Some(format!("p{}@shop.example", random.place(4)).into());
                }
                event
            }
        };
        let mut event = event.anonymous(&format!("v{n}")).id(&format!("{n}-{event_no}")).at(at);
        if known && event_no >= knows_at {
            event = event.user(&format!("u{n}"));
        }
        step(book, &mut records, id, Input::Event(event.into()), at);
    }
    let mut state = records.remove(&id).unwrap();
    while state.due() <= day(MERGED) {
        let (due, mut records) = (state.due().max(state.last), BTreeMap::from([(id, state)]));
        step(book, &mut records, id, Input::Wake, due);
        state = records.remove(&id).unwrap();
    }
    state
}

/// Merges all records in a random tree, as of one instant; answers the one that is left.
fn merge(book: &Playbook, leaves: &[CustomerState], random: &mut Random) -> CustomerState {
    let mut records: BTreeMap<CustomerId, CustomerState> =
        leaves.iter().map(|state| (state.profile.id, state.clone())).collect();
    let mut live: Vec<CustomerId> = records.keys().copied().collect();
    while live.len() > 1 {
        let one = live[random.place(live.len())];
        let other = live[random.place(live.len())];
        if one == other {
            continue;
        }
        step(book, &mut records, one, Input::Merge { with: other }, day(MERGED));
        // Said twice it changes nothing.
        if random.place(4) == 0 {
            let before = records.clone();
            step(book, &mut records, other, Input::Merge { with: one }, day(MERGED));
            assert!(before == records, "merging twice changed something");
        }
        live.retain(|id| records[id].stage == Stage::Live);
    }
    records.remove(&live[0]).unwrap()
}

fn points() -> impl Iterator<Item = Option<ContactPoint>> {
    (0..4).map(|n| Some(ContactPoint::email(&format!("p{n}@shop.example")).unwrap())).chain([None])
}

/// What was allowed, at every channel, topic and contact point.
fn allowed(state: &CustomerState, now: Instant) -> Vec<&'static str> {
    answers(&state.profile.consents, now)
}

/// The same of a record that was never merged, if only some of it had been said.
fn had_been_said(state: &CustomerState, what: impl Fn(&&ConsentRecord) -> bool) -> Vec<&'static str> {
    let mut book = ConsentBook::default();
    state.profile.consents.iter().filter(what).for_each(|record| _ = book.record(record.clone()));
    answers(&book, day(MERGED))
}

fn answers(book: &ConsentBook, now: Instant) -> Vec<&'static str> {
    let mut all = Vec::new();
    for kind in &KINDS {
        for topic in TOPICS {
            for point in points() {
                all.push(match book.ask(kind, &topic.into(), point.as_ref(), now) {
                    Consent::Granted { .. } => "granted",
                    Consent::Pending { .. } => "pending",
                    Consent::Revoked { .. } => "revoked",
                    Consent::Expired { .. } => "expired",
                    Consent::NoRecord => "none",
                });
            }
        }
    }
    all
}

/// What a record keeps, in an order of its own.
#[derive(Debug, PartialEq)]
struct Kept {
    ids: BTreeSet<String>,
    attributes: Vec<String>,
    points: Vec<String>,
    allowed: Vec<&'static str>,
    /// The same after a grant of the time before the merge, and after one of the time after it.
    later: Vec<Vec<&'static str>>,
    contacts: BTreeSet<String>,
    events: BTreeSet<String>,
    taken: Vec<bool>,
    channels: BTreeSet<String>,
    holds: BTreeSet<String>,
    runs: BTreeSet<String>,
    arms: Vec<Drawn>,
    seen: (Instant, Instant),
    zone: Option<String>,
    best: Option<String>,
}

fn kept(book: &Playbook, state: &CustomerState, records: usize) -> Kept {
    let profile = &state.profile;
    let who = profile.user_id.iter().chain(&profile.aliases).chain(&profile.anonymous_ids).map(|id| id.to_string());
    let after = |event: Event| {
        let mut state = state.clone();
        book.step(&mut state, &Input::Event(event.into()), &Surroundings::default(), day(MERGED + 2)).unwrap();
        state
    };
    let subscribe = |topic: Option<Topic>| {
        Event::track("Said").subscription(ChannelKind::Email, topic, SubscriptionStatus::Subscribed)
    };
    let at = |event: Event, days| after(event.anonymous("v").at(day(days)));
    let later = [(None, 7), (Some("offers"), 7), (None, MERGED + 1), (Some("offers"), MERGED + 1)];
    let mut points: Vec<String> =
        profile.points.iter().map(|p| format!("{} {} {} {:?}", p.kind, p.point.as_str(), p.fresh, p.blocked)).collect();
    points.sort();
    let mut attributes: Vec<String> = profile
        .attributes
        .iter()
        .map(|a| {
            format!("{}={} {} {} {}", a.key, serde_json::to_string(&a.value).unwrap(), a.said, a.since, a.anonymous)
        })
        .collect();
    attributes.sort();
    Kept {
        ids: who.collect(),
        attributes,
        points,
        allowed: allowed(state, day(MERGED)),
        later: later
            .map(|(topic, days)| allowed(&at(subscribe(topic.map(Topic::new)), days), day(MERGED + 2)))
            .to_vec(),
        contacts: profile
            .contacts
            .iter()
            .map(|c| format!("{} {} {} {:?} {:?} {}", c.id, c.message.id, c.channel.id, c.status, c.claims, c.tries))
            .collect(),
        events: profile
            .history
            .iter()
            .map(|series| format!("{} {} {} {:?}", series.event(), series.total(), series.first(), series.times()))
            .collect(),
        taken: (0..records)
            .flat_map(|n| (0..12).map(move |event| format!("{n}-{event}")))
            .map(|id| {
                let event = Event::track("Nothing").anonymous("v").id(&id).at(day(MERGED));
                let mut state = state.clone();
                book.step(&mut state, &Input::Event(event.into()), &Surroundings::default(), day(MERGED))
                    .unwrap()
                    .duplicate
            })
            .collect(),
        channels: profile.channels.iter().map(|channel| format!("{channel:?}")).collect(),
        holds: state.holds.iter().map(|hold| format!("{hold:?}")).collect(),
        runs: state
            .runs
            .iter()
            .map(|run| format!("{} {:?} {} {} {:?}", run.journey, run.key, run.id, run.sent, run.arm))
            .collect(),
        arms: profile.arms.iter().copied().collect(),
        seen: (profile.first_seen, profile.last_seen),
        zone: profile.place.as_ref().and_then(|place| place.0.zone.as_deref().map(str::to_owned)),
        best: profile.points.best(&ChannelKind::Email).map(|point| point.point.as_str().to_owned()),
    }
}

#[test]
fn invariant_i10_what_a_merge_keeps_does_not_depend_on_its_shape_and_no_opt_out_is_lost() {
    let book = playbook();
    let quick = if cfg!(debug_assertions) { 1_500 } else { 5_000 };
    let trees = std::env::var("THROUGHLINE_TREES").ok().and_then(|n| n.parse().ok()).unwrap_or(quick);
    let first: u64 = std::env::var("THROUGHLINE_FIRST").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut met: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in first..first + trees / 2 {
        let mut random = Random(seed);
        let leaves: Vec<CustomerState> = (0..2 + random.place(5)).map(|n| history(&book, &mut random, n)).collect();
        let one = merge(&book, &leaves, &mut random);
        let other = merge(&book, &leaves, &mut random);
        let (one_kept, other_kept) = (kept(&book, &one, leaves.len()), kept(&book, &other, leaves.len()));
        let lines = |kept: &Kept| format!("{kept:#?}").lines().map(str::to_owned).collect::<Vec<_>>();
        let differ: Vec<_> = lines(&one_kept).into_iter().zip(lines(&other_kept)).filter(|(a, b)| a != b).collect();
        assert!(one_kept == other_kept, "seed {seed}: {differ:#?}");
        let whole = |record: &&ConsentRecord| record.revokes() || record.grant().is_some();
        let signed_up = |record: &&ConsentRecord| matches!(record.says, Says::SignedUp { .. });
        let sides: Vec<Vec<&str>> = leaves.iter().map(|leaf| had_been_said(leaf, whole)).collect();
        let waits: Vec<Vec<&str>> = leaves.iter().map(|leaf| had_been_said(leaf, signed_up)).collect();
        for (at, now) in one_kept.allowed.iter().enumerate() {
            let any = |what| sides.iter().any(|side| side[at] == what);
            let wanted = if any("revoked") {
                "revoked"
            } else if any("granted") {
                "granted"
            } else if any("expired") {
                "expired"
            } else {
                "none"
            };
            // A sign-up that waits takes nothing away and gives nothing.
            let waits = *now == "pending" && wanted != "granted" && waits.iter().any(|side| side[at] == "pending");
            assert!(*now == wanted || waits, "seed {seed}, {at}: {now}, not {wanted}");
            *met.entry(now).or_default() += 1;
            if any("revoked") && any("granted") {
                *met.entry("revoked here, granted there").or_default() += 1;
            }
        }
        // A grant of the time before the merge lifts nothing; one after it lifts what it speaks of.
        for early in &one_kept.later[..2] {
            for (before, after) in one_kept.allowed.iter().zip(early) {
                assert!(*before != "revoked" || *after == "revoked", "seed {seed}: lifted by an older grant");
            }
        }
        let email = one_kept.later[2].iter().take(points().count() * TOPICS.len());
        assert!(email.clone().skip(points().count() * 2).all(|now| *now == "granted"), "seed {seed}: not lifted");
        // Of each holdout the arm drawn first, mixed wherever two records were drawn to different ones (promise 6.10).
        for drawn in &one_kept.arms {
            let all: Vec<Drawn> = leaves.iter().filter_map(|leaf| leaf.profile.arms.of(drawn.of).copied()).collect();
            let oldest = all.iter().min_by_key(|known| (known.at, known.arm)).unwrap();
            let mixed = all.iter().any(|known| known.arm != oldest.arm);
            assert_eq!(*drawn, Drawn { mixed, ..*oldest }, "seed {seed}");
            *met.entry(if mixed { "arms mixed" } else { "arms alike" }).or_default() += u64::from(all.len() > 1);
        }
        // Places in caps, content keys and dedupe keys.
        let contacts = leaves.iter().map(|leaf| leaf.profile.contacts.len()).sum::<usize>();
        assert_eq!(one.profile.contacts.len(), contacts, "seed {seed}");
        let taken = leaves.iter().map(|leaf| leaf.profile.events_seen.len()).sum::<usize>();
        assert_eq!(one_kept.taken.iter().filter(|taken| **taken).count(), taken, "seed {seed}");
        *met.entry("messages").or_default() += contacts as u64;
        *met.entry("runs ended").or_default() +=
            (leaves.iter().map(|leaf| leaf.runs.len()).sum::<usize>() - one.runs.len()) as u64;
        *met.entry("six records").or_default() += u64::from(leaves.len() == 6);
    }
    println!("{trees} trees, {met:?}");
    for situation in [
        "revoked",
        "granted",
        "expired",
        "pending",
        "none",
        "revoked here, granted there",
        "messages",
        "runs ended",
        "six records",
        "arms mixed",
        "arms alike",
    ] {
        assert!(met.get(situation).is_some_and(|times| *times >= 100), "rarely met: {situation}; {met:?}");
    }
}

fn small(more: &str) -> Arc<Playbook> {
    let json = format!(
        r#"{{
        "version": 1, "currency": "EUR", "channels": {{"email": {{}}, "in_app": {{}}}}, {more}
        "brand": {{"name": "S", "links": {{"unsubscribe": "https://s.example/u"}}}},
        "policy": {{"topics_default": "opt_out", "frequency_caps": [{{"at_most": 3, "rolling": "48h"}}]}},
        "segments": {{"any": {{"event": "Begin", "within": "900d", "count": {{"at_least": 50}}}}}},
        "messages": {{
            "m": {{"when_capped": "skip", "dedupe": "1ms", "variants": {{"in_app": {{"body": "B"}}}}}},
            "both": {{"when_capped": "skip", "content_key": "one", "dedupe": "1ms",
                "variants": {{"email": {{"subject": "S", "text": "{{{{ unsubscribe_url }}}}"}}, "in_app": {{"body": "B"}}}}}}}},
        "journeys": {{
            "j": {{"trigger": {{"event": "Begin"}}, "key": "n", "steps": [{{"id": "s", "message": "m"}}]}},
            "cascade": {{"trigger": {{"event": "Offer"}}, "key": "n", "steps": [{{"id": "c", "cascade": {{"message": "both",
                "attempts": [{{"channels": ["email"], "wait": "6h"}}, {{"channels": ["in_app"]}}]}}}}]}}
        }}}}"#
    );
    Arc::new(Playbook::from_json(&json).unwrap_or_else(|faults| panic!("{faults}")))
}

fn hour(hours: i64) -> Instant {
    day(0) + Span::hours(hours)
}

/// The notices of a rehearsal of these events, and how many records are left.
fn rehearse(book: &Arc<Playbook>, events: impl IntoIterator<Item = Event>) -> (Vec<What>, Vec<CustomerState>) {
    let mut notices = Vec::new();
    let mut live = Vec::new();
    {
        let mut rehearsal = Rehearsal::new(book.clone()).with_observer(|line| {
            if let throughline::LogWhat::Notice(what) = &line.what {
                notices.push((*what).clone());
            }
        });
        for (n, event) in events.into_iter().enumerate() {
            let event = if event.timestamp.is_none() { event.at(hour(n as i64)) } else { event };
            rehearsal.event(event).unwrap();
        }
        rehearsal.run_until(Some(hour(24 * 20)));
        rehearsal.store().for_each(|state| {
            if !state.has_moved() {
                live.push(state.clone());
            }
        });
    }
    (notices, live)
}

fn count(notices: &[What], what: &str) -> usize {
    notices.iter().filter(|notice| serde_json::to_value(notice).unwrap()["what"] == what).count()
}

#[test]
fn promise_2_1_a_till_an_app_and_a_call_centre_lead_to_one_record() {
    let book = small(r#""identity": {"strong": ["loyalty_card", "email", "phone"]},"#);
    let (notices, live) = rehearse(
        &book,
        [
            Event::track("Begin").with_trait("loyalty_card", 4711),
            Event::track("Begin").anonymous("app").with_trait("email", "Anna@Shop.example"),
            Event::track("Begin").with_trait("phone", "+49 30 123456").with_trait("email", "anna@shop.example"),
            Event::identify().user("anna").with_trait("loyalty_card", "4711").with_trait("phone", "+4930123456"),
        ],
    );
    assert_eq!((live.len(), count(&notices, "merged")), (1, 1));
    assert_eq!(live[0].profile.user_id.as_deref(), Some("anna"));
    assert_eq!(live[0].profile.history.series(&"Begin".into()).unwrap().total(), 3);
}

#[test]
fn promise_2_2_nothing_is_strong_unless_the_playbook_says_so() {
    let events = || {
        [
            Event::identify().anonymous("a").with_trait("email", "anna@shop.example"),
            Event::identify().anonymous("b").with_trait("email", "anna@shop.example"),
        ]
    };
    assert_eq!(rehearse(&small(""), events()).1.len(), 2);
    assert_eq!(rehearse(&small(r#""identity": {"strong": ["email"]},"#), events()).1.len(), 1);
}

#[test]
fn promise_2_2_an_event_that_names_nobody_is_malformed_and_harms_nothing() {
    let mut rehearsal = Rehearsal::new(small(""));
    let event = r#"{"type": "identify", "traits": {"email": "a@b.de"}, "timestamp": "2026-03-01T10:00:00Z"}"#;
    rehearsal.event(Event::from_json(event).unwrap()).unwrap();
    assert_eq!((rehearsal.summary().malformed, rehearsal.summary().events), (1, 0));
    assert!(Event::from_json(r#"{"type": "track", "event": "A"}"#).is_err());
}

#[test]
fn promise_2_2_two_users_are_never_merged_by_an_event_and_the_notice_says_why() {
    let book = small(r#""identity": {"strong": ["email"]},"#);
    let (notices, live) = rehearse(
        &book,
        [
            Event::identify().user("anna").with_trait("email", "us@shop.example"),
            Event::identify().user("bert"),
            Event::track("Begin").user("bert").with_trait("email", "us@shop.example"),
            Event::alias("anna", "bert"),
        ],
    );
    assert_eq!((live.len(), count(&notices, "merged")), (2, 0));
    let why: Vec<_> = notices
        .iter()
        .filter_map(|what| match what {
            What::MergeRefused { reason, .. } => Some(*reason),
            _ => None,
        })
        .collect();
    assert_eq!(why, ["two_users", "two_users"]);
    // The event acted on the record of its strongest identifier, the address stays whose it is.
    let bert = live.iter().find(|state| state.profile.user_id.as_deref() == Some("bert")).unwrap();
    assert_eq!(bert.profile.history.series(&"Begin".into()).unwrap().total(), 1);
}

#[test]
fn promise_2_2_a_shared_device_belongs_to_whoever_identifies_on_it_last() {
    let (_, live) = rehearse(
        &small(""),
        [
            Event::identify().user("anna").anonymous("tablet"),
            Event::identify().user("bert").anonymous("tablet"),
            Event::track("Begin").anonymous("tablet").property("n", 1),
            Event::identify().user("anna").anonymous("tablet"),
            Event::track("Begin").anonymous("tablet").property("n", 2),
            Event::track("Begin").anonymous("tablet").property("n", 3),
        ],
    );
    let begun = |user: &str| {
        let state = live.iter().find(|state| state.profile.user_id.as_deref() == Some(user)).unwrap();
        state.profile.history.series(&"Begin".into()).map_or(0, |series| series.total())
    };
    assert_eq!((live.len(), begun("anna"), begun("bert")), (2, 2, 1));
}

#[test]
fn promise_2_2_merges_are_limited_and_the_event_acts_all_the_same() {
    let book = small(r#""identity": {"strong": ["card"], "most_merges": 2},"#);
    let events = (0..5).flat_map(|n| {
        let visitor = format!("v{n}");
        [
            Event::track("Begin").anonymous(&visitor).property("n", n),
            Event::track("Begin").anonymous(&visitor).with_trait("card", "C-1").property("n", 10 + n),
        ]
    });
    let (notices, live) = rehearse(&book, events);
    assert_eq!((count(&notices, "merged"), count(&notices, "merge_refused"), live.len()), (2, 2, 3));
    let total: u64 = live.iter().map(|state| state.profile.history.series(&"Begin".into()).unwrap().total()).sum();
    assert_eq!(total, 10);
    assert!(live.iter().all(|state| state.absorbed.len() <= 2));
}

#[test]
fn promise_2_3_the_identified_record_wins_then_the_earlier_first_seen() {
    let book = small(r#""identity": {"strong": ["card"]},"#);
    let winner = |events: Vec<Event>| {
        let (_, live) = rehearse(&book, events);
        assert_eq!(live.len(), 1);
        live[0].clone()
    };
    let at = |event: Event, hours| event.at(hour(hours));
    let known = winner(vec![
        at(Event::track("Begin").anonymous("old"), 0),
        at(Event::identify().user("anna"), 5),
        at(Event::identify().user("anna").anonymous("old"), 6),
    ]);
    assert_eq!(known.profile.id, throughline::IdentityKey::new(throughline::IdentityKind::User, "anna").candidate());
    assert_eq!((known.profile.first_seen, known.profile.last_seen), (hour(0), hour(6)));
    // Late by its time: the second to arrive was seen first.
    let earlier = winner(vec![
        at(Event::track("Begin").anonymous("a"), 5),
        at(Event::track("Begin").anonymous("b"), 2),
        at(Event::identify().anonymous("a").with_trait("card", "C-1"), 6),
        at(Event::identify().anonymous("b").with_trait("card", "C-1"), 7),
    ]);
    assert_eq!(
        earlier.profile.id,
        throughline::IdentityKey::new(throughline::IdentityKind::Anonymous, "b").candidate()
    );
}

#[test]
fn promise_2_3_an_anonymous_value_never_overwrites_an_identified_one_and_an_empty_one_nothing() {
    let (_, live) = rehearse(
        &small(""),
        [
            Event::identify().user("anna").with_trait("tier", "gold").with_trait("size", "").with_trait("age", 30),
            Event::identify()
                .anonymous("v")
                .with_trait("tier", "silver")
                .with_trait("size", "M")
                .with_trait("new", true),
            Event::identify().user("anna").with_trait("age", 31),
            Event::identify().user("anna").anonymous("v"),
        ],
    );
    let value =
        |name: &str| serde_json::to_string(&live[0].profile.attributes.get(&name.into()).unwrap().value).unwrap();
    assert_eq!(["tier", "size", "age", "new"].map(value), ["\"gold\"", "\"M\"", "31", "true"]);
}

#[test]
fn promise_2_3_caps_survive_and_a_late_event_to_the_losing_id_reaches_the_winner() {
    let (notices, live) = rehearse(
        &small(""),
        [
            Event::track("Begin").anonymous("v").property("n", 1),
            Event::identify().user("anna"),
            Event::track("Begin").user("anna").property("n", 2),
            Event::track("Begin").user("anna").property("n", 3),
            Event::identify().user("anna").anonymous("v"),
            // The cap of three is full with the messages of both.
            Event::track("Begin").anonymous("v").property("n", 4),
        ],
    );
    assert_eq!((count(&notices, "handed_over"), live.len()), (3, 1));
    assert_eq!(live[0].profile.history.series(&"Begin".into()).unwrap().total(), 4);
}

#[test]
fn promise_2_3_of_two_cascades_of_one_content_the_one_begun_first_goes_on_with_the_attempts_of_both() {
    for key in ["x", "y"] {
        let (notices, live) = rehearse(
            &small(""),
            [
                Event::track("Offer")
                    .anonymous("v")
                    .property("n", "x")
                    .with_trait("email", "a@shop.example")
                    .at(hour(0)),
                Event::track("Offer").user("anna").property("n", key).with_trait("email", "b@shop.example").at(hour(1)),
                Event::identify().user("anna").anonymous("v").at(hour(2)),
            ],
        );
        // Two e-mails before it was known that they are one person, one further attempt and no more.
        let sent: Vec<String> = notices
            .iter()
            .filter_map(|what| match what {
                What::HandedOver(sent) => Some(format!("{} {}", sent.channel, sent.attempt)),
                _ => None,
            })
            .collect();
        assert_eq!(sent, ["email 1", "email 1", "in_app 2"], "{key}");
        assert!(live[0].runs.is_empty(), "{key}");
        assert!(live[0].profile.contacts.iter().all(|contact| contact.status == Status::Accepted));
    }
}

#[test]
fn promise_2_3_a_run_that_goes_on_hears_of_its_message_although_the_other_ones_is_later() {
    let book = small("");
    let [one, other] = ["one", "other"].map(CustomerId::new);
    let mut records: BTreeMap<CustomerId, CustomerState> = BTreeMap::new();
    let mut ended = Vec::new();
    // Nobody answers but this test.
    let mut take = |to, input, now| {
        let (mut inputs, mut sent) = (VecDeque::from([(to, input)]), Vec::new());
        while let Some((to, input)) = inputs.pop_front() {
            let state = records.entry(to).or_insert_with(|| CustomerState::new(to, now));
            let outcome = book.step(state, &input, &Surroundings::default(), now).unwrap();
            sent.extend(outcome.send.iter().map(|envelope| envelope.id));
            inputs.extend(outcome.forward);
            let reasons = outcome.notices.iter().filter_map(|notice| match &notice.what {
                What::RunEnded { reason, .. } => Some(reason.word().to_owned()),
                _ => None,
            });
            ended.extend(reasons);
        }
        sent
    };
    let begin = |h| Input::Event(Event::track("Begin").property("n", 1).at(hour(h)).into());
    take(one, Input::Event(Event::identify().user("anna").at(hour(0)).into()), hour(0));
    let first = take(one, begin(0), hour(0));
    let later = take(other, begin(0), hour(0) + Span::seconds(1));
    assert_eq!((first.len(), later.len()), (1, 1));
    let merged = hour(0) + Span::seconds(2);
    take(one, Input::Merge { with: other }, merged);
    take(one, Input::Settled { id: first[0], result: Ok(()) }, merged);
    take(one, Input::Settled { id: later[0], result: Ok(()) }, merged);
    assert_eq!(ended, ["merged", "completed"]);
}

#[test]
fn promise_2_3_a_revocation_of_either_side_stands_until_an_express_grant_after_the_merge() {
    let say = |status| Event::track("Said").subscription(ChannelKind::Email, None, status);
    use SubscriptionStatus::{Subscribed, Unsubscribed};
    let asks = |events: Vec<Event>| {
        let (_, live) = rehearse(&small(""), events);
        let [one] = &live[..] else { panic!("{} records", live.len()) };
        one.profile.consents.ask(&ChannelKind::Email, &"offers".into(), None, hour(100))
    };
    let merge = || Event::identify().user("anna").anonymous("v").at(hour(10));
    let gone = |events| matches!(asks(events), Consent::Revoked { .. });
    let (ours, theirs) =
        (|event: Event, h| event.user("anna").at(hour(h)), |event: Event, h| event.anonymous("v").at(hour(h)));
    // A grant of the other side, though later, lifts nothing; of whichever side.
    assert!(gone(vec![theirs(say(Unsubscribed), 1), ours(say(Subscribed), 2), merge()]));
    assert!(gone(vec![ours(say(Unsubscribed), 1), theirs(say(Subscribed), 2), merge()]));
    // What a side had settled by itself stays settled.
    assert!(!gone(vec![theirs(say(Unsubscribed), 1), theirs(say(Subscribed), 2), ours(Event::identify(), 3), merge()]));
    // A grant that is heard of late and is older than the merge lifts nothing; one after the merge does.
    let revoked = || vec![theirs(say(Unsubscribed), 1), ours(Event::identify(), 2), merge()];
    assert!(gone([revoked(), vec![ours(say(Subscribed), 9)]].concat()));
    assert!(!gone([revoked(), vec![ours(say(Subscribed), 11)]].concat()));
    // So does not a revocation that is heard of late: it stands against the other side's grant.
    let granted = || vec![ours(say(Subscribed), 2), theirs(Event::identify(), 3), merge()];
    assert!(!gone(granted()));
    assert!(gone([granted(), vec![theirs(say(Unsubscribed), 1)]].concat()));
}
