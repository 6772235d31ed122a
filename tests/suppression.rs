//! The suppression list (promise 4.3): what one record finds out holds on every other, between the claim and the send; and a
//! block never fails open.

mod rig;
mod shop;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::executor::block_on;
use proptest::prelude::*;
use rig::{Does, Rig, mails};
use serde_json::json;
use shop::{at, book, steps};
use throughline::{
    Binding, BlockReason, ChannelKind, Claim, ContactPoint, CustomerId, CustomerState, DeliveryError, Event,
    IdentityKey, IdentityKind, Instant, Key, MemoryStore, Outcome, Playbook, PointHash, Rehearsal, Span, Status,
    Stepper, Store, StoreError, SubscriptionStatus, Suppression, SuppressionChange, Wake, Work, async_trait,
};

const MAIL: &str = "shared@shop.example";

fn mail() -> ContactPoint {
    ContactPoint::email(MAIL).unwrap()
}

/// Two customers whom nothing links, with one mailbox.
fn two(
    book: serde_json::Value,
    does: impl Fn(&str) -> Does + Send + Sync + 'static,
    store: impl Store + 'static,
) -> Rig {
    let rig = Rig::on(book, move |envelope, _| does(envelope.channel.id.as_str()), store);
    for user in ["anna", "bert"] {
        rig.ingest(Event::identify().user(user).with_trait("email", MAIL).at(at(rig::START)));
    }
    rig
}

fn begins(rig: &Rig, user: &str) {
    rig.ingest(Event::track("Begin").user(user).at(rig.clock_now()));
    block_on(rig.engine.run_due()).unwrap();
    rig.clock.advance(Span::seconds(1));
}

fn everywhere() -> serde_json::Value {
    let mut book = book(json!({"j": steps(json!([{"id": "s", "message": "everywhere"}]))}));
    // One place in the cap: what was not sent must not take it.
    book["policy"]["frequency_caps"] = json!([{"at_most": 1, "rolling": "7d"}]);
    book["messages"]["everywhere"]["variants"] = json!({
        "email": {"subject": "S", "text": "Text {{ unsubscribe_url }}"}, "in_app": {"body": "B"}});
    book
}

fn receipt(rig: &Rig, name: &str, user: &str) {
    rig.ingest(Event::track(name).user(user).at(rig.clock_now()));
}

#[test]
fn promise_4_3_a_hard_bounce_holds_on_every_record_and_the_message_takes_another_channel() {
    let rig = two(everywhere(), |_| Does::Answers(Ok(())), MemoryStore::new());
    begins(&rig, "anna");
    assert!(rig.sent()[0].ends_with("everywhere email"), "{:?}", rig.sent());
    receipt(&rig, "Email Bounced", "anna");
    begins(&rig, "bert");
    let sent = rig.sent();
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(sent[1].ends_with("everywhere in_app"), "decided anew, with its place in the cap: {sent:?}");
    let statuses = rig.statuses();
    assert_eq!(statuses.iter().filter(|status| **status == Status::Cancelled).count(), 1, "{statuses:?}");
}

#[test]
fn promise_4_3_an_invalid_contact_point_holds_on_every_record() {
    let invalid = || Does::Answers(Err(DeliveryError::invalid_contact_point("gone")));
    let rig = two(
        mails(),
        move |channel| if channel == "email" { invalid() } else { Does::Answers(Ok(())) },
        MemoryStore::new(),
    );
    begins(&rig, "anna");
    begins(&rig, "bert");
    assert_eq!(rig.sent().len(), 1, "the second is not even tried: {:?}", rig.sent());
}

