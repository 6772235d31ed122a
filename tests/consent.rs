//! Consent and preferences from events and the host's calls to what is sent and what is not (promises 4.1, 4.2, 7.4).

mod random;
mod rig;
mod shop;

use futures::executor::block_on;
use random::Random;
use rig::{Does, Rig, owner};
use serde_json::{Value as Json, json};
use shop::{Shop, at, book, known, steps};
use throughline::{
    Basis, ChannelKind, Consent, ConsentError, ConsentRecord, Customer, CustomerState, Event, IdentityKind, Input,
    Instant, MessageId, Playbook, Says, Span, Subscription, SubscriptionStatus, Witness,
};

/// A shop whose topics are opt-in, with this section `consent`, that says `mail` (of the topic `offers`) on `Begin`.
fn shop(consent: Json) -> Shop {
    shop_with(consent, json!({}))
}

fn shop_with(consent: Json, segments: Json) -> Shop {
    let mut book = book(json!({"j": {"trigger": {"event": "Begin"}, "key": "n",
        "steps": [{"id": "s", "message": "mail"}]}}));
    book["policy"] = json!({"topics": {"service": "opt_out"}});
    book["consent"] = consent;
    book["segments"] = segments;
    let mut shop = Shop::new(book);
    shop.event("2026-01-01T00:00:00Z", known());
    shop
}

fn consent(shop: &Shop, topic: &str, now: &str) -> Consent {
    shop.state.profile.consent(&ChannelKind::Email, &topic.into(), at(now))
}

fn offers(shop: &Shop, now: &str) -> Consent {
    consent(shop, "offers", now)
}

fn granted(since: &str, basis: Basis) -> Consent {
    Consent::Granted { since: at(since), basis }
}

fn record(shop: &Shop, wanted: impl Fn(&ConsentRecord) -> bool) -> ConsentRecord {
    shop.state.profile.consents.iter().find(|record| wanted(record)).cloned().unwrap()
}

