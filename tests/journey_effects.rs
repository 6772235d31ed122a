//! Effects: a journey has the host do something, once, whatever breaks (promises 6.4, 6.9, 8.4, 10.1).

mod rig;
mod shop;

use std::sync::{Arc, Mutex};

use futures::executor::block_on;
use rig::stores::{Failing, Pausing, Shared};
use rig::{Does, Rig, START, drop_after};
use serde_json::{Value as Json, json};
use shop::{Shop, at, began, book, known, steps};
use throughline::{
    BuildError, ChannelModel, CustomerId, CustomerState, EffectCall, EffectEnd, EffectError, EffectHandler, Engine,
    Envelope, Event, Fields, IdempotencyKey, Input, Instant, ManualClock, MemoryStore, Modelled, Playbook, Recording,
    Rehearsal, Span, Store, Value, What, async_trait,
};

const BEGIN: &str = "2026-03-01T00:00:00Z";

/// Issues a coupon upon `Begin`, and sends a note; an order ends it.
fn coupons(more: Json) -> Json {
    let mut call = json!({"id": "coupon", "call": {"effect": "issue_coupon",
        "payload": {"order": "{{ trigger.order_id }}", "percent": 10}}});
    call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut journey = steps(json!([
        {"id": "w", "wait": "1h"}, call, {"id": "say", "message": "note", "next": "end"}, {"id": "sorry", "message": "other"}]));
    journey["steps"][0]["next"] = "coupon".into();
    journey["steps"].as_array_mut().unwrap().push(json!({"id": "x", "wait": "1d"}));
    journey["exit"] = json!([{"event": "Order Completed"}]);
    listed(journey)
}

fn listed(journey: Json) -> Json {
    let mut book = book(json!({"j": journey}));
    book["effects"] = json!({"issue_coupon": {"timeout": "5s"}});
    book
}

/// One that answers where it leads by.
fn ways() -> Json {
    coupons(json!({"on_error": "sorry"}))
}

fn begin() -> Event {
    began("Begin").property("order_id", "o-1").property("total", 20_i64)
}

