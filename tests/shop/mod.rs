//! One customer of a small shop: the pure step, driven by hand at exact instants.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::{HashMap, VecDeque};

use serde_json::{Value as Json, json};
use throughline::{
    CustomerId, CustomerState, DeliveryError, Device, EffectCall, EffectError, Envelope, Event, Fields, IdempotencyKey,
    Input, Instant, Notice, Outcome, Playbook, Surroundings, What,
};

/// One customer, the clock, and what was handed over.
pub struct Shop {
    pub book: Playbook,
    pub state: CustomerState,
    pub around: Surroundings,
    pub now: Instant,
    pub notes: Vec<Notice>,
    /// Every hand-over, retries included.
    pub handed: Vec<(Instant, Envelope)>,
    pub outbox: HashMap<IdempotencyKey, Envelope>,
    pub duplicates: usize,
    /// Every call of an effect, retries included.
    pub called: Vec<(Instant, EffectCall)>,
    pub calls: HashMap<IdempotencyKey, EffectCall>,
    /// What was forwarded to other records, which are not there.
    pub forwarded: Vec<(CustomerId, Input)>,
    said: VecDeque<Result<Fields, EffectError>>,
    answers: VecDeque<Result<(), DeliveryError>>,
    held: bool,
}

impl Shop {
    pub fn new(book: Json) -> Self {
        Shop::of("anna", book)
    }

    pub fn of(customer: &str, book: Json) -> Self {
        let now = at("2020-01-01T00:00:00Z");
        Shop {
            book: Playbook::from_json(&book.to_string()).unwrap_or_else(|faults| panic!("{faults}")),
            state: CustomerState::new(CustomerId::new(customer), now),
            around: Surroundings::default(),
            now,
            notes: Vec::new(),
            handed: Vec::new(),
            outbox: HashMap::new(),
            duplicates: 0,
            called: Vec::new(),
            calls: HashMap::new(),
            forwarded: Vec::new(),
            said: VecDeque::new(),
            answers: VecDeque::new(),
            held: false,
        }
    }

    /// What the channels answer next; afterwards they accept.
    pub fn answers(&mut self, answers: impl IntoIterator<Item = Result<(), DeliveryError>>) {
        self.answers.extend(answers);
    }

    /// What the host says to effects next; afterwards they are done.
    pub fn says(&mut self, answers: impl IntoIterator<Item = Result<Fields, EffectError>>) {
        self.said.extend(answers);
    }

    /// From now on neither channels nor the host answer; the test does.
    pub fn hold_answers(&mut self) {
        self.held = true;
    }

    /// From now on they answer again.
    pub fn answer_again(&mut self) {
        self.held = false;
    }

    /// An event that happens and is handled at this time.
    pub fn event(&mut self, time: &str, event: Event) {
        self.take(event.at(at(time)));
    }

    /// An event that is handled at its own time.
    pub fn take(&mut self, event: Event) {
        let now = event.timestamp.unwrap();
        self.fire(now, false);
        self.input(Input::Event(event.into()), now);
    }

    /// Fires every timer up to this time and including it, each at its instant.
    pub fn pass(&mut self, time: &str) {
        self.fire(at(time), true);
    }

    fn fire(&mut self, limit: Instant, including: bool) {
        // Before its first input there is no record that could be woken.
        while self.state.last > Instant::MIN {
            let due = self.state.due();
            if due > limit || (due == limit && !including) || due == Instant::MAX {
                return;
            }
            self.input(Input::Wake, due);
        }
    }