fn json_event(json: Json) -> Event {
    Event::from_json(&json.to_string()).unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn given(channel: &str) -> Event {
    Event::track("Consent Given").user("anna").property("channel", channel)
}

/// Segments that a customer entered and left, each with its instant.
fn turns(shop: &Shop) -> Vec<String> {
    let notes = shop.notes.iter().map(|note| serde_json::to_value(note).unwrap());
    let turn = |note: Json| {
        let what = note["what"].as_str()?.strip_prefix("segment_")?.to_owned();
        Some(format!("{} {what} {}", note["segment"].as_str()?, note["at"].as_str()?))
    };
    notes.filter_map(turn).collect()
}

#[test]
fn promise_4_1_each_statement_keeps_where_it_came_from_and_what_proves_it() {
    let mut shop = shop(json!({}));
    shop.take(json_event(json!({"type": "identify", "userId": "anna", "messageId": "m-7",
        "timestamp": "2026-01-02T00:00:00Z", "context": {"messaging_subscriptions": [
            {"type": "EMAIL", "status": "SUBSCRIBED", "source": "checkout", "evidence": "box 3, anna@shop.example",
                "groups": [{"name": "news", "status": "UNSUBSCRIBED"}]},
            {"type": "SMS", "status": "SUBSCRIBED"}]}})));
    shop.event("2026-01-03T00:00:00Z", Event::track("WhatsApp Unsubscribed").user("anna").id("r-1"));
    let said = |kind: ChannelKind, topic: Option<&str>| {
        let record = record(&shop, |r| r.channel == kind && r.topic.as_ref().map(|t| t.as_str()) == topic);
        let (source, evidence) = (record.source.unwrap(), record.evidence.unwrap());
        format!("{source} {}", evidence.as_str())
    };
    assert_eq!(said(ChannelKind::Email, None), "checkout box 3, anna@shop.example");
    assert_eq!(said(ChannelKind::Email, Some("news")), "checkout box 3, anna@shop.example");
    assert_eq!(said(ChannelKind::Sms, None), "identify m-7");
    assert_eq!(said(ChannelKind::WhatsApp, None), "WhatsApp Unsubscribed r-1");
    assert!(!format!("{:?}", shop.state.profile.consents).contains("anna"));
    let stored = CustomerState::decode(&shop.state.encode(), &()).unwrap();
    assert_eq!(stored, shop.state);
    assert!(stored.profile.consents.iter().all(|record| record.source.is_some() && record.evidence.is_some()));
}

#[test]
fn promise_4_1_a_host_says_it_directly_and_it_is_heard_before_the_next_message() {
    let mut book = book(json!({"j": steps(json!([{"id": "s", "message": "mail"}]))}));
    book["policy"] = json!({});
    let rig = Rig::new(book, |_, _| Does::Answers(Ok(())));
    rig.meets(1);
    let say = |said: Subscription| block_on(rig.engine.consent("u0", said)).unwrap();
    let call = || Subscription::granted(ChannelKind::Email).topic("offers").source("call_centre").evidence("call 12");
    rig.begins(1);
    rig.runs(Span::minutes(1));
    assert!(rig.sent().is_empty());
    say(call());
    rig.begins(1);
    // Begun, and revoked before it is handed over.
    say(Subscription::revoked(ChannelKind::Email).topic("offers").source("preference_center"));
    rig.runs(Span::minutes(1));
    assert!(rig.sent().is_empty());
    say(call());
    rig.begins(1);
    rig.runs(Span::minutes(1));
    assert_eq!(rig.sent().len(), 1);
    let record = owner(&rig, IdentityKind::User, "u0");
    let state = block_on(rig.engine.store().load(record)).unwrap().unwrap();
    let sources: Vec<_> = state.profile.consents.iter().map(|record| record.source.clone().unwrap()).collect();
    assert_eq!(sources, ["call_centre".into(), "preference_center".into()]);
    let unknown = block_on(rig.engine.consent("nobody", call()));
    assert_eq!(unknown, Err(ConsentError::Unknown));
    block_on(rig.engine.consent(record, Subscription::revoked(ChannelKind::Email))).unwrap();
}

#[test]
fn promise_4_1_a_purchase_implies_consent_for_two_calendar_years_and_the_next_one_extends_it() {
    let implied = json!({"implied": {"purchase": {"for": "2y", "channels": ["email"], "topics": ["offers"]}}});
    let may = json!({"may": {"consent": {"channel": "email", "topic": "offers", "basis": "implied_purchase"}}});
    let mut shop = shop_with(implied, may);
    let order = |n: &str| Event::track("Order Completed").user("anna").property("order_id", n);
    shop.event("2028-02-29T12:00:00Z", order("R-1"));
    let basis = Basis::ImpliedPurchase;
    assert_eq!(offers(&shop, "2030-02-28T11:59:59.999Z"), granted("2028-02-29T12:00:00Z", basis));
    assert_eq!(offers(&shop, "2030-02-28T12:00:00Z"), Consent::Expired { since: at("2030-02-28T12:00:00Z") });
    assert_eq!(consent(&shop, "news", "2028-03-01T00:00:00Z"), Consent::NoRecord);
    assert_eq!(record(&shop, |_| true).evidence.unwrap().as_str(), "R-1");
    // A message goes out by it; what comes back of the order does not end it: it was bought.
    shop.event("2028-03-01T00:00:00Z", Event::track("Begin").user("anna").property("n", 1));
    shop.event("2028-03-02T00:00:00Z", Event::track("Order Refunded").user("anna").property("order_id", "R-1"));
    shop.event("2028-03-03T00:00:00Z", Event::track("Begin").user("anna").property("n", 2));
    assert_eq!(shop.sent().len(), 2);
    // The next one extends it; an older one that is heard of late does not shorten it.
    shop.event("2029-05-01T00:00:00Z", order("R-2"));
    shop.input(Input::Event(order("R-0").at(at("2028-01-01T00:00:00Z")).into()), at("2029-05-02T00:00:00Z"));
    shop.pass("2032-01-01T00:00:00Z");
    assert_eq!(turns(&shop), ["may entered 2028-02-29T12:00:00Z", "may left 2031-05-01T00:00:00Z"]);
    shop.event("2032-01-02T00:00:00Z", Event::track("Begin").user("anna").property("n", 3));
    assert_eq!(shop.sent().len(), 2);
    // Nor does it lift what was revoked.
    shop.event("2032-02-01T00:00:00Z", Event::track("Email Unsubscribed").user("anna"));
    shop.event("2032-02-02T00:00:00Z", order("R-3"));
    assert!(matches!(offers(&shop, "2032-02-03T00:00:00Z"), Consent::Revoked { .. }));
}

#[test]
fn promise_4_1_an_inquiry_implies_consent_for_six_months_beside_the_purchase() {
    let implied = json!({"implied": {
        "purchase": {"for": "2y", "channels": ["email"]},
        "inquiry": {"events": ["Product Question Asked", "Quote Requested"], "for": "6mo", "channels": ["email", "sms"]}}});
    let mut shop = shop(implied);
    shop.event("2026-02-01T00:00:00Z", Event::track("Order Completed").user("anna").property("order_id", "R-1"));
    shop.event("2026-03-31T08:00:00Z", Event::track("Quote Requested").user("anna").id("q-1"));
    let sms = |now: &str| shop.state.profile.consent(&ChannelKind::Sms, &"news".into(), at(now));
    assert_eq!(sms("2026-09-30T07:59:59Z"), granted("2026-03-31T08:00:00Z", Basis::ImpliedInquiry));
    assert_eq!(sms("2026-09-30T08:00:00Z"), Consent::Expired { since: at("2026-09-30T08:00:00Z") });
    assert_eq!(offers(&shop, "2026-09-30T08:00:00Z"), granted("2026-02-01T00:00:00Z", Basis::ImpliedPurchase));
    assert_eq!(offers(&shop, "2028-02-01T00:00:00Z"), Consent::Expired { since: at("2028-02-01T00:00:00Z") });
}

#[test]
fn promise_4_1_an_event_gives_basis_and_expiry() {
    let mut shop = shop(json!({}));
    shop.take(json_event(json!({"type": "track", "event": "Signed Up", "userId": "anna",
        "timestamp": "2026-01-02T00:00:00Z", "context": {"messaging_subscriptions": [
            {"type": "EMAIL", "basis": "soft_opt_in", "expires": "2026-02-01", "groups": [
                {"name": "offers", "status": "SUBSCRIBED"},
                {"name": "news", "status": "SUBSCRIBED", "basis": "legitimate_interest", "expires": "2026-03-01"}]}]}})));
    assert_eq!(offers(&shop, "2026-01-31T23:59:59Z"), granted("2026-01-02T00:00:00Z", Basis::SoftOptIn));
    assert_eq!(offers(&shop, "2026-02-01T00:00:00Z"), Consent::Expired { since: at("2026-02-01T00:00:00Z") });
    let news = consent(&shop, "news", "2026-02-01T00:00:00Z");
    assert_eq!(news, granted("2026-01-02T00:00:00Z", Basis::LegitimateInterest));
    // The same by events of their own.
    let more = given("email").property("topic", "other").property("contact_point", "anna@shop.example");
    shop.event("2026-03-01T00:00:00Z", more.property("expires", "2027-01-01").property("source", "till"));
    let other = record(&shop, |r| r.topic.as_ref().is_some_and(|topic| topic.as_str() == "other"));
    assert_eq!((other.source.unwrap().as_str(), other.expires), ("till", Some(at("2027-01-01T00:00:00Z"))));
    assert!(other.point.is_some());
    assert_eq!(consent(&shop, "other", "2026-04-01T00:00:00Z"), granted("2026-03-01T00:00:00Z", Basis::Express));
    let gone = Event::track("Consent Revoked").user("anna").property("channel", "email").property("topic", "other");
    shop.event("2026-05-01T00:00:00Z", gone);
    assert!(matches!(consent(&shop, "other", "2026-05-02T00:00:00Z"), Consent::Revoked { .. }));
    // Only an express grant lifts that.
    let soft = given("email").property("topic", "other").property("basis", "soft_opt_in");
    shop.event("2026-06-01T00:00:00Z", soft);
    assert!(matches!(consent(&shop, "other", "2026-06-02T00:00:00Z"), Consent::Revoked { .. }));
    for (properties, field) in [
        (json!({}), "properties.channel"),
        (json!({"channel": "email", "basis": "expres"}), "properties.basis"),
        (json!({"channel": "email", "expires": "soon"}), "properties.expires"),
    ] {
        let json = json!({"type": "track", "event": "Consent Given", "userId": "anna", "properties": properties});
        assert_eq!(Event::from_json(&json.to_string()).unwrap_err().field, field);
    }
}

/// Asks to confirm a sign-up by a transactional message, once per sign-up.
fn double() -> Shop {
    let mut book = book(json!({
        "ask": {"trigger": {"entered": "waiting"}, "entry": "after_end", "steps": [{"id": "s", "message": "receipt"}]},
        "j": {"trigger": {"event": "Begin"}, "key": "n", "steps": [{"id": "s", "message": "mail"}]}}));
    book["policy"] = json!({});
    book["segments"] = json!({
        "waiting": {"consent": {"channel": "email", "topic": "offers", "state": "pending"}},
        "confirmed": {"consent": {"channel": "email", "topic": "offers"}}});
    book["consent"] = json!({"double_opt_in": [{"topic": "offers", "within": "3d"}, {"channel": "sms"}]});
    let mut shop = Shop::new(book);
    shop.event("2026-01-01T00:00:00Z", known());
    shop
}

fn confirmed() -> Event {
    Event::track("Consent Confirmed").user("anna").property("channel", "email").property("topic", "offers")
}

#[test]
fn promise_4_1_a_sign_up_allows_nothing_until_it_is_confirmed() {
    let mut shop = double();
    let sign_up = given("email").property("topic", "offers").property("contact_point", "anna@shop.example");
    shop.event("2026-02-01T00:00:00Z", sign_up.id("form-1"));
    let until = at("2026-02-04T00:00:00Z");
    assert_eq!(offers(&shop, "2026-02-01T00:00:01Z"), Consent::Pending { since: at("2026-02-01T00:00:00Z"), until });
    assert_eq!(shop.sent(), ["2026-02-01T00:00:00Z receipt email"], "the request to confirm");
    shop.event("2026-02-02T00:00:00Z", Event::track("Begin").user("anna").property("n", 1));
    assert_eq!((shop.sent().len(), shop.skipped()), (1, vec!["mail consent".to_owned()]));
    shop.event("2026-02-03T23:59:59.999Z", confirmed().id("click-1"));
    shop.event("2026-02-05T00:00:00Z", Event::track("Begin").user("anna").property("n", 2));
    assert_eq!(shop.sent()[1..], ["2026-02-05T00:00:00Z mail email"]);
    let grant = record(&shop, |record| record.grant().is_some());
    assert_eq!(grant.at, at("2026-02-03T23:59:59.999Z"));
    assert_eq!(grant.evidence.unwrap().as_str(), "form-1 + click-1");
    assert!(grant.point.is_some(), "it covers the contact point that it was given for");
    assert_eq!(
        turns(&shop),
        [
            "waiting entered 2026-02-01T00:00:00Z",
            "confirmed entered 2026-02-03T23:59:59.999Z",
            "waiting left 2026-02-03T23:59:59.999Z"
        ]
    );
}

#[test]
fn promise_4_1_a_sign_up_that_is_not_confirmed_in_time_lapses() {
    let mut shop = double();
    let sign_up = || given("email").property("topic", "offers");
    shop.event("2026-02-01T00:00:00Z", sign_up());
    shop.event("2026-02-04T00:00:00Z", confirmed());
    assert_eq!(offers(&shop, "2026-02-05T00:00:00Z"), Consent::NoRecord);
    assert_eq!(turns(&shop), ["waiting entered 2026-02-01T00:00:00Z", "waiting left 2026-02-04T00:00:00Z"]);
    // Another one begins anew. Its confirmation is heard of first.
    let (late, click) = (sign_up().at(at("2026-03-01T00:00:00Z")), confirmed().at(at("2026-03-01T01:00:00Z")));
    shop.input(Input::Event(click.into()), at("2026-03-01T02:00:00Z"));
    assert_eq!(offers(&shop, "2026-03-01T02:00:00Z"), Consent::NoRecord);
    shop.input(Input::Event(late.into()), at("2026-03-01T02:00:00Z"));
    assert_eq!(offers(&shop, "2026-03-01T02:00:00Z"), granted("2026-03-01T01:00:00Z", Basis::Express));
    // What is said of all topics is said of this one; what is implied, or of another topic, needs no confirmation.
    let mut shop = double();
    shop.event("2026-02-01T00:00:00Z", given("email").property("topic", "news"));
    shop.event("2026-02-02T00:00:00Z", given("email").property("basis", "soft_opt_in"));
    shop.event("2026-02-03T00:00:00Z", given("email"));
    assert!(matches!(consent(&shop, "news", "2026-02-03T00:00:00Z"), Consent::Granted { .. }));
    assert_eq!(record(&shop, |r| r.topic.is_none() && r.grant().is_some()).grant(), Some(Basis::SoftOptIn));
    assert!(shop.state.profile.consents.iter().any(|r| matches!(r.says, Says::SignedUp { .. })));
}

#[test]
fn promise_4_1_a_sign_up_after_a_revocation_waits_and_a_revocation_ends_it() {
    let mut shop = double();
    let gone = || Event::track("Email Unsubscribed").user("anna");
    let sign_up = || given("email").property("topic", "offers");
    shop.event("2026-02-01T00:00:00Z", gone());
    shop.event("2026-02-02T00:00:00Z", sign_up());
    assert!(matches!(offers(&shop, "2026-02-02T00:00:00Z"), Consent::Pending { .. }));
    assert!(matches!(offers(&shop, "2026-02-05T00:00:00Z"), Consent::Revoked { .. }), "lapsed");
    shop.event("2026-02-03T00:00:00Z", gone());
    assert!(matches!(offers(&shop, "2026-02-03T00:00:00Z"), Consent::Revoked { .. }));
    shop.event("2026-02-03T01:00:00Z", sign_up());
    shop.event("2026-02-03T02:00:00Z", confirmed());
    assert_eq!(offers(&shop, "2026-02-03T02:00:00Z"), granted("2026-02-03T02:00:00Z", Basis::Express));
}

/// Sends an SMS on `Begin`, and an e-mail a day later unless it was engaged with.
fn replies(consent: Json) -> Shop {
    let mut book = book(json!({"j": {"trigger": {"event": "Begin"}, "key": "n", "steps": [
        {"id": "c", "cascade": {"message": "both", "attempts": [
            {"channels": ["sms"], "wait": "1d"}, {"channels": ["email"], "wait": "1d"}]}}]}}));
    book["messages"]["both"] = json!({"topic": "offers", "dedupe": "1ms", "variants": {
        "sms": {"text": "Hello."}, "email": {"subject": "S", "text": "Text {{ unsubscribe_url }}"}}});
    book["consent"] = consent;
    let mut shop = Shop::new(book);
    shop.event("2026-01-01T00:00:00Z", known().with_trait("phone", "+4930123456"));
    shop.event("2026-01-02T00:00:00Z", Event::track("Begin").user("anna").property("n", 1));
    shop
}

fn reply(text: &str) -> Event {
    Event::track("Sms Replied").user("anna").id("in-1").property("text", text)
}

#[test]
fn promise_4_1_a_reply_that_asks_to_stop_revokes_and_is_no_engagement() {
    for (text, stops) in [("Stop.", true), ("Opt-out!", true), ("Schluß", true), ("stop it, I love it", false)] {
        let mut shop = replies(json!({"stop_words": ["schluss"]}));
        shop.event("2026-01-02T01:00:00Z", reply(text));
        shop.pass("2026-01-05T00:00:00Z");
        let sms = shop.state.profile.channel_record(&ChannelKind::Sms).unwrap();
        let asked = shop.state.profile.consent(&ChannelKind::Sms, &"offers".into(), at("2026-01-05T00:00:00Z"));
        let sent = shop.sent();
        if stops {
            assert_eq!(asked, Consent::Revoked { since: at("2026-01-02T01:00:00Z") }, "{text}");
            assert_eq!((sms.engaged, shop.noted("engaged")), (0, 0), "{text}");
            // On other channels nothing was asked: the cascade goes on as not engaged with.
            assert_eq!(sent, ["2026-01-02T00:00:00Z both sms", "2026-01-03T00:00:00Z both email"], "{text}");
            let said = record(&shop, |record| record.revokes());
            assert_eq!((said.source.unwrap().as_str(), said.evidence.unwrap().as_str()), ("reply", "in-1"));
        } else {
            assert_eq!((asked, sms.engaged, sent.len()), (Consent::NoRecord, 1, 1), "{text}");
        }
        // What was written is not kept.
        let stored = String::from_utf8_lossy(&shop.state.encode()).into_owned();
        assert!(!stored.contains(text), "{text}");
    }
}

#[test]
fn promise_4_1_a_start_word_grants_again_if_the_shop_says_so() {
    for (words, wanted) in [(json!({"start_words": ["Start", "unstop"]}), true), (json!({}), false)] {
        let mut shop = replies(words);
        shop.event("2026-01-02T01:00:00Z", reply("STOP"));
        shop.event("2026-01-03T01:00:00Z", reply("Unstop!").id("in-2"));
        let asked = shop.state.profile.consent(&ChannelKind::Sms, &"offers".into(), at("2026-01-05T00:00:00Z"));
        assert_eq!(matches!(asked, Consent::Granted { .. }), wanted);
    }
}

/// Sends `mail` on each `Begin`; on a full cap it waits.
fn wishing(wish: Json) -> Shop {
    let journey = json!({"trigger": {"event": "Begin"}, "key": "n", "steps": [{"id": "s", "message": "mail"}]});
    let receipt = json!({"trigger": {"event": "Bought"}, "key": "n", "steps": [{"id": "s", "message": "receipt"}]});
    let push = json!({"trigger": {"event": "Begin"}, "key": "n", "steps": [{"id": "s", "message": "push"}]});
    let mut book = book(json!({"j": journey, "p": push, "r": receipt}));
    book["messages"]["mail"]["when_capped"] = "wait".into();
    book["messages"]["mail"]["valid_for"] = "30d".into();
    // What the shop lets pass its own caps does not pass the customer's wish.
    book["messages"]["mail"]["caps"] = json!({"obey": false, "count": false});
    let mut shop = Shop::new(book);
    shop.event("2026-01-01T00:00:00Z", known());
    let wish = json!({"type": "track", "event": "Preferences Updated", "userId": "anna",
        "timestamp": "2026-01-02T00:00:00Z", "properties": wish});
    shop.take(json_event(wish));
    shop
}

fn mails(shop: &Shop) -> Vec<String> {
    shop.sent().into_iter().filter_map(|line| line.strip_suffix(" mail email").map(str::to_owned)).collect()
}

#[test]
fn promise_7_4_a_customer_gets_no_more_than_they_wish_for() {
    let mut shop = wishing(json!({"frequency": {"at_most": 2, "per": "7d", "channel": "email"}}));
    for (n, day) in ["03", "04", "05"].into_iter().enumerate() {
        shop.event(&format!("2026-01-{day}T10:00:00Z"), Event::track("Begin").user("anna").property("n", n as i64));
    }
    shop.event("2026-01-06T00:00:00Z", Event::track("Bought").user("anna").property("n", 1));
    let (_, decision) = shop.book.explain(&shop.state.profile, &"mail".into(), at("2026-01-06T00:00:00Z")).unwrap();
    let report = decision.candidates[0].rules.iter().find(|r| r.rule == "frequency_preference").unwrap();
    assert_eq!((report.verdict, report.earliest), ("wait", Some(at("2026-01-10T10:00:00Z"))));
    assert_eq!(report.witnesses[0], Witness::Wish { at_most: 2, per: Span::days(7) });
    assert_eq!(report.witnesses.len(), 3, "{decision}");
    assert!(decision.to_string().contains("the customer wishes at most 2 per 7d"), "{decision}");
    shop.pass("2026-02-01T00:00:00Z");
    // The third comes at the very instant at which the first leaves the week. It is of e-mail, and of marketing.
    assert_eq!(mails(&shop), ["2026-01-03T10:00:00Z", "2026-01-04T10:00:00Z", "2026-01-10T10:00:00Z"]);
    assert_eq!(shop.sent().iter().filter(|line| line.ends_with("push push")).count(), 3);
    assert_eq!(shop.sent().iter().filter(|line| line.ends_with("receipt email")).count(), 1);
}

#[test]
fn promise_7_4_wishes_per_topic_are_lifted_again_and_none_is_a_wish_for_none() {
    let wish = json!({"frequency": [{"at_most": 0, "per": "1d", "topic": "offers"}, {"at_most": 9, "per": "bad"}]});
    let mut shop = wishing(wish);
    let begin = |n: i64| Event::track("Begin").user("anna").property("n", n);
    shop.event("2026-01-03T10:00:00Z", begin(1));
    let decision = shop.book.decide(&shop.state.profile, &MessageId::from("mail"), shop.now);
    assert!(format!("{decision:?}").contains("frequency_preference"), "{decision:?}");
    shop.event("2026-01-04T00:00:00Z", Event::identify().user("anna").with_trait("frequency", "any"));
    shop.event("2026-01-04T10:00:00Z", begin(2));
    assert_eq!(mails(&shop), ["2026-01-04T10:00:00Z"]);
}

#[test]
fn promise_7_4_a_pause_holds_marketing_until_its_instant() {
    let mut shop = wishing(json!({"pause_until": "2026-01-20T08:00:00Z"}));
    shop.event("2026-01-03T10:00:00Z", Event::track("Begin").user("anna").property("n", 1));
    shop.event("2026-01-03T10:00:00Z", Event::track("Bought").user("anna").property("n", 1));
    let (_, decision) = shop.book.explain(&shop.state.profile, &"mail".into(), shop.now).unwrap();
    let report = decision.candidates[0].rules.iter().find(|r| r.rule == "frequency_preference").unwrap();
    assert_eq!(report.witnesses, [Witness::Paused { until: at("2026-01-20T08:00:00Z") }]);
    shop.pass("2026-02-01T00:00:00Z");
    assert_eq!(shop.sent(), ["2026-01-03T10:00:00Z receipt email", "2026-01-20T08:00:00Z mail email"]);
}

#[test]
fn promise_7_4_a_wish_over_a_long_time_is_kept_though_no_definition_reads_so_far_back() {
    let mut shop = wishing(json!({"frequency": {"at_most": 1, "per": "90d"}}));
    let mut day = at("2026-01-03T10:00:00Z");
    for n in 0..60 {
        shop.take(Event::track("Begin").user("anna").property("n", n).at(day));
        day += Span::days(5);
    }
    let sent: Vec<Instant> = mails(&shop).iter().map(|text| at(text)).collect();
    assert!(sent.windows(2).all(|pair| pair[1] - pair[0] >= Span::days(90)), "{sent:?}");
    assert_eq!(sent.len(), 4, "{sent:?}");
}

#[test]
fn promise_7_4_a_retry_does_not_stand_in_its_own_way_and_a_wish_that_came_between_stops_it() {
    for (wished, tries) in [(false, 2), (true, 1)] {
        let mut shop = wishing(json!({"frequency": {"at_most": 1, "per": "7d"}}));
        let wait = throughline::DeliveryError::Transient { reason: "451".into(), after: Some(Span::hours(1)) };
        shop.answers([Err(wait)]);
        shop.event("2026-01-03T10:00:00Z", Event::track("Begin").user("anna").property("n", 1));
        if wished {
            let none = Event::identify().user("anna").with_trait("pause_until", "2026-03-01");
            shop.event("2026-01-03T10:30:00Z", none);
        }
        shop.pass("2026-01-03T12:00:00Z");
        assert_eq!(mails(&shop).len(), tries);
    }
}

#[test]
fn promise_7_4_no_window_ever_holds_more_than_was_wished_for_and_it_is_filled() {
    let mut filled = 0;
    for seed in 0..150 {
        let mut random = Random(seed);
        let mut wishes = Vec::new();
        for _ in 0..1 + random.place(2) {
            let (at_most, days) = (1 + random.place(3), 1 + random.place(6) as i64);
            let scope = [None, Some(("channel", "email")), Some(("topic", "offers")), Some(("channel", "push"))];
            wishes.push((at_most, Span::days(days), scope[random.place(4)]));
        }
        let wish = |(at_most, per, scope): &(usize, Span, Option<(&str, &str)>)| {
            let mut wish = json!({"at_most": at_most, "per": per.to_string()});
            scope.iter().for_each(|(name, value)| wish[*name] = (*value).into());
            wish
        };
        let mut shop = wishing(json!({"frequency": wishes.iter().map(wish).collect::<Vec<_>>()}));
        let answers: Vec<Result<(), throughline::DeliveryError>> = (0..500)
            .map(|_| if random.place(4) == 0 { Err(throughline::DeliveryError::transient("451")) } else { Ok(()) })
            .collect();
        shop.answers(answers.clone());
        let mut now = at("2026-01-03T00:00:00Z");
        for n in 0..30 {
            now += Span::hours(random.place(40) as i64);
            shop.take(Event::track("Begin").user("anna").property("n", n).at(now));
        }
        shop.pass("2026-06-01T00:00:00Z");
        for (at_most, per, scope) in wishes {
            let covers = |envelope: &throughline::Envelope| match scope {
                None => true,
                Some(("channel", kind)) => envelope.channel.kind.as_str() == kind,
                Some((_, topic)) => envelope.message.topic.as_str() == topic,
            };
            let taken: Vec<Instant> = (shop.handed.iter().zip(&answers))
                .filter(|((_, envelope), answer)| answer.is_ok() && covers(envelope))
                .map(|((at, _), _)| *at)
                .collect();
            for end in &taken {
                let inside = taken.iter().filter(|at| *at <= end && **at > *end - per).count();
                assert!(inside <= at_most, "seed {seed}: {inside} of {at_most} in {per} to {end}");
                filled += usize::from(inside == at_most);
            }
        }
    }
    assert!(filled > 1_000, "{filled}");
}

#[test]
fn promise_4_1_topics_are_opted_into_and_out_of_one_by_one() {
    let mut book = book(json!({
        "a": steps(json!([{"id": "s", "message": "mail"}])),
        "b": steps(json!([{"id": "s", "message": "service"}]))}));
    book["policy"] = json!({"topics": {"service": "opt_out"}});
    book["messages"]["service"] = json!({"topic": "service", "dedupe": "1ms",
        "variants": {"email": {"subject": "S", "text": "Text {{ unsubscribe_url }}"}}});
    let mut shop = Shop::new(book);
    shop.event("2026-01-01T00:00:00Z", known());
    let mut sent = |day: u32, said: Option<Event>| {
        said.into_iter().for_each(|said| shop.event(&format!("2026-01-{day:02}T00:00:00Z"), said));
        let before = shop.handed.len();
        shop.event(&format!("2026-01-{day:02}T10:00:00Z"), Event::track("Begin").user("anna"));
        let topics = shop.handed[before..].iter().map(|(_, envelope)| envelope.message.topic.as_str().to_owned());
        topics.collect::<Vec<_>>()
    };
    let on = |topic: &str| given("email").property("topic", topic);
    let off = |topic: &str| {
        Event::track("Consent Revoked").user("anna").property("channel", "email").property("topic", topic)
    };
    assert_eq!(sent(2, None), ["service"], "no record: opt-out means yes, opt-in no");
    assert_eq!(sent(3, Some(on("offers"))), ["offers", "service"]);
    assert_eq!(sent(4, Some(off("service"))), ["offers"]);
    // Of an opt-out topic that is left only an express grant takes the revocation back.
    assert_eq!(sent(5, Some(on("service").property("basis", "legitimate_interest"))), ["offers"]);
    assert_eq!(sent(6, Some(on("service"))), ["offers", "service"]);
    assert_eq!(sent(7, Some(off("offers"))), ["service"]);
    let everything =
        Event::identify().user("anna").subscription(ChannelKind::Email, None, SubscriptionStatus::Unsubscribed);
    assert_eq!(sent(8, Some(everything)), [""; 0]);
}

#[test]
fn promise_6_1_faults_of_the_section_consent_come_all_at_once_with_their_places() {
    let faults = Playbook::from_json(
        &json!({"version": 1, "currency": "EUR", "channels": {"email": {}}, "policy": {"topics": {"news": "opt_out"}},
            "consent": {
                "implied": {
                    "purchase": {"for": "0d", "channels": ["emial"]},
                    "inquiry": {"for": "six months", "channels": [], "topics": ["offers"]}},
                "double_opt_in": [{"topic": "news"}, {}, {"channel": "sms", "within": "0d"}],
                "stop_words": ["!"], "start_words": ["Stop"], "words": []}})
        .to_string(),
    )
    .unwrap_err();
    let places: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    for place in [
        "$.consent.words",
        "$.consent.implied.purchase.for",
        "$.consent.implied.purchase.channels[0]",
        "$.consent.implied.inquiry",
        "$.consent.implied.inquiry.for",
        "$.consent.implied.inquiry.channels",
        "$.consent.double_opt_in",
        "$.consent.double_opt_in[1]",
        "$.consent.double_opt_in[2].channel",
        "$.consent.double_opt_in[2].within",
        "$.consent.stop_words[0]",
        "$.consent.start_words",
    ] {
        assert!(places.contains(&place), "{place} of {faults}");
    }
    assert_eq!(faults.len(), 12, "{faults}");
}