fn fields<const N: usize>(fields: [(&str, Value); N]) -> Fields {
    fields.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

fn ends(shop: &Shop) -> Vec<EffectEnd> {
    let ends = shop.notes.iter().filter_map(|note| match &note.what {
        What::EffectEnded { how, .. } => Some(*how),
        _ => None,
    });
    ends.collect()
}

fn stored_alike(shop: &Shop) {
    assert_eq!(CustomerState::decode(&shop.state.encode(), &()).unwrap(), shop.state);
}

#[test]
fn promise_6_4_the_host_is_called_with_what_the_step_says_and_its_answer_is_read_later() {
    let mut book = listed(steps(json!([
        {"id": "coupon", "call": {"effect": "issue_coupon", "payload": {
            "order": "{{ trigger.order_id }}", "total": "{{ trigger.total }}", "name": "{{customer.name}}",
            "text": "For {{ customer.name }}: {{ trigger.total }}", "percent": 10, "of": {"list": ["{{ trigger.order_id }}", true]}}}},
        {"id": "b", "branch": [{"if": {"trigger": {"coupon.percent": {"at_least": 20}}}, "next": "u"}], "else": "end"},
        {"id": "u", "update": {"attribute": "coupon", "from": "coupon.code"}},
        {"id": "say", "message": "told"}])));
    book["messages"]["told"] = json!({"variants": {"in_app": {"body": "Take {{ trigger.coupon.code }}."}}});
    let mut shop = Shop::new(book);
    shop.says([Ok(fields([("code", "X-1".into()), ("percent", 25_i64.into())]))]);
    shop.event(BEGIN, known().with_trait("name", "Anna"));
    shop.event(BEGIN, begin());
    let [(_, call)] = shop.called.as_slice() else { panic!("{:?}", shop.called) };
    assert_eq!(
        serde_json::to_value(&*call.payload).unwrap(),
        json!({"order": "o-1", "total": 20, "name": "Anna", "text": "For Anna: 20", "percent": 10,
               "of": {"list": ["o-1", true]}})
    );
    assert_eq!((call.effect.as_str(), &*call.step, &*call.who), ("issue_coupon", "coupon", "anna"));
    let throughline::Content::InApp(note) = &*shop.handed[0].1.content else { panic!("no note") };
    assert_eq!(note.body, "Take X-1.");
    let attribute = shop.state.profile.attributes.value(&"coupon".into()).and_then(|value| value.as_str());
    assert_eq!((attribute, shop.ended()), (Some("X-1"), vec!["completed".to_owned()]));
}

#[test]
fn promise_6_4_of_an_answer_only_what_is_read_later_is_kept() {
    let mut shop = Shop::new(ways());
    shop.says([Ok(fields([("code", "X-1".into())]))]);
    let mut journey = steps(json!([
        {"id": "coupon", "call": {"effect": "issue_coupon"}}, {"id": "w", "wait": "1d"}]));
    journey["key"] = "order_id".into();
    shop.book = Playbook::from_json(&listed(journey).to_string()).unwrap();
    shop.event(BEGIN, begin());
    assert!(shop.state.runs[0].data.is_empty());
    stored_alike(&shop);
}

#[test]
fn promise_8_4_one_key_per_visit_however_often_it_is_tried_and_answered() {
    let mut shop = Shop::new(ways());
    shop.says([Err(EffectError::for_now("503")), Err(EffectError::for_now("503"))]);
    shop.event(BEGIN, begin());
    shop.pass("2026-03-01T12:00:00Z");
    let times: Vec<String> = shop.called.iter().map(|(at, _)| at.to_string()).collect();
    assert_eq!(times, ["2026-03-01T01:00:00Z", "2026-03-01T01:00:01Z", "2026-03-01T01:00:03Z"]);
    let first = shop.called[0].1.clone();
    assert!(shop.called.iter().all(|(_, call)| *call == first));
    assert_eq!((shop.handed.len(), ends(&shop)), (1, vec![EffectEnd::Done]));
    // A second answer, whatever it says, finds nothing.
    let before = shop.state.clone();
    for result in [Ok(Fields::new()), Err(EffectError::failed("no")), Err(EffectError::for_now("no"))] {
        shop.input(Input::Answered { id: first.id, result }, at("2026-03-01T12:00:00Z"));
    }
    shop.state.last = before.last;
    assert!(shop.state == before && ends(&shop).len() == 1);
    // Another run, and another visit, are other calls.
    let mut journey = steps(json!([
        {"id": "coupon", "call": {"effect": "issue_coupon"}}, {"id": "w", "wait": "1h", "next": "coupon"}]));
    journey["key"] = "order_id".into();
    journey["exit"] = json!([{"event": "Order Completed"}]);
    let mut shop = Shop::new(listed(journey));
    shop.event(BEGIN, begin());
    shop.event(BEGIN, began("Begin").property("order_id", "o-2"));
    shop.pass("2026-03-01T03:00:00Z");
    let mut keys: Vec<IdempotencyKey> = shop.called.iter().map(|(_, call)| call.id).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 8);
}

#[test]
fn promise_6_9_a_failed_effect_takes_its_error_branch_or_ends_the_run_with_the_reason() {
    let cases = [
        (vec![Err(EffectError::failed("no more coupons"))], EffectEnd::Failed, "no more coupons"),
        (vec![Ok(fields([("text", "x".repeat(5_000).as_str().into())]))], EffectEnd::Failed, "answer_too_long"),
        ((0..2_000).map(|_| Err(EffectError::for_now("503"))).collect(), EffectEnd::Expired, "503"),
    ];
    for (answers, how, reason) in cases {
        for (more, sent) in
            [(json!({"on_error": "sorry"}), vec!["other"]), (json!({"next": "say", "on_error": "end"}), vec![])]
        {
            let mut book = coupons(more);
            book["journeys"]["j"]["steps"]
                .as_array_mut()
                .unwrap()
                .retain(|step| !sent.is_empty() || step["id"] != "sorry");
            book["journeys"]["j"]["steps"].as_array_mut().unwrap().retain(|step| !sent.is_empty() || step["id"] != "x");
            let mut shop = Shop::new(book);
            shop.says(answers.clone());
            shop.event(BEGIN, begin());
            shop.pass("2026-03-05T00:00:00Z");
            let messages: Vec<&str> = shop.handed.iter().map(|(_, sent)| sent.message.id.as_str()).collect();
            assert_eq!((messages, ends(&shop)), (sent, vec![how]), "{reason}");
            assert_eq!((shop.ended().len(), shop.calls.len()), (1, 0));
        }
        let mut shop = Shop::new(listed(steps(
            json!([{"id": "coupon", "call": {"effect": "issue_coupon"}}, {"id": "z", "message": "note"}]),
        )));
        shop.says(answers);
        shop.event(BEGIN, begin());
        shop.pass("2026-03-05T00:00:00Z");
        let told = serde_json::to_value(shop.notes.last().unwrap()).unwrap();
        assert_eq!(told["reason"], json!({"failed": format!("coupon: {reason}")}));
        assert_eq!((shop.ended(), shop.handed.len()), (vec!["failed".to_owned()], 0));
    }
}

