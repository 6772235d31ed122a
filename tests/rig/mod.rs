//! The engine over a clock that is moved by hand and channels that follow a script.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub mod stores;

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures::executor::block_on;
use serde_json::{Value as Json, json};
use throughline::{
    Accepted, Channel, ChannelSpec, Clock, CustomerId, DeliveryError, Engine, EngineBuilder, Envelope, Event,
    IdentityKey, IdentityKind, Instant, ManualClock, MemoryStore, Playbook, Span, Status, Store, async_trait,
};

use crate::shop::{at, book, steps};

pub const START: &str = "2026-03-01T10:00:00Z";

/// What a channel does with a message.
#[derive(Clone)]
pub enum Does {
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

pub type Seen = Arc<Mutex<Vec<(Instant, Envelope)>>>;

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
pub struct Rig {
    pub engine: Arc<Engine>,
    pub clock: ManualClock,
    pub seen: Seen,
    pub most: Arc<AtomicI64>,
}

impl Rig {
    pub fn new(book: Json, script: impl Fn(&Envelope, usize) -> Does + Send + Sync + 'static) -> Self {
        Rig::on(book, script, MemoryStore::new())
    }

    pub fn on(
        book: Json,
        script: impl Fn(&Envelope, usize) -> Does + Send + Sync + 'static,
        store: impl Store + 'static,
    ) -> Self {
        Rig::with(book, script, store, |builder, _| builder)
    }

    /// The same with what the test adds to the builder.
    pub fn with(
        book: Json,
        script: impl Fn(&Envelope, usize) -> Does + Send + Sync + 'static,
        store: impl Store + 'static,
        add: impl FnOnce(EngineBuilder, &ManualClock) -> EngineBuilder,
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
        builder = add(builder, &clock);
        Rig { engine: Arc::new(builder.build().unwrap()), clock, seen, most }
    }

    pub fn clock_now(&self) -> Instant {
        self.clock.now()
    }

    pub fn ingest(&self, event: Event) {
        block_on(self.engine.ingest(event)).unwrap();
    }

    pub fn meets(&self, customers: usize) {
        for n in 0..customers {
            let (user, email) = (format!("u{n}"), format!("u{n}@shop.example"));
            self.ingest(Event::identify().user(&user).with_trait("email", email.as_str()));
        }
    }

    pub fn begins(&self, customers: usize) {
        (0..customers).for_each(|n| self.ingest(Event::track("Begin").user(&format!("u{n}"))));
    }

    /// Polls a future, moving the clock by a tenth of a second whenever it waits, for at most so long.
    pub fn drive<F: Future>(&self, future: F, at_most: Span) -> Option<F::Output> {
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
    pub fn runs(&self, span: Span) {
        let end = self.clock.now() + span;
        let shutdown = self.clock.sleep_until(end);
        self.drive(self.engine.run(shutdown), Span::days(1)).expect("it ends upon shutdown").unwrap();
    }

    pub fn sent(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|(at, e)| format!("{} {} {}", &at.to_string()[11..], e.message.id, e.channel.id)).collect()
    }

    pub fn statuses(&self) -> Vec<Status> {
        let states = block_on(self.engine.store().scan(None, 10_000)).unwrap();
        states.iter().flat_map(|state| state.profile.contacts.iter().map(|contact| contact.status)).collect()
    }
}

pub fn mails() -> Json {
    book(json!({"j": steps(json!([{"id": "s", "message": "mail"}]))}))
}

pub fn both() -> Json {
    book(
        json!({"a": steps(json!([{"id": "s", "message": "mail"}])), "b": steps(json!([{"id": "s", "message": "note"}]))}),
    )
}

/// Whose an identifier is.
pub fn owner(rig: &Rig, kind: IdentityKind, id: &str) -> CustomerId {
    block_on(rig.engine.store().resolve(&[IdentityKey::new(kind, id)])).unwrap()[0].unwrap()
}

/// Polls a future so many times and drops it; says whether it ended before.
pub fn drop_after<F: Future>(future: F, polls: usize) -> bool {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..polls).any(|_| future.as_mut().poll(&mut context).is_ready())
}