    /// One input at an instant of the caller's choice, and the channels' answers to what comes of it.
    pub fn input(&mut self, input: Input, now: Instant) {
        self.now = self.now.max(now);
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let out: Outcome = self.book.step(&mut self.state, &input, &self.around, now).unwrap();
            self.duplicates += usize::from(out.duplicate);
            self.notes.extend(out.notices);
            self.forwarded.extend(out.forward);
            let mut sending = out.send;
            for envelope in &sending {
                self.outbox.insert(envelope.id, envelope.clone());
            }
            sending.extend(out.resend.iter().filter_map(|id| self.outbox.get(id).cloned()));
            let mut calling = out.calls;
            for call in &calling {
                self.calls.insert(call.id, call.clone());
            }
            calling.extend(out.resend.iter().filter_map(|id| self.calls.get(id).cloned()));
            for id in out.release {
                self.outbox.remove(&id);
                self.calls.remove(&id);
            }
            for call in calling {
                let id = call.id;
                self.called.push((self.now, call));
                if !self.held {
                    let result = self.said.pop_front().unwrap_or_else(|| Ok(Fields::new()));
                    inputs.push_back(Input::Answered { id, result });
                }
            }
            for envelope in sending {
                let id = envelope.id;
                self.handed.push((self.now, envelope));
                if !self.held {
                    let result = self.answers.pop_front().unwrap_or(Ok(()));
                    inputs.push_back(Input::Settled { id, result });
                }
            }
        }
    }

    /// The hand-overs as lines: when, which message, on which channel.
    pub fn sent(&self) -> Vec<String> {
        self.handed.iter().map(|(at, e)| format!("{at} {} {}", e.message.id, e.channel.id)).collect()
    }

    /// How many notices of a kind there were.
    pub fn noted(&self, what: &str) -> usize {
        self.notes.iter().filter(|note| serde_json::to_value(note).unwrap()["what"] == what).count()
    }

    /// How the runs ended, in order.
    pub fn ended(&self) -> Vec<String> {
        let ends = self.notes.iter().filter_map(|note| match &note.what {
            What::RunEnded { reason, .. } => Some(reason.word().to_owned()),
            _ => None,
        });
        ends.collect()
    }

    /// The messages not sent, each with the rule.
    pub fn skipped(&self) -> Vec<String> {
        let skips = self.notes.iter().filter_map(|note| match &note.what {
            What::Skipped { message, reason, .. } => Some(format!("{message} {}", reason.rule)),
            _ => None,
        });
        skips.collect()
    }
}

pub fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

/// A playbook with four channels, some messages, and these journeys.
pub fn book(journeys: Json) -> Json {
    json!({
        "version": 1, "currency": "EUR",
        "brand": {"name": "Shop", "links": {"unsubscribe": "https://shop.example/u"}},
        "channels": {"email": {}, "sms": {}, "push": {"by_id": true}, "in_app": {}},
        "policy": {"topics_default": "opt_out"},
        "messages": {
            "note": {"variants": {"in_app": {"body": "A note."}}},
            "other": {"variants": {"in_app": {"body": "Another."}}},
            "mail": {"topic": "offers", "dedupe": "1ms",
                "variants": {"email": {"subject": "S", "text": "Text {{ unsubscribe_url }}"}}},
            "push": {"dedupe": "1ms", "variants": {"push": {"title": "T", "body": "B"}}},
            "receipt": {"class": "transactional", "variants": {"email": {"subject": "S", "text": "Thank you."}}},
            "everywhere": {"variants": {
                "email": {"subject": "S", "text": "Text {{ unsubscribe_url }}"}, "push": {"title": "T", "body": "B"},
                "in_app": {"body": "B"}}}
        },
        "journeys": journeys
    })
}

/// A journey of these steps that begins with `Begin`.
pub fn steps(steps: Json) -> Json {
    json!({"trigger": {"event": "Begin"}, "steps": steps})
}

/// An identified customer with an e-mail address.
pub fn known() -> Event {
    Event::identify().user("anna").with_trait("email", "anna@shop.example")
}

pub fn device(event: Event, token: &str) -> Event {
    event.from_device(Device::of_kind("ios").with_token(token))
}

pub fn began(name: &str) -> Event {
    Event::track(name)
}

/// A journey that begins with `Begin` and says `note` at the end of these steps.
pub fn then_note(mut before: Vec<Json>) -> Json {
    before.push(json!({"id": "say", "message": "note"}));
    json!({"trigger": {"event": "Begin"}, "steps": before})
}

/// Sends `push` on `Begin`; quiet from 22:00 to 08:00.
pub fn quiet(policy: Json) -> Shop {
    let mut book = book(json!({"j": {"trigger": {"event": "Begin"}, "steps": [{"id": "s", "message": "push"}]}}));
    book["policy"] = policy;
    book["policy"]["topics_default"] = "opt_out".into();
    book["policy"]["quiet_hours"] = json!({"window": "22:00-08:00", "spread": "0s"});
    Shop::new(book)
}

pub fn awaited() -> Json {
    json!({"j": {"trigger": {"event": "Begin"}, "steps": [
        {"id": "w", "wait_for": {"event": "Answer", "timeout": "1h"}, "then": "yes", "else": "no"},
        {"id": "yes", "message": "note", "next": "end"},
        {"id": "no", "message": "other", "next": "end"}]}})
}