#[test]
fn promise_4_3_opt_outs_and_complaints_stop_marketing_on_every_record_until_it_is_allowed_again() {
    for name in ["Email Unsubscribed", "Email Marked as Spam"] {
        let mut book = book(json!({
            "m": steps(json!([{"id": "s", "message": "mail"}])),
            "t": {"trigger": {"event": "Order"}, "steps": [{"id": "s", "message": "receipt"}]}}));
        book["messages"]["mail"]["priority"] = 1.into();
        let rig = two(book, |_| Does::Answers(Ok(())), MemoryStore::new());
        begins(&rig, "anna");
        receipt(&rig, name, "anna");
        begins(&rig, "bert");
        assert_eq!(rig.sent().len(), 1, "{name}: {:?}", rig.sent());
        rig.ingest(Event::track("Order").user("bert").at(rig.clock_now()));
        block_on(rig.engine.run_due()).unwrap();
        assert!(rig.sent()[1].ends_with("receipt email"), "{name}: {:?}", rig.sent());
        rig.clock.advance(Span::minutes(1));
        let allows = Event::track("Preferences Saved").user("bert");
        let allows = allows.subscription(ChannelKind::Email, None, SubscriptionStatus::Subscribed);
        rig.ingest(allows.at(rig.clock_now()));
        begins(&rig, "bert");
        assert!(rig.sent()[2].ends_with("mail email"), "{name}: {:?}", rig.sent());
    }
}

#[test]
fn promise_5_5_who_is_suppressed_leaves_the_segment_of_the_reachable() {
    let mut book = everywhere();
    book["segments"] = json!({"reachable": {"reachable": "email"}});
    let rig = two(book, |_| Does::Answers(Ok(())), MemoryStore::new());
    let reachable = |user: &str| {
        let owner = rig::owner(&rig, IdentityKind::User, user);
        let record = block_on(rig.engine.store().load(owner)).unwrap().unwrap();
        record.profile.memberships.contains(Key::new("reachable").hash())
    };
    assert!(reachable("bert"));
    block_on(rig.engine.suppress(&ChannelKind::Email, &mail(), BlockReason::HardBounce)).unwrap();
    begins(&rig, "bert");
    block_on(rig.engine.run_due()).unwrap();
    assert!(!reachable("bert"));
}

#[test]
fn promise_4_3_a_stop_word_holds_on_every_record_and_an_unconfirmed_sign_up_lifts_nothing() {
    let mut book = book(json!({"m": steps(json!([{"id": "s", "message": "mail"}]))}));
    book["consent"] = json!({"double_opt_in": [{"channel": "email"}]});
    let rig = two(book, |_| Does::Answers(Ok(())), MemoryStore::new());
    begins(&rig, "anna");
    rig.ingest(Event::track("Email Replied").user("anna").property("text", "STOP").at(rig.clock_now()));
    begins(&rig, "bert");
    assert_eq!(rig.sent().len(), 1, "{:?}", rig.sent());
    let says = |status| {
        rig.clock.advance(Span::minutes(1));
        let said = Event::track("Preferences Saved").user("anna").subscription(ChannelKind::Email, None, status);
        rig.ingest(said.at(rig.clock_now()));
        begins(&rig, "anna");
        rig.sent().len()
    };
    assert_eq!(says(SubscriptionStatus::Subscribed), 1, "{:?}", rig.sent());
    assert_eq!(says(SubscriptionStatus::Confirmed), 2, "{:?}", rig.sent());
}

#[test]
fn promise_4_3_transactional_messages_heed_an_opt_out_where_the_shop_says_so() {
    for (says, sent) in [(None, 1), (Some("marketing"), 1), (Some("everything"), 0)] {
        let mut book =
            book(json!({"t": {"trigger": {"event": "Begin"}, "steps": [{"id": "s", "message": "receipt"}]}}));
        if let Some(says) = says {
            book["policy"]["opt_outs_stop"] = says.into();
        }
        let rig = two(book, |_| Does::Answers(Ok(())), MemoryStore::new());
        receipt(&rig, "Email Marked as Spam", "anna");
        begins(&rig, "anna");
        assert_eq!(rig.sent().len(), sent, "{says:?}: the record's own opt-out");
        block_on(rig.engine.suppress(&ChannelKind::Email, &mail(), BlockReason::OptOut)).unwrap();
        begins(&rig, "bert");
        assert_eq!(rig.sent().len(), 2 * sent, "{says:?}: the list's");
    }
}