#[test]
fn promise_6_9_tries_end_with_the_time_for_which_an_effect_is_worth_having() {
    for (step, effect, minutes) in [(None, None, 1_440), (None, Some("3h"), 180), (Some("90m"), Some("3h"), 90)] {
        let mut book = ways();
        if let Some(span) = step {
            book["journeys"]["j"]["steps"][1]["call"]["valid_for"] = span.into();
        }
        if let Some(span) = effect {
            book["effects"]["issue_coupon"]["valid_for"] = span.into();
        }
        let mut shop = Shop::new(book);
        shop.says((0..2_000).map(|_| Err(EffectError::for_now("503"))));
        shop.event(BEGIN, begin());
        shop.pass("2026-03-05T00:00:00Z");
        let (first, last) = (shop.called[0].0, shop.called[shop.called.len() - 1].0);
        assert!(last - first <= Span::minutes(minutes), "{}", last - first);
        assert!(last - first > Span::minutes(minutes - 6), "{}", last - first);
        assert_eq!(shop.handed[0].1.message.id.as_str(), "other");
    }
    // Queued beyond its time by a long wait for a place, it expires unclaimed.
    let mut shop = Shop::new(ways());
    shop.hold_answers();
    shop.event(BEGIN, begin());
    shop.pass("2026-03-01T01:00:00Z");
    let id = shop.called[0].1.id;
    shop.input(Input::GivenBack { id, due: at("2026-03-03T00:00:00Z") }, at("2026-03-01T01:00:01Z"));
    stored_alike(&shop);
    shop.pass("2026-03-03T00:00:00Z");
    assert_eq!((shop.called.len(), ends(&shop)), (1, vec![EffectEnd::Expired]));
    assert_eq!(shop.handed[0].1.message.id.as_str(), "other");
}

#[test]
fn promise_9_4_a_payload_that_cannot_be_made_is_never_handed_over() {
    let mut shop = Shop::new(ways());
    shop.event(BEGIN, began("Begin"));
    shop.pass("2026-03-01T02:00:00Z");
    assert_eq!((shop.called.len(), shop.handed[0].1.message.id.as_str()), (0, "other"));
}

#[test]
fn promise_10_1_a_lost_claim_and_a_lost_answer_are_tried_again_with_the_same_key_and_payload() {
    let mut shop = Shop::new(ways());
    shop.hold_answers();
    shop.event(BEGIN, begin());
    shop.pass("2026-03-01T01:00:00Z");
    stored_alike(&shop);
    // What the trigger said changes nothing any more, and neither does a clock that goes back.
    shop.input(Input::Wake, at("2026-03-01T00:30:00Z"));
    shop.pass("2026-03-01T01:05:00Z");
    stored_alike(&shop);
    assert!(shop.called.len() > 2, "{}", shop.called.len());
    assert!(shop.called.iter().all(|(_, call)| *call == shop.called[0].1));
    assert_eq!(shop.noted("effect"), 1);
    assert_eq!(shop.noted("effect_again"), shop.called.len() - 1);
    // A no of an earlier try changes nothing while the next one waits; a late yes counts.
    let id = shop.called[0].1.id;
    shop.input(Input::Answered { id, result: Err(EffectError::for_now("503")) }, at("2026-03-01T01:05:00Z"));
    shop.input(Input::Answered { id, result: Err(EffectError::for_now("503")) }, at("2026-03-01T01:05:00Z"));
    shop.input(Input::Answered { id, result: Ok(Fields::new()) }, at("2026-03-01T01:05:00Z"));
    assert_eq!((ends(&shop), shop.calls.len()), (vec![EffectEnd::Done], 0));
    assert_eq!(shop.handed[0].1.message.id.as_str(), "note");
}

