//! The engine over a clock that is moved by hand and channels that follow a script: what one channel, one recipient, one
//! failing call or one dropped future may and may not do to the rest.

#[path = "shop/mod.rs"]
mod shop;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures::executor::block_on;
use serde_json::{Value as Json, json};
use shop::{at, book, steps};
use throughline::{
    Accepted, Binding, Channel, ChannelSpec, Claim, Clock, ConsentRecord, CustomerId, CustomerState, DeliveryError,
    Engine, Envelope, Event, IdentityKey, IdentityKind, Instant, ManualClock, MemoryStore, Outcome, Playbook, Span,
    Stage, Status, Stepper, Store, StoreError, Wake, Work, async_trait,
};

const START: &str = "2026-03-01T10:00:00Z";

/// What a channel does with a message.
#[derive(Clone)]
enum Does {
    Answers(Result<(), DeliveryError>),
    /// Answers after so long.
    Takes(Span, Result<(), DeliveryError>),
    Hangs,
    Panics,
}

type Script = Box<dyn Fn(&Envelope, usize) -> Does + Send + Sync>;

struct Scripted {
    spec: ChannelSpec,
    clock: ManualClock,
    script: Script,
    seen: Seen,
    under_way: AtomicI64,
    most: Arc<AtomicI64>,
}

type Seen = Arc<Mutex<Vec<(Instant, Envelope)>>>;

impl std::fmt::Debug for Scripted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scripted")
    }
}

struct UnderWay<'a>(&'a AtomicI64);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Channel for Scripted {
    fn spec(&self) -> &ChannelSpec {
        &self.spec
    }

    async fn send(&self, envelope: &Envelope) -> Result<Accepted, DeliveryError> {
        let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        let _under_way = UnderWay(&self.under_way);
        self.most.fetch_max(now, Ordering::SeqCst);
        let tries = {
            let mut seen = self.seen.lock().unwrap();
            seen.push((self.clock.now(), envelope.clone()));
            seen.iter().filter(|(_, known)| known.id == envelope.id).count()
        };
        let answer = match (self.script)(envelope, tries) {
            Does::Answers(answer) => answer,
            Does::Takes(span, answer) => {
                self.clock.sleep_until(self.clock.now() + span).await;
                answer
            }
            Does::Hangs => std::future::pending().await,
            Does::Panics => panic!("as the script says"),
        };
        answer.map(|()| Accepted::default())
    }
}

/// An engine with a script per channel.
struct Rig {
    engine: Arc<Engine>,
    clock: ManualClock,
    seen: Seen,
    most: Arc<AtomicI64>,
}

impl Rig {
    fn new(book: Json, script: impl Fn(&Envelope, usize) -> Does + Send + Sync + 'static) -> Self {
        Rig::on(book, script, MemoryStore::new())
    }

    fn on(
        book: Json,
        script: impl Fn(&Envelope, usize) -> Does + Send + Sync + 'static,
        store: impl Store + 'static,
    ) -> Self {
        let playbook = Arc::new(Playbook::from_json(&book.to_string()).unwrap_or_else(|faults| panic!("{faults}")));
        let clock = ManualClock::at(at(START));
        let (seen, most, script) = (Seen::default(), Arc::new(AtomicI64::new(0)), Arc::new(script));
        let mut builder = Engine::builder(playbook.clone()).store(store).clock(clock.clone());
        for spec in playbook.channels() {
            let script = script.clone();
            builder = builder.channel(Scripted {
                spec: spec.clone(),
                clock: clock.clone(),
                script: Box::new(move |envelope, tries| script(envelope, tries)),
                seen: seen.clone(),
                under_way: AtomicI64::new(0),
                most: most.clone(),
            });
        }
        Rig { engine: Arc::new(builder.build().unwrap()), clock, seen, most }
    }

    fn ingest(&self, event: Event) {
        block_on(self.engine.ingest(event)).unwrap();
    }

    fn meets(&self, customers: usize) {
        for n in 0..customers {
            let (user, email) = (format!("u{n}"), format!("u{n}@shop.example"));
            self.ingest(Event::identify().user(&user).with_trait("email", email.as_str()));
        }
    }