#[test]
fn promise_4_3_a_list_is_imported_before_launch_and_may_be_corrected() {
    let rig = two(mails(), |_| Does::Answers(Ok(())), MemoryStore::new());
    let other_hand = ContactPoint::email("Shared@SHOP.example").unwrap();
    block_on(rig.engine.suppress(&ChannelKind::Email, &other_hand, BlockReason::HardBounce)).unwrap();
    begins(&rig, "anna");
    assert_eq!(rig.sent().len(), 0);
    block_on(rig.engine.unsuppress(&ChannelKind::Email, &mail())).unwrap();
    begins(&rig, "bert");
    assert_eq!(rig.sent().len(), 1);
    begins(&rig, "anna");
    assert_eq!(rig.sent().len(), 1, "a record that was told keeps its block");
}

#[test]
fn promise_4_3_an_opt_out_of_sms_leaves_whatsapp_at_the_same_number_and_a_dead_number_neither() {
    for (receipt_name, left) in [("Sms Unsubscribed", 1), ("Sms Bounced", 0)] {
        let mut book = book(json!({
            "s": steps(json!([{"id": "s", "message": "text"}])),
            "w": {"trigger": {"event": "Chat"}, "steps": [{"id": "s", "message": "chat"}]}}));
        book["channels"]["whatsapp"] = json!({});
        book["messages"]["text"] = json!({"variants": {"sms": {"text": "Hello"}}});
        book["messages"]["chat"] = json!({"variants": {"whatsapp": {"template": "hello"}}});
        let rig = Rig::on(book, |_, _| Does::Answers(Ok(())), MemoryStore::new());
        for user in ["anna", "bert"] {
            rig.ingest(Event::identify().user(user).with_trait("phone", "+4930123456").at(at(rig::START)));
        }
        begins(&rig, "anna");
        receipt(&rig, receipt_name, "anna");
        begins(&rig, "bert");
        assert_eq!(rig.sent().len(), 1, "{receipt_name}: {:?}", rig.sent());
        rig.ingest(Event::track("Chat").user("bert").at(rig.clock_now()));
        block_on(rig.engine.run_due()).unwrap();
        assert_eq!(rig.sent().len(), 1 + left, "{receipt_name}: {:?}", rig.sent());
    }
}

/// Cannot look up so many times.
#[derive(Debug)]
struct Blind(MemoryStore, AtomicUsize);

#[async_trait]
impl Store for Blind {
    async fn resolve(&self, keys: &[IdentityKey]) -> Result<Vec<Option<CustomerId>>, StoreError> {
        self.0.resolve(keys).await
    }

    async fn bind(&self, bindings: &[Binding]) -> Result<Vec<CustomerId>, StoreError> {
        self.0.bind(bindings).await
    }

    async fn suppressed(&self, points: &[PointHash]) -> Result<Vec<Option<Suppression>>, StoreError> {
        match self.1.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) {
            Ok(_) => Err(StoreError::Unavailable("busy".into())),
            Err(_) => self.0.suppressed(points).await,
        }
    }

    async fn suppress(&self, changes: &[SuppressionChange]) -> Result<(), StoreError> {
        self.0.suppress(changes).await
    }

    async fn transact(&self, work: &[Work], stepper: &dyn Stepper) -> Vec<Result<Outcome, StoreError>> {
        self.0.transact(work, stepper).await
    }

    async fn claim(&self, ask: &Claim) -> Result<Vec<Wake>, StoreError> {
        self.0.claim(ask).await
    }

    async fn next_due(&self) -> Result<Option<Instant>, StoreError> {
        self.0.next_due().await
    }

    async fn scan(&self, after: Option<CustomerId>, limit: usize) -> Result<Vec<CustomerState>, StoreError> {
        self.0.scan(after, limit).await
    }

    async fn load(&self, customer: CustomerId) -> Result<Option<CustomerState>, StoreError> {
        self.0.load(customer).await
    }
}