#[test]
fn promise_6_6_an_exit_withdraws_what_is_not_claimed_and_what_may_be_done_is_not_tried_again() {
    // Claimed and under way; given back; and to be tried again.
    for (queued, how) in
        [(None, EffectEnd::Abandoned), (Some(true), EffectEnd::Cancelled), (Some(false), EffectEnd::Abandoned)]
    {
        let mut shop = Shop::new(ways());
        shop.hold_answers();
        shop.event(BEGIN, begin());
        shop.pass("2026-03-01T01:00:00Z");
        let id = shop.called[0].1.id;
        let now = at("2026-03-01T01:00:01Z");
        match queued {
            Some(true) => shop.input(Input::GivenBack { id, due: at("2026-03-01T02:00:00Z") }, now),
            Some(false) => shop.input(Input::Answered { id, result: Err(EffectError::for_now("503")) }, now),
            None => {}
        }
        shop.event("2026-03-01T01:00:02Z", began("Order Completed"));
        assert_eq!((ends(&shop), shop.calls.len(), shop.ended()), (vec![how], 0, vec!["exited".to_owned()]));
        shop.input(Input::Answered { id, result: Ok(Fields::new()) }, at("2026-03-01T01:00:03Z"));
        shop.pass("2026-03-05T00:00:00Z");
        assert_eq!((shop.called.len(), shop.handed.len(), ends(&shop).len()), (1, 0, 1));
    }
}

#[test]
fn promise_4_2_an_effect_is_no_contact_and_obeys_nothing_that_contacts_obey() {
    let mut journey = steps(json!([
        {"id": "coupon", "call": {"effect": "issue_coupon"}}, {"id": "w", "wait": "1h"}]));
    journey["goal"] = json!({"event": "Order Completed"});
    journey["key"] = "order_id".into();
    let mut book = listed(journey);
    book["policy"] = json!({
        "topics_default": "opt_in", "zone": "UTC", "quiet_hours": {"window": "22:00-08:00"},
        "frequency_caps": [{"at_most": 1, "rolling": "30d"}]});
    let mut shop = Shop::new(book);
    for order in ["o-1", "o-2", "o-3"] {
        shop.event(BEGIN, began("Begin").property("order_id", order));
    }
    assert_eq!((shop.called.len(), shop.state.profile.contacts.len()), (3, 0));
    shop.event("2026-03-01T00:00:01Z", began("Order Completed"));
    let before =
        shop.notes.iter().filter(|note| matches!(note.what, What::Goal { before_any_message: true, .. })).count();
    assert_eq!(before, 3);
}

#[test]
fn promise_6_3_a_run_that_called_the_host_is_not_set_back() {
    let mut journey = steps(json!([
        {"id": "coupon", "call": {"effect": "issue_coupon"}}, {"id": "w", "wait": "1h"}]));
    journey["entry"] = "restart".into();
    let mut shop = Shop::new(listed(journey));
    shop.event(BEGIN, began("Begin"));
    shop.event("2026-03-01T00:00:01Z", began("Begin"));
    assert_eq!((shop.called.len(), shop.noted("run_restarted"), shop.noted("not_begun")), (1, 0, 1));
    stored_alike(&shop);
}