    fn begins(&self, customers: usize) {
        (0..customers).for_each(|n| self.ingest(Event::track("Begin").user(&format!("u{n}"))));
    }

    /// Polls a future, moving the clock by a tenth of a second whenever it waits, for at most so long.
    fn drive<F: Future>(&self, future: F, at_most: Span) -> Option<F::Output> {
        let mut future = pin!(future);
        let end = self.clock.now() + at_most;
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
                return Some(done);
            }
            if self.clock.now() >= end {
                return None;
            }
            self.clock.advance(Span::millis(100));
        }
    }

    /// The engine's own loop for so long.
    fn runs(&self, span: Span) {
        let end = self.clock.now() + span;
        let shutdown = self.clock.sleep_until(end);
        self.drive(self.engine.run(shutdown), Span::days(1)).expect("it ends upon shutdown").unwrap();
    }

    fn sent(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|(at, e)| format!("{} {} {}", &at.to_string()[11..], e.message.id, e.channel.id)).collect()
    }

    fn statuses(&self) -> Vec<Status> {
        let states = block_on(self.engine.store().scan(None, 10_000)).unwrap();
        states.iter().flat_map(|state| state.profile.contacts.iter().map(|contact| contact.status)).collect()
    }
}

fn mails() -> Json {
    book(json!({"j": steps(json!([{"id": "s", "message": "mail"}]))}))
}

fn both() -> Json {
    book(
        json!({"a": steps(json!([{"id": "s", "message": "mail"}])), "b": steps(json!([{"id": "s", "message": "note"}]))}),
    )
}

#[test]
fn a_channel_has_no_more_under_way_than_it_says_also_when_two_tasks_run() {
    let mut book = mails();
    book["channels"]["email"]["in_flight"] = 3.into();
    let rig = Rig::new(book, |_, _| Does::Takes(Span::seconds(1), Ok(())));
    rig.meets(20);
    rig.begins(20);
    let two = async { futures::future::join(rig.engine.run_due(), rig.engine.run_due()).await };
    let (one, other) = rig.drive(two, Span::minutes(5)).unwrap();
    assert_eq!(one.unwrap().handed_over + other.unwrap().handed_over, 20);
    assert_eq!((rig.seen.lock().unwrap().len(), rig.most.load(Ordering::SeqCst)), (20, 3));
}

#[test]
fn invariant_i14_a_hanging_channel_times_out_and_delays_no_other_also_not_with_what_comes_later() {
    let mut book = both();
    book["channels"]["email"]["timeout"] = "30s".into();
    book["channels"]["email"]["in_flight"] = 2.into();
    let rig = Rig::new(book, |envelope, _| match envelope.channel.id.as_str() {
        "email" => Does::Hangs,
        _ => Does::Answers(Ok(())),
    });
    rig.meets(30);
    let engine = rig.engine.clone();
    let clock = rig.clock.clone();
    // One customer a second while the mails hang.
    let shop = async {
        for n in 0..30 {
            engine.ingest(Event::track("Begin").user(&format!("u{n}"))).await.unwrap();
            clock.sleep_until(clock.now() + Span::seconds(1)).await;
        }
    };
    let shutdown = rig.clock.sleep_until(at(START) + Span::minutes(20));
    rig.drive(async { futures::future::join(rig.engine.run(shutdown), shop).await }, Span::hours(2))
        .unwrap()
        .0
        .unwrap();
    let seen = rig.seen.lock().unwrap();
    let notes: Vec<Instant> =
        seen.iter().filter(|(_, e)| e.channel.id.as_str() == "in_app").map(|(at, _)| *at).collect();
    assert_eq!(notes.len(), 30);
    let latest = *notes.iter().max().unwrap();
    assert!(latest <= at(START) + Span::seconds(32), "the last note came at {latest}");
    let mails = seen.iter().filter(|(_, e)| e.channel.id.as_str() == "email").count();
    drop(seen);
    // Two at a time for 30 seconds each: all thirty had their turn, none twice, none lost without one.
    let parked = rig.statuses().iter().filter(|status| **status == Status::Parked).count();
    assert_eq!((mails, parked), (30, 30));
}