#[test]
fn promise_4_3_if_it_cannot_be_looked_up_nothing_is_sent_until_it_can() {
    for (listed, sent) in [(false, 1), (true, 0)] {
        let rig = two(mails(), |_| Does::Answers(Ok(())), Blind(MemoryStore::new(), AtomicUsize::new(3)));
        if listed {
            block_on(rig.engine.suppress(&ChannelKind::Email, &mail(), BlockReason::HardBounce)).unwrap();
        }
        rig.ingest(Event::track("Begin").user("anna").at(rig.clock_now()));
        for _ in 0..3 {
            assert_eq!(block_on(rig.engine.run_due()), Err(StoreError::Unavailable("busy".into())));
            assert!(rig.sent().is_empty());
            // The claim is given back, and due again soon.
            assert!(
                block_on(rig.engine.next_due()).unwrap().is_some_and(|due| due <= rig.clock_now() + Span::minutes(2))
            );
            rig.clock.advance(Span::minutes(2));
        }
        block_on(rig.engine.run_due()).unwrap();
        assert_eq!(rig.sent().len(), sent, "listed: {listed}");
    }
}

#[test]
fn promise_4_3_in_a_rehearsal_too() {
    let playbook = Arc::new(Playbook::from_json(&mails().to_string()).unwrap());
    let mut rehearsal = Rehearsal::new(playbook);
    for user in ["anna", "bert"] {
        rehearsal.event(Event::identify().user(user).with_trait("email", MAIL).at(at(rig::START))).unwrap();
    }
    let later = |minutes: i64| at(rig::START) + Span::minutes(minutes);
    rehearsal.event(Event::track("Begin").user("anna").at(later(1))).unwrap();
    rehearsal.event(Event::track("Email Bounced").user("anna").at(later(2))).unwrap();
    rehearsal.event(Event::track("Begin").user("bert").at(later(3))).unwrap();
    let summary = rehearsal.run_until(Some(later(10)));
    assert_eq!((summary.failed.get("bounced"), summary.failed.get("cancelled")), (Some(&1), Some(&1)));
    assert_eq!(rehearsal.handed_over(), 1, "a hand-over that never was is not counted");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Of many customers with few mailboxes, whatever happens in whatever order: nothing goes to a mailbox after it
    /// bounced, nor marketing after it opted out.
    #[test]
    fn promise_4_3_nothing_goes_where_anybody_bounced_or_opted_out(does in proptest::collection::vec((0..4_u8, 0..6_usize), 1..40)) {
        let rig = Rig::new(mails(), |_, _| Does::Answers(Ok(())));
        let mailbox = |n: usize| format!("m{}@shop.example", n % 3);
        for n in 0..6 {
            let who = Event::identify().user(&format!("u{n}")).with_trait("email", mailbox(n).as_str());
            rig.ingest(who.at(rig.clock_now()));
        }
        let mut gone: Vec<String> = Vec::new();
        let mut seen = 0;
        for (what, n) in does {
            let user = format!("u{n}");
            match what {
                0 | 1 => rig.ingest(Event::track("Begin").user(&user).at(rig.clock_now())),
                receipt => {
                    let name = if receipt == 2 { "Email Bounced" } else { "Email Unsubscribed" };
                    rig.ingest(Event::track(name).user(&user).at(rig.clock_now()));
                    let got = rig.seen.lock().unwrap().iter().any(|(_, sent)| sent.address() == mailbox(n) && {
                        let id = rig::owner(&rig, throughline::IdentityKind::User, &user);
                        sent.customer == id
                    });
                    if got {
                        gone.push(mailbox(n));
                    }
                }
            }
            block_on(rig.engine.run_due()).unwrap();
            rig.clock.advance(Span::minutes(1));
            for (_, sent) in &rig.seen.lock().unwrap()[seen..] {
                prop_assert!(!gone.contains(&sent.address().to_owned()), "{:?}", sent);
            }
            seen = rig.seen.lock().unwrap().len();
        }
    }
}