#[test]
fn promise_2_4_an_erasure_leaves_no_payload_and_no_answer() {
    for waits in ["2026-03-01T01:00:00Z", "2026-03-01T01:00:30Z"] {
        let mut shop = Shop::new(ways());
        shop.hold_answers();
        shop.event(BEGIN, known());
        shop.event(BEGIN, begin());
        shop.pass(waits);
        let until = shop.now;
        let id = shop.called[0].1.id;
        shop.input(Input::Erase { named: None, until }, until);
        shop.input(Input::Answered { id, result: Ok(fields([("code", "X-1".into())])) }, until);
        assert_eq!((shop.calls.len(), ends(&shop)), (0, vec![EffectEnd::Abandoned]));
        let bytes = shop.state.encode();
        assert!(!bytes.windows(3).any(|bytes| bytes == b"o-1" || bytes == b"X-1"));
    }
}

#[test]
fn promise_2_3_a_record_that_awaits_another_holds_its_call_and_hands_it_over_after() {
    let book = listed(steps(
        json!([{"id": "coupon", "call": {"effect": "issue_coupon", "payload": {"order": "{{ trigger.order_id }}"}}}]),
    ));
    let mut shop = Shop::new(book);
    shop.event(BEGIN, known());
    let other = CustomerId::new("other");
    let now = at("2026-03-01T00:00:01Z");
    // The other record does not answer yet.
    shop.input(Input::Merge { with: other }, now);
    assert_eq!(shop.state.due(), Instant::MAX);
    shop.event("2026-03-01T00:00:02Z", begin());
    assert_eq!((shop.called.len(), shop.noted("effect")), (0, 0));
    stored_alike(&shop);
    let throughline::Stage::Awaiting(awaiting) = &shop.state.stage else { panic!("{:?}", shop.state.stage) };
    let json = shop.book.export(&shop.state, &[]);
    assert!(json.contains("\"o-1\""), "{json}");
    let _ = awaiting;
    let link = link_of(&shop);
    shop.input(Input::Release { link, then: None, refused: None, erased: Instant::MIN }, at("2026-03-01T00:00:03Z"));
    shop.pass("2026-03-01T00:00:04Z");
    assert_eq!((shop.called.len(), shop.noted("effect"), ends(&shop)), (1, 1, vec![EffectEnd::Done]));
    assert_eq!(serde_json::to_value(&*shop.called[0].1.payload).unwrap(), json!({"order": "o-1"}));
}

/// The link by which a record asked another to become one with it.
fn link_of(shop: &Shop) -> u64 {
    shop.forwarded
        .iter()
        .find_map(|(_, input)| if let Input::Seal { link, .. } = input { Some(*link) } else { None })
        .unwrap()
}

#[test]
fn promise_6_1_an_effect_that_is_not_listed_is_a_fault_with_a_hint() {
    let faults = |book: Json| -> Vec<String> {
        Playbook::from_json(&book.to_string()).unwrap_err().iter().map(ToString::to_string).collect()
    };
    let called = |effect: &str| listed(steps(json!([{"id": "c", "call": {"effect": effect}}])));
    assert_eq!(
        faults(called("issue_cupon")),
        ["$.journeys.j.steps[0].call.effect: the playbook has no effect `issue_cupon`; did you mean `issue_coupon`?"]
    );
    assert_eq!(
        faults(called("ticket")),
        [
            "$.journeys.j.steps[0].call.effect: the playbook has no effect `ticket`; list it under `effects`: {\"ticket\": {}}"
        ]
    );
    let mut wrong = listed(steps(json!([
        {"id": "c", "call": {"effect": "issue_coupon", "payload": {
            "a": "{{ nobody.x }}", "b": [null], "c": {"d": "{{ trigger }}"}}, "valid_for": "soon"}, "on_error": "nowhere"},
        {"id": "d", "call": {"payload": 1}}])));
    wrong["effects"]["issue_coupon"] =
        json!({"timeout": "never", "in_flight": 0, "retry": {"first": 1}, "timout": "1s"});
    let places: Vec<String> =
        faults(wrong).iter().filter_map(|fault| fault.split(": ").next().map(str::to_owned)).collect();
    let step = |n: usize, more: &str| format!("$.journeys.j.steps[{n}]{more}");
    for place in [
        step(0, ".call.payload.a"),
        step(0, ".call.payload.b[0]"),
        step(0, ".call.payload.c.d"),
        step(0, ".call.valid_for"),
        step(0, ".on_error"),
        step(1, ".call"),
        step(1, ".call.payload"),
        "$.effects.issue_coupon.timeout".to_owned(),
        "$.effects.issue_coupon.in_flight".to_owned(),
        "$.effects.issue_coupon.retry.first".to_owned(),
        "$.effects.issue_coupon.timout".to_owned(),
    ] {
        assert!(places.contains(&place), "{place} is not in {places:#?}");
    }
    // A circle through a call is one without a wait.
    let mut circle = steps(json!([{"id": "a", "call": {"effect": "issue_coupon"}, "next": "a"}]));
    circle["exit"] = json!([{"event": "Order Completed"}]);
    let [fault] = &faults(listed(circle))[..] else { panic!("not one fault") };
    assert!(fault.starts_with("$.journeys.j.steps[0]: a cycle without a wait: a;"), "{fault}");
}