#[test]
fn a_panicking_channel_and_a_bad_recipient_harm_nobody_else() {
    let rig = Rig::new(both(), |envelope, _| match (envelope.channel.id.as_str(), envelope.address()) {
        ("email", "u1@shop.example") => Does::Panics,
        ("email", "u2@shop.example") => Does::Answers(Err(DeliveryError::invalid_contact_point("nobody"))),
        _ => Does::Answers(Ok(())),
    });
    rig.meets(5);
    rig.begins(5);
    std::panic::set_hook(Box::new(|_| {}));
    let ran = rig.drive(rig.engine.run_due(), Span::minutes(5)).unwrap().unwrap();
    drop(std::panic::take_hook());
    assert_eq!((ran.handed_over, ran.accepted), (10, 8));
    let mut statuses = rig.statuses();
    statuses.retain(|status| *status != Status::Accepted);
    statuses.sort_by_key(|status| *status == Status::Refused);
    assert_eq!(statuses, [Status::Parked, Status::Refused]);
}

#[test]
fn promise_8_4_retries_come_with_backoff_and_the_same_key() {
    let rig = Rig::new(mails(), |_, tries| match tries {
        1..=3 => Does::Answers(Err(DeliveryError::transient("451"))),
        _ => Does::Answers(Ok(())),
    });
    rig.meets(1);
    rig.begins(1);
    rig.runs(Span::minutes(1));
    assert_eq!(
        rig.sent(),
        ["10:00:00Z mail email", "10:00:01Z mail email", "10:00:03Z mail email", "10:00:07Z mail email"]
    );
    let seen = rig.seen.lock().unwrap();
    assert!(seen.windows(2).all(|pair| pair[0].1 == pair[1].1));
}

#[test]
fn promise_10_1_an_unknown_outcome_is_parked_for_marketing_and_resent_for_transactional_or_within_key_memory() {
    for (message, memory, times) in [("mail", None, 1), ("receipt", None, 2), ("mail", Some("1h"), 2)] {
        let mut book = book(json!({"j": steps(json!([{"id": "s", "message": message}]))}));
        if let Some(memory) = memory {
            book["channels"]["email"]["key_memory"] = memory.into();
        }
        let rig = Rig::new(book, |_, tries| if tries == 1 { Does::Hangs } else { Does::Answers(Ok(())) });
        rig.meets(1);
        rig.begins(1);
        rig.runs(Span::minutes(10));
        let status = if times == 1 { Status::Parked } else { Status::Accepted };
        assert_eq!((rig.sent().len(), rig.statuses()), (times, vec![status]), "{message} {memory:?}");
    }
}

#[test]
fn promise_4_4_a_revocation_between_retries_stops_the_retry() {
    let rig = Rig::new(mails(), |_, _| Does::Answers(Err(DeliveryError::transient("451"))));
    rig.meets(1);
    rig.begins(1);
    rig.drive(rig.engine.run_due(), Span::millis(300)).unwrap().unwrap();
    rig.ingest(Event::track("Unsubscribed").user("u0"));
    rig.runs(Span::hours(1));
    assert_eq!((rig.sent().len(), rig.statuses()), (1, vec![Status::Cancelled]));
}

#[test]
fn invariant_i2_eight_threads_on_one_customer_never_exceed_a_cap_and_reach_it() {
    let mut book =
        book(json!({"j": {"trigger": {"event": "Begin"}, "key": "n", "steps": [{"id": "s", "message": "note"}]}}));
    book["policy"]["frequency_caps"] = json!([{"at_most": 5, "rolling": "24h"}]);
    let rig = Rig::new(book, |_, tries| match tries {
        1 => Does::Answers(Err(DeliveryError::Transient { reason: "503".into(), after: Some(Span::ZERO) })),
        _ => Does::Answers(Ok(())),
    });
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let engine = &rig.engine;
            scope.spawn(move || {
                for n in 0..25 {
                    let key = format!("{thread}-{n}");
                    block_on(engine.ingest(Event::track("Begin").user("u0").property("n", key.as_str()))).unwrap();
                    block_on(engine.run_due()).unwrap();
                }
            });
        }
    });
    rig.drive(rig.engine.run_due(), Span::minutes(1)).unwrap().unwrap();
    let accepted = rig.statuses().iter().filter(|status| **status == Status::Accepted).count();
    let mut ids: Vec<_> = rig.seen.lock().unwrap().iter().map(|(_, e)| e.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((accepted, ids.len()), (5, 5));
}