/// What the host does with a call, by how often it has seen it.
type Script = Box<dyn Fn(usize) -> Does + Send + Sync>;

/// A host that remembers what it did, by key.
struct Host {
    clock: ManualClock,
    script: Script,
    seen: Arc<Mutex<Vec<(Instant, EffectCall)>>>,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Host")
    }
}

#[async_trait]
impl EffectHandler for Host {
    async fn call(&self, call: &EffectCall) -> Result<Fields, EffectError> {
        let tries = {
            let mut seen = self.seen.lock().unwrap();
            seen.push((throughline::Clock::now(&self.clock), call.clone()));
            seen.iter().filter(|(_, known)| known.id == call.id).count()
        };
        let answer = match (self.script)(tries) {
            Does::Answers(answer) => answer,
            Does::Takes(span, answer) => {
                throughline::Clock::sleep_until(&self.clock, throughline::Clock::now(&self.clock) + span).await;
                answer
            }
            Does::Hangs => std::future::pending().await,
            Does::Panics => panic!("as the script says"),
        };
        answer.map(|()| Fields::new()).map_err(|wrong| match wrong.retryable() {
            true => EffectError::for_now("503"),
            false => EffectError::failed("404"),
        })
    }
}

type Calls = Arc<Mutex<Vec<(Instant, EffectCall)>>>;

/// Calls the host upon `Begin`, and says a note.
fn engine(script: impl Fn(usize) -> Does + Send + Sync + 'static, store: impl Store + 'static) -> (Rig, Calls) {
    let book = listed(steps(json!([{"id": "coupon", "call": {"effect": "issue_coupon"}, "on_error": "sorry"},
        {"id": "say", "message": "note", "next": "end"}, {"id": "sorry", "message": "other"}])));
    let calls = Calls::default();
    let seen = calls.clone();
    let rig = Rig::with(
        book,
        |_, _| Does::Answers(Ok(())),
        store,
        |builder, clock| builder.effect("issue_coupon", Host { clock: clock.clone(), script: Box::new(script), seen }),
    );
    (rig, calls)
}

fn done() -> Does {
    Does::Answers(Ok(()))
}

/// Distinct calls, and whether each always came with the same bytes.
fn distinct(calls: &Calls) -> usize {
    let calls = calls.lock().unwrap();
    let mut first: Vec<&EffectCall> = Vec::new();
    for (_, call) in calls.iter() {
        match first.iter().find(|known| known.id == call.id) {
            Some(known) => assert_eq!(*known, call),
            None => first.push(call),
        }
    }
    first.len()
}

#[test]
fn an_engine_without_a_handler_or_with_one_too_many_is_not_built() {
    let book = Playbook::from_json(
        &json!({"version": 1, "currency": "EUR",
        "effects": {"issue_coupon": {}, "open_ticket": {}}})
        .to_string(),
    )
    .unwrap();
    let book = Arc::new(book);
    let host = || Host { clock: ManualClock::at(at(START)), script: Box::new(|_| done()), seen: Calls::default() };
    let missing = Engine::builder(book.clone()).effect("open_ticket", host()).build().unwrap_err();
    assert_eq!(missing, BuildError::MissingEffects(vec!["issue_coupon".into()]));
    assert!(missing.to_string().contains("issue_coupon; add each by `EngineBuilder::effect`"), "{missing}");
    let both = || Engine::builder(book.clone()).effect("open_ticket", host()).effect("issue_coupon", host());
    assert_eq!(both().effect("other", host()).build().unwrap_err(), BuildError::UnknownEffect("other".into()));
    assert!(both().build().is_ok());
}