#[test]
fn promise_10_1_what_waits_for_its_channels_rate_is_late_and_not_lost() {
    let mut book = mails();
    book["channels"]["email"]["rate_per_second"] = 1.into();
    let rig = Rig::new(book, |_, _| Does::Answers(Ok(())));
    rig.meets(300);
    rig.begins(300);
    rig.runs(Span::minutes(15));
    let statuses = rig.statuses();
    let accepted = statuses.iter().filter(|status| **status == Status::Accepted).count();
    assert_eq!((rig.sent().len(), accepted), (300, 300));
    let times: Vec<Instant> = rig.seen.lock().unwrap().iter().map(|(at, _)| *at).collect();
    for (n, from) in times.iter().enumerate() {
        let within = times[n..].iter().take_while(|at| **at - *from < Span::seconds(10)).count();
        assert!(within <= 12, "{within} within ten seconds of {from}");
    }
}

/// Pends once before each call, so that futures can be dropped there.
#[derive(Debug, Default)]
struct Pausing(MemoryStore);

struct Pause(bool);

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

#[async_trait]
impl Store for Pausing {
    async fn resolve(&self, keys: &[IdentityKey]) -> Result<Vec<Option<CustomerId>>, StoreError> {
        Pause(false).await;
        self.0.resolve(keys).await
    }

    async fn bind(&self, bindings: &[Binding]) -> Result<Vec<CustomerId>, StoreError> {
        Pause(false).await;
        self.0.bind(bindings).await
    }

    async fn transact(&self, work: &[Work], stepper: &dyn Stepper) -> Vec<Result<Outcome, StoreError>> {
        Pause(false).await;
        self.0.transact(work, stepper).await
    }

    async fn claim(&self, ask: &Claim) -> Result<Vec<Wake>, StoreError> {
        Pause(false).await;
        self.0.claim(ask).await
    }

    async fn next_due(&self) -> Result<Option<Instant>, StoreError> {
        Pause(false).await;
        self.0.next_due().await
    }

    async fn scan(&self, after: Option<CustomerId>, limit: usize) -> Result<Vec<CustomerState>, StoreError> {
        self.0.scan(after, limit).await
    }

    async fn load(&self, customer: CustomerId) -> Result<Option<CustomerState>, StoreError> {
        self.0.load(customer).await
    }
}

/// Polls a future so many times and drops it; says whether it ended before.
fn drop_after<F: Future>(future: F, polls: usize) -> bool {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..polls).any(|_| future.as_mut().poll(&mut context).is_ready())
}

#[test]
fn promise_10_4_dropping_ingest_at_any_poll_loses_no_event_once_it_is_tried_again() {
    for polls in 0..20 {
        let rig = Rig::on(both(), |_, _| Does::Answers(Ok(())), Pausing::default());
        rig.meets(1);
        let event = Event::track("Begin").user("u0").id("m-1");
        let whole = drop_after(rig.engine.ingest(event.clone()), polls);
        rig.ingest(event);
        rig.runs(Span::minutes(5));
        let mut sent = rig.sent();
        sent.sort();
        // A dropped commit may leave its messages to the lease: they count as unknown then, and are not lost from sight.
        assert_eq!(rig.statuses().len(), 2, "{polls} {whole} {sent:?}");
        assert!(rig.statuses().iter().all(|status| matches!(status, Status::Accepted | Status::Parked)), "{polls}");
    }
}

#[test]
fn promise_10_4_dropping_run_due_at_any_poll_loses_no_message_that_was_not_under_way() {
    for polls in 0..60 {
        let mut book = mails();
        book["channels"]["email"]["in_flight"] = 1.into();
        let rig = Rig::on(book, |_, _| Does::Takes(Span::seconds(1), Ok(())), Pausing::default());
        rig.meets(4);
        rig.begins(4);
        drop_after(rig.engine.run_due(), polls);
        rig.runs(Span::minutes(5));
        let parked = rig.statuses().iter().filter(|status| **status == Status::Parked).count();
        assert!(parked <= 1, "{parked} parked after {polls} polls");
        assert_eq!((rig.statuses().len(), rig.sent().len()), (4, 4), "{polls}");
    }
}

/// Fails one call, before or after it was applied.
#[derive(Debug)]
struct Failing {
    store: MemoryStore,
    calls: AtomicUsize,
    fails: AtomicUsize,
    applied: bool,
}

impl Failing {
    fn at(call: usize, applied: bool) -> Self {
        Failing { store: MemoryStore::new(), calls: AtomicUsize::new(0), fails: AtomicUsize::new(call), applied }
    }

    /// Whether this call is the one.
    fn now(&self) -> bool {
        self.calls.fetch_add(1, Ordering::SeqCst) == self.fails.load(Ordering::SeqCst)
    }

    fn error(&self) -> StoreError {
        match self.applied {
            true => StoreError::Unknown("lost".into()),
            false => StoreError::Unavailable("busy".into()),
        }
    }
}

#[async_trait]
impl Store for Failing {
    async fn resolve(&self, keys: &[IdentityKey]) -> Result<Vec<Option<CustomerId>>, StoreError> {
        if self.now() { Err(self.error()) } else { self.store.resolve(keys).await }
    }

    async fn bind(&self, bindings: &[Binding]) -> Result<Vec<CustomerId>, StoreError> {
        let fails = self.now();
        if fails && !self.applied {
            return Err(self.error());
        }
        let bound = self.store.bind(bindings).await;
        if fails { Err(self.error()) } else { bound }
    }

    async fn transact(&self, work: &[Work], stepper: &dyn Stepper) -> Vec<Result<Outcome, StoreError>> {
        let fails = self.now();
        if fails && !self.applied {
            return work.iter().map(|_| Err(self.error())).collect();
        }
        let done = self.store.transact(work, stepper).await;
        if fails { work.iter().map(|_| Err(self.error())).collect() } else { done }
    }

    async fn claim(&self, ask: &Claim) -> Result<Vec<Wake>, StoreError> {
        let fails = self.now();
        if fails && !self.applied {
            return Err(self.error());
        }
        let claimed = self.store.claim(ask).await;
        if fails { Err(self.error()) } else { claimed }
    }

    async fn next_due(&self) -> Result<Option<Instant>, StoreError> {
        self.store.next_due().await
    }

    async fn scan(&self, after: Option<CustomerId>, limit: usize) -> Result<Vec<CustomerState>, StoreError> {
        self.store.scan(after, limit).await
    }

    async fn load(&self, customer: CustomerId) -> Result<Option<CustomerState>, StoreError> {
        self.store.load(customer).await
    }
}

#[test]
fn invariant_i5_a_store_that_fails_any_one_call_loses_no_event_and_applies_none_twice() {
    for applied in [false, true] {
        for call in 0..60 {
            let store = Arc::new(Failing::at(call, applied));
            let rig = Rig::on(both(), |_, _| Does::Answers(Ok(())), Shared(store.clone()));
            let events = (0..3).flat_map(|n| {
                let user = format!("u{n}");
                let email = format!("{user}@shop.example");
                [
                    Event::identify().user(&user).with_trait("email", email.as_str()).id(&format!("i-{n}")),
                    Event::track("Begin").user(&user).id(&format!("b-{n}")),
                ]
            });
            for event in events {
                // A host tries again until it is told that the event is in.
                let told = (0..5).any(|_| block_on(rig.engine.ingest(event.clone())).is_ok());
                assert!(told, "call {call}, applied {applied}");
                let _ = rig.drive(rig.engine.run_due(), Span::seconds(5));
            }
            rig.runs(Span::minutes(10));
            let statuses = rig.statuses();
            assert_eq!(statuses.len(), 6, "call {call}, applied {applied}: {:?}", rig.sent());
            let parked = statuses.iter().filter(|status| **status == Status::Parked).count();
            let accepted = statuses.iter().filter(|status| **status == Status::Accepted).count();
            // Only a commit whose answer was lost leaves its messages unknown, and they are not sent twice.
            assert_eq!(parked + accepted, 6, "call {call}, applied {applied}: {statuses:?}");
            assert!(parked == 0 || applied, "call {call}: {statuses:?}");
            assert_eq!(rig.sent().len(), accepted, "call {call}, applied {applied}");
        }
    }
}