#[test]
fn promise_10_3_a_handler_that_hangs_panics_or_fails_for_now_is_asked_again_and_holds_up_nobody() {
    for (script, calls) in [
        (Box::new(|tries: usize| if tries < 3 { Does::Hangs } else { done() }) as Script, 3),
        (Box::new(|tries| if tries < 3 { Does::Panics } else { done() }), 3),
        (
            Box::new(|tries| {
                Does::Answers(if tries < 3 { Err(throughline::DeliveryError::transient("503")) } else { Ok(()) })
            }),
            3,
        ),
        (Box::new(|_| Does::Takes(Span::seconds(2), Ok(()))), 1),
    ] {
        let (rig, seen) = engine(script, MemoryStore::new());
        rig.begins(3);
        rig.runs(Span::minutes(5));
        assert_eq!((distinct(&seen), seen.lock().unwrap().len(), rig.sent().len()), (3, 3 * calls, 3));
        assert!(rig.sent().iter().all(|line| line.contains("note")), "{:?}", rig.sent());
    }
    let (rig, seen) = engine(|_| Does::Answers(Err(throughline::DeliveryError::permanent("404"))), MemoryStore::new());
    rig.begins(1);
    rig.runs(Span::minutes(5));
    assert_eq!((seen.lock().unwrap().len(), rig.sent().len()), (1, 1));
    assert!(rig.sent()[0].contains("other"));
}

#[test]
fn promise_10_4_dropping_ingest_or_run_due_at_any_poll_loses_no_effect() {
    for polls in 0..40 {
        let (rig, seen) = engine(|_| Does::Takes(Span::seconds(1), Ok(())), Pausing::default());
        let event = Event::track("Begin").user("u0").id("m-1");
        drop_after(rig.engine.ingest(event.clone()), polls);
        rig.ingest(event);
        drop_after(rig.engine.run_due(), polls);
        rig.runs(Span::minutes(4));
        assert_eq!((distinct(&seen), rig.sent().len()), (1, 1), "{polls}");
    }
}

#[test]
fn invariant_i5_a_store_that_fails_any_one_call_loses_no_effect_and_ends_each_once() {
    for applied in [false, true] {
        for call in 0..60 {
            let store = Arc::new(Failing::at(call, applied));
            let (rig, seen) = engine(|_| done(), Shared(store.clone()));
            for n in 0..3 {
                let event = Event::track("Begin").user(&format!("u{n}")).id(&format!("b-{n}"));
                // A host tries again until it is told that the event is in.
                let told = (0..5).any(|_| block_on(rig.engine.ingest(event.clone())).is_ok());
                assert!(told, "call {call}, applied {applied}");
                let _ = rig.drive(rig.engine.run_due(), Span::seconds(5));
            }
            rig.runs(Span::minutes(4));
            assert_eq!((distinct(&seen), rig.statuses().len()), (3, 3), "call {call}, applied {applied}");
            let states = block_on(rig.engine.store().scan(None, 100)).unwrap();
            assert!(states.iter().all(|state| state.runs.is_empty()), "call {call}, applied {applied}");
        }
    }
}

#[test]
fn promise_10_1_an_engine_that_dies_between_claim_and_answer_leaves_the_call_to_the_next_one() {
    let store = Arc::new(MemoryStore::new());
    let (first, seen) = engine(|_| Does::Hangs, store.clone());
    first.begins(1);
    drop_after(first.engine.run_due(), 3);
    drop(first);
    assert_eq!(store.outbox_len(), 1);
    let (second, later) = engine(|_| done(), store.clone());
    second.runs(Span::minutes(5));
    let (seen, later) = (seen.lock().unwrap(), later.lock().unwrap());
    assert!(later.len() == 1 && seen.iter().all(|(_, call)| *call == later[0].1));
    assert_eq!((store.outbox_len(), second.sent().len()), (0, 1));
}