/// A store that the test looks into.
#[derive(Debug)]
struct Shared(Arc<Failing>);

#[async_trait]
impl Store for Shared {
    async fn resolve(&self, keys: &[IdentityKey]) -> Result<Vec<Option<CustomerId>>, StoreError> {
        self.0.resolve(keys).await
    }

    async fn bind(&self, bindings: &[Binding]) -> Result<Vec<CustomerId>, StoreError> {
        self.0.bind(bindings).await
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

fn owner(rig: &Rig, kind: IdentityKind, id: &str) -> CustomerId {
    block_on(rig.engine.store().resolve(&[IdentityKey::new(kind, id)])).unwrap()[0].unwrap()
}

#[test]
fn promise_2_2_a_second_user_on_a_shared_device_has_a_record_of_their_own_whichever_call_fails() {
    for applied in [false, true] {
        for call in 0..20 {
            let store = Arc::new(Failing::at(usize::MAX, applied));
            let rig = Rig::on(both(), |_, _| Does::Answers(Ok(())), Shared(store.clone()));
            rig.ingest(Event::track("Page Seen").anonymous("tablet"));
            rig.ingest(Event::identify().user("anna").anonymous("tablet"));
            store.fails.store(store.calls.load(Ordering::SeqCst) + call, Ordering::SeqCst);
            let event = Event::identify().user("bert").anonymous("tablet").id("m-1").with_trait("name", "Bert");
            let told = (0..5).any(|_| block_on(rig.engine.ingest(event.clone())).is_ok());
            assert!(told, "call {call}, applied {applied}");
            store.fails.store(usize::MAX, Ordering::SeqCst);
            rig.ingest(Event::track("Begin").user("bert"));
            let (anna, bert) = (owner(&rig, IdentityKind::User, "anna"), owner(&rig, IdentityKind::User, "bert"));
            assert_ne!(anna, bert, "call {call}, applied {applied}");
            assert_eq!(owner(&rig, IdentityKind::Anonymous, "tablet"), bert, "call {call}, applied {applied}");
            let named = block_on(rig.engine.store().load(bert)).unwrap().unwrap().profile;
            assert_eq!(named.user_id.as_deref(), Some("bert"));
            let anna = block_on(rig.engine.store().load(anna)).unwrap().unwrap().profile;
            assert!(anna.attributes.get(&"name".into()).is_none(), "nothing of Bert's is Anna's");
        }
    }
}

#[test]
fn promise_2_3_a_merge_keeps_the_visitors_opt_outs() {
    let rig = Rig::new(both(), |_, _| Does::Answers(Ok(())));
    rig.ingest(Event::track("Page Seen").anonymous("phone"));
    rig.ingest(Event::track("Unsubscribed").anonymous("phone"));
    rig.meets(1);
    rig.ingest(Event::identify().user("u0").anonymous("phone"));
    let records: Vec<ConsentRecord> = block_on(rig.engine.store().load(owner(&rig, IdentityKind::User, "u0")))
        .unwrap()
        .unwrap()
        .profile
        .consents
        .iter()
        .cloned()
        .collect();
    assert!(records.iter().any(|record| record.grant.is_none()));
    let live = block_on(rig.engine.store().scan(None, 10)).unwrap();
    assert_eq!(live.iter().filter(|state| state.stage == Stage::Live).count(), 1);
}

#[test]
fn promise_2_3_a_merge_loses_nothing_whichever_call_fails() {
    for applied in [false, true] {
        for call in 0..12 {
            let store = Arc::new(Failing::at(usize::MAX, applied));
            let rig = Rig::on(both(), |_, _| Does::Answers(Ok(())), Shared(store.clone()));
            rig.ingest(Event::track("Page Seen").anonymous("phone"));
            rig.ingest(Event::track("Unsubscribed").anonymous("phone"));
            rig.meets(1);
            store.fails.store(store.calls.load(Ordering::SeqCst) + call, Ordering::SeqCst);
            let event = Event::identify().user("u0").anonymous("phone").id("m-1").with_trait("tier", "gold");
            let told = (0..5).any(|_| block_on(rig.engine.ingest(event.clone())).is_ok());
            assert!(told, "call {call}, applied {applied}");
            store.fails.store(usize::MAX, Ordering::SeqCst);
            rig.runs(Span::minutes(5));
            let owner = owner(&rig, IdentityKind::User, "u0");
            let profile = block_on(rig.engine.store().load(owner)).unwrap().unwrap().profile;
            assert!(profile.attributes.get(&"tier".into()).is_some(), "call {call}, applied {applied}: the event");
            let revoked = profile.consents.iter().any(|record| record.grant.is_none());
            assert!(revoked, "call {call}, applied {applied}: the opt-out");
        }
    }
}

#[test]
fn promise_2_3_a_merge_that_was_dropped_midway_is_finished_without_the_host() {
    for polls in 0..12 {
        let rig = Rig::on(both(), |_, _| Does::Answers(Ok(())), Pausing::default());
        rig.ingest(Event::track("Unsubscribed").anonymous("phone"));
        rig.meets(1);
        let visitor = owner(&rig, IdentityKind::Anonymous, "phone");
        drop_after(rig.engine.ingest(Event::identify().user("u0").anonymous("phone")), polls);
        rig.runs(Span::minutes(5));
        let load = |id| block_on(rig.engine.store().load(id)).unwrap().unwrap();
        let (theirs, ours) = (load(visitor), load(owner(&rig, IdentityKind::User, "u0")));
        let revoked = |state: &CustomerState| state.profile.consents.iter().any(|record| record.grant.is_none());
        // Either nothing happened yet, or all of it; once it did, the sealed record is empty and asks for nothing.
        match theirs.stage {
            Stage::Live => assert!(revoked(&theirs), "{polls}"),
            _ => assert_eq!((revoked(&theirs), revoked(&ours), theirs.due()), (false, true, Instant::MAX), "{polls}"),
        }
    }
}

#[test]
fn promise_4_4_a_revocation_ingested_after_the_trigger_stops_what_the_trigger_sent() {
    let json = r#"{"version": 1, "currency": "EUR", "channels": {"email": {}},
        "policy": {"topics_default": "opt_out"}, "brand": {"name": "S", "links": {"unsubscribe": "https://s.example/u"}},
        "messages": {"m": {"variants": {"email": {"subject": "m", "text": "{{ unsubscribe_url }}"}}}},
        "journeys": {"j": {"trigger": {"event": "A"}, "steps": [{"id": "send", "message": "m"}]}}}"#;
    #[derive(Debug)]
    struct Never(throughline::ChannelSpec);
    #[throughline::async_trait]
    impl throughline::Channel for Never {
        fn spec(&self) -> &throughline::ChannelSpec {
            &self.0
        }
        async fn send(&self, _: &throughline::Envelope) -> Result<throughline::Accepted, throughline::DeliveryError> {
            panic!("sent after the opt-out")
        }
    }
    let playbook = throughline::Playbook::from_json(json).unwrap();
    let email = Never(throughline::ChannelSpec::new("email"));
    let engine = throughline::Engine::builder(playbook).channel(email).build().unwrap();
    let track = |name: &str, id: &str| throughline::Event::track(name).user("anna").id(id);
    futures::executor::block_on(async {
        let anna = throughline::Event::identify().user("anna").with_trait("email", "anna@example.com");
        engine.ingest(anna).await.unwrap();
        engine.ingest(track("A", "1")).await.unwrap();
        engine.ingest(track("Email Unsubscribed", "2")).await.unwrap();
        assert_eq!(engine.run_due().await.unwrap().handed_over, 0);
    });
}