#[test]
fn promise_4_4_an_exit_that_is_ingested_before_the_call_is_heard() {
    let mut book = listed(steps(json!([{"id": "coupon", "call": {"effect": "issue_coupon"}}])));
    book["journeys"]["j"]["exit"] = json!([{"event": "Order Completed"}]);
    let seen = Calls::default();
    let calls = seen.clone();
    let rig = Rig::with(
        book,
        |_, _| Does::Answers(Ok(())),
        MemoryStore::new(),
        |builder, clock| {
            builder.effect("issue_coupon", Host { clock: clock.clone(), script: Box::new(|_| done()), seen: calls })
        },
    );
    rig.begins(2);
    rig.ingest(Event::track("Order Completed").user("u0"));
    rig.runs(Span::minutes(5));
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[test]
fn promise_2_4_an_engine_that_erases_forgets_calls_that_wait() {
    let store = Arc::new(MemoryStore::new());
    let (rig, seen) = engine(|_| done(), store.clone());
    rig.begins(2);
    assert_eq!(store.outbox_len(), 2);
    block_on(rig.engine.erase("u0")).unwrap();
    let mut left = Vec::new();
    store.for_each_call(|call| left.push(call.who.to_string()));
    assert_eq!(left, ["u1"]);
    rig.runs(Span::minutes(5));
    let seen = seen.lock().unwrap();
    assert!(seen.len() == 1 && &*seen[0].1.who == "u1");
}

/// A shop whose coupons run out.
struct RunningOut(usize);

impl ChannelModel for RunningOut {
    fn send(&mut self, envelope: &Envelope, now: Instant) -> Modelled {
        Recording.send(envelope, now)
    }

    fn call(&mut self, _: &EffectCall, _: Instant) -> Result<Fields, EffectError> {
        self.0 += 1;
        match self.0 {
            1 => Err(EffectError::for_now("503")),
            2 | 3 => Ok(fields([("code", "X".into())])),
            _ => Err(EffectError::failed("no more coupons")),
        }
    }
}

#[test]
fn a_rehearsal_records_effects_and_a_model_may_answer_them() {
    let playbook = Arc::new(Playbook::from_json(&ways().to_string()).unwrap());
    let begins = |rehearsal: &mut Rehearsal<'_>| {
        for n in 0..4 {
            let event = begin().user(&format!("u{n}")).at(at(BEGIN) + Span::minutes(n));
            rehearsal.event(event).unwrap();
        }
    };
    let mut rehearsal = Rehearsal::new(playbook.clone());
    begins(&mut rehearsal);
    let summary = rehearsal.finish(None);
    let effect = summary.effect("issue_coupon");
    assert_eq!((effect.called, effect.tried_again, effect.ended), (4, 0, [("done".to_owned(), 4)].into()));
    assert_eq!(summary.handed_over, 4);
    let mut lines: Vec<Json> = Vec::new();
    let mut rehearsal = Rehearsal::new(playbook)
        .with_model(RunningOut(0))
        .with_observer(|line| lines.push(serde_json::to_value(line).unwrap()));
    begins(&mut rehearsal);
    let summary = rehearsal.finish(None);
    let effect = summary.effect("issue_coupon");
    assert_eq!((effect.called, effect.tried_again), (4, 1));
    assert_eq!(effect.ended, [("done".to_owned(), 2), ("failed".to_owned(), 2)].into());
    assert_eq!(summary.messages["other"]["in_app"], 2);
    let of = |what: &str| lines.iter().filter(|line| line["what"] == what).cloned().collect::<Vec<_>>();
    assert_eq!((of("effect").len(), of("effect_again").len(), of("effect_ended").len()), (4, 1, 4));
    let first = &of("effect")[0];
    assert_eq!(
        (&first["effect"], &first["journey"], &first["step"]),
        (&json!("issue_coupon"), &json!("j"), &json!("coupon"))
    );
    assert_eq!(of("effect_ended")[3]["reason"], "no more coupons");
    let text = serde_json::to_string(&lines).unwrap();
    assert!(!text.contains("\"percent\""), "payloads are not logged");
}
