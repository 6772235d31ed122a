//! A small world under virtual time, made from a seed: customers who browse, buy, refund, subscribe and revoke, events that
//! come twice, late and out of order, channels that fail in every way they may. Oracles of their own, which know only the
//! raw events and the hand-overs, watch what the promises forbid.
//!
//! `THROUGHLINE_SEEDS=1000000 cargo test --release --test world` is the long form; `THROUGHLINE_FIRST` is its first seed.

mod random;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;

use random::Random;
use serde_json::json;
use throughline::{
    Accepted, ChannelKind, ChannelModel, CustomerId, DeliveryError, Device, EndReason, Envelope, Event, IdempotencyKey,
    Instant, LogLine, LogWhat, MessageClass, Modelled, Playbook, Rehearsal, Span, Status, SubscriptionStatus, What,
};

const ROLLING: (usize, Span) = (4, Span::hours(48));
const DAILY: usize = 2;
const GAP: Span = Span::minutes(30);
const DEDUPE: Span = Span::days(5);
/// For how long a purchase implies consent to offers by e-mail.
const IMPLIED: Span = Span::hours(20);
/// How long each attempt of a cascade but the last waits for engagement: of marketing, and of what ignores caps and gaps and
/// is often tried again later than that.
const WAITS: [[Span; 2]; 2] = [[Span::hours(12), Span::hours(6)], [Span::hours(2), Span::hours(3)]];
/// Zones without clock changes, so that the oracle needs no zone data; an invalid name falls back to the shop's, UTC.
const ZONES: [(&str, i64); 4] =
    [("Asia/Tokyo", 540), ("Asia/Kolkata", 330), ("America/Phoenix", -420), ("Nowhere/At_All", 0)];

fn playbook() -> Playbook {
    let texts = json!({
        "email": {"subject": "S", "text": "T {{ unsubscribe_url }}"}, "sms": {"text": "T"},
        "push": {"title": "T", "body": "B"}, "in_app": {"body": "B"}});
    let with = |more: serde_json::Value| {
        let mut message = json!({"topic": "offers", "dedupe": "5d", "variants": texts});
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        message
    };
    let book = json!({
        "version": 1, "currency": "EUR",
        "brand": {"name": "Shop", "links": {"unsubscribe": "https://shop.example/u"}},
        "channels": {"email": {}, "sms": {"by_id": true, "key_memory": "24h"}, "push": {}, "in_app": {}},
        "policy": {
            "zone": "UTC", "topics_default": "opt_in",
            "frequency_caps": [{"at_most": 4, "rolling": "48h"},
                {"at_most": 2, "calendar": "day", "channels": ["email", "push"]}],
            "minimum_gap": {"any_channel": "30m"},
            "quiet_hours": {"window": "22:00-07:00", "spread": "15m"}},
        "consent": {"implied": {"purchase": {"for": "20h", "channels": ["email"], "topics": ["offers"]}}},
        "messages": {
            "reminder": with(json!({"when_capped": "skip"})),
            "promo": with(json!({"when_capped": "wait", "priority": 5, "content_key": "promo-{{ trigger.sku }}"})),
            "review": with(json!({"when_capped": "wait", "valid_for": "36h"})),
            "offer": with(json!({"when_closed": "next_channel"})),
            "alarm": {"class": "transactional", "variants": texts},
            "receipt": {"class": "transactional", "variants": {"email": {"subject": "S", "text": "T"}}}},
        "journeys": {
            "cart": {"trigger": {"event": "Product Added"}, "entry": "restart", "exit": [{"event": "Order Completed"}],
                "steps": [{"id": "w", "wait": "1h"}, {"id": "remind", "message": "reminder"},
                    {"id": "w2", "wait": "20h"}, {"id": "push_on", "message": "promo"}]},
            "order": {"trigger": {"event": "Order Completed"}, "key": "order_id",
                "exit": [{"event": "Order Refunded", "where": {"order_id": {"trigger": "order_id"}}}],
                "steps": [{"id": "w", "wait": "1d"}, {"id": "ask", "message": "review"}]},
            "receipt": {"trigger": {"event": "Order Completed"}, "key": "messageId",
                "steps": [{"id": "say", "message": "receipt"}]},
            "cascade": {"trigger": {"event": "Offer Made"}, "exit": [{"event": "Order Completed"}],
                "steps": [{"id": "c", "cascade": {"message": "offer", "attempts": [
                    {"channels": ["email"], "wait": "12h"}, {"channels": ["push", "in_app"], "wait": "6h"},
                    {"channels": ["sms"]}]}}]},
            "alarm": {"trigger": {"event": "Offer Made"},
                "steps": [{"id": "c", "cascade": {"message": "alarm", "attempts": [
                    {"channels": ["email"], "wait": "2h"}, {"channels": ["push"], "wait": "3h"}, {"channels": ["sms"]}]}}]},
            "flash": {"trigger": {"event": "Offer Made"},
                "steps": [{"id": "w", "wait": "8h"}, {"id": "s", "message": "offer"}]},
            "browse": {"trigger": {"event": "Product Viewed"}, "entry": {"cooldown": "12h"}, "goal": {"event": "Product Added"},
                "steps": [{"id": "f", "wait_for": {"event": "Product Viewed", "timeout": "3h", "since": "step"},
                    "then": "hot", "else": "cold"}, {"id": "hot", "message": "promo", "next": "end"},
                    {"id": "cold", "wait_until": {"time": "09:00"}}, {"id": "cold_say", "message": "promo"}]}}});
    Playbook::from_json(&book.to_string()).unwrap_or_else(|faults| panic!("{faults}"))
}

/// What an event says that the oracles care for.
#[derive(Clone, Debug)]
enum Says {
    Consent { channel: ChannelKind, topic: bool, grant: bool },
    Bought,
    Zone(usize),
    Refund(String),
    Bounce(IdempotencyKey),
    Engaged(IdempotencyKey),
    Nothing,
}

/// The devices of a customer, as a naive reading of the events has them.
#[derive(Default)]
struct Phones {
    /// Token to its device and the instant of its latest sign of life.
    live: BTreeMap<String, (u64, Instant)>,
    dropped: HashMap<String, Instant>,
}

impl Phones {
    fn give(&mut self, token: &str, device: u64, at: Instant) {
        if self.dropped.get(token).is_some_and(|gone| at <= *gone) {
            return;
        }
        let older = self.live.iter().find(|(known, (of, _))| *of == device && *known != token);
        if let Some((older, (_, fresh))) = older.map(|(known, of)| (known.clone(), *of)) {
            if fresh > at {
                return;
            }
            self.drop(&older, at);
        }
        self.refresh(token, Some(device), at);
    }

    fn refresh(&mut self, token: &str, device: Option<u64>, at: Instant) {
        if let Some(device) = device {
            self.live.entry(token.to_owned()).or_insert((device, at));
        }
        if let Some((_, fresh)) = self.live.get_mut(token) {
            *fresh = at.max(*fresh);
        }
    }

    fn drop(&mut self, token: &str, at: Instant) {
        self.live.retain(|known, (_, fresh)| known != token || *fresh > at);
        let gone = self.dropped.entry(token.to_owned()).or_insert(at);
        *gone = at.max(*gone);
    }
}

/// One message, over all devices that it went to.
#[derive(Default)]
struct Sent {
    /// The tokens that it has to go to; empty where it went elsewhere.
    wanted: Vec<String>,
    envelopes: Vec<IdempotencyKey>,
    /// The envelopes that may have arrived.
    possibly: HashSet<IdempotencyKey>,
    ends: Vec<&'static str>,
}

/// A hand-over that may have reached the customer: the last of its envelope.
struct Reached {
    at: Instant,
    channel: String,
    content: String,
    visit: u64,
    marketing: bool,
}

/// One attempt of a cascade: the hand-overs of its envelopes that may have reached the customer, the last of each, and the
/// first that a device is known to have taken.
struct Attempt {
    of: IdempotencyKey,
    possibly: HashMap<IdempotencyKey, Instant>,
    taken: Option<Instant>,
}

impl Attempt {
    /// From when the next attempt waits.
    fn reached(&self) -> Option<Instant> {
        self.taken.or_else(|| self.possibly.values().max().copied())
    }

    fn take(&mut self, envelope: IdempotencyKey) {
        let at = self.possibly.get(&envelope).copied();
        self.taken = self.taken.into_iter().chain(at).min();
    }
}

/// One visit of a cascade.
#[derive(Default)]
struct Cascade {
    attempts: BTreeMap<u16, Attempt>,
    engaged: bool,
}

#[derive(Default)]
struct Person {
    /// (channel, of the topic, grant) to the latest time.
    consents: HashMap<(ChannelKind, bool, bool), Instant>,
    bought: Option<Instant>,
    zone: Option<(usize, Instant)>,
    refunds: HashSet<String>,
    /// Contact points that bounced.
    dead: HashSet<String>,
    reached: BTreeMap<IdempotencyKey, Reached>,
    phones: Phones,
}

struct World {
    random: Random,
    made: u64,
    /// Every event by its id.
    said: HashMap<String, (Says, Option<Instant>)>,
    taken: HashSet<String>,
    people: HashMap<CustomerId, Person>,
    /// What events say of devices, by their ids: device, token, and whether it leaves.
    phones: HashMap<String, (u64, String, bool)>,
    /// Envelopes to tokens that the provider rejected, until the record has heard of it.
    rejected: HashSet<IdempotencyKey>,
    /// The envelopes of receipts, by the ids of these.
    receipts: HashMap<String, IdempotencyKey>,
    envelopes: HashMap<IdempotencyKey, Envelope>,
    /// By the ids of messages, and the ends of copies by those of their envelopes.
    sent: HashMap<IdempotencyKey, Sent>,
    copies: HashMap<IdempotencyKey, Vec<Status>>,
    over: HashSet<u64>,
    cascades: HashMap<u64, Cascade>,
    cart_due: HashMap<u64, (Instant, bool)>,
    event_time: Instant,
    bounced: HashSet<IdempotencyKey>,
    /// Hand-overs told, and made.
    tries: HashMap<IdempotencyKey, (u16, u16)>,
    met: BTreeMap<&'static str, u64>,
    log: String,
    wrong: Vec<String>,
}

impl World {
    fn met(&mut self, situation: &'static str) {
        *self.met.entry(situation).or_default() += 1;
    }

    fn must(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.wrong.push(what());
        }
    }

    fn line(&mut self, line: &LogLine<'_>) {
        writeln!(self.log, "{}", serde_json::to_string(line).unwrap()).unwrap();
        match &line.what {
            LogWhat::Event { id: Some(id), .. } => self.event(line.at, line.customer, id),
            LogWhat::Duplicate => self.met("duplicate"),
            LogWhat::Notice(what) => self.notice(line.at, what),
            _ => {}
        }
    }

    fn event(&mut self, now: Instant, customer: CustomerId, id: &str) {
        let (says, time) = self.said.get(id).cloned().unwrap_or((Says::Nothing, None));
        let time = time.unwrap_or(now);
        self.event_time = time.min(now);
        if time < now {
            self.met("late event");
        }
        if !self.taken.insert(id.to_owned()) {
            return;
        }
        // Whatever a receipt tells, the provider had the message.
        if let Some(envelope) = self.receipts.get(id) {
            let (n, visit) = (self.envelopes[envelope].attempt, self.envelopes[envelope].run.as_ref().unwrap().visit);
            let attempt = self.cascades.entry(visit).or_default().attempts.get_mut(&n);
            attempt.into_iter().for_each(|attempt| attempt.take(*envelope));
        }
        let person = self.people.entry(customer).or_default();
        match self.phones.get(id) {
            Some((_, token, true)) => person.phones.drop(token, self.event_time),
            Some((device, token, false)) => person.phones.give(token, *device, self.event_time),
            None => {}
        }
        match says {
            Says::Consent { channel, topic, grant } => {
                let known = person.consents.entry((channel, topic, grant)).or_insert(Instant::MIN);
                *known = (*known).max(time);
            }
            Says::Bought => person.bought = person.bought.max(Some(time)),
            Says::Zone(zone) if person.zone.is_none_or(|(_, said)| said <= time) => person.zone = Some((zone, time)),
            Says::Refund(order) => {
                person.refunds.insert(order);
            }
            // The provider had it: it stays counted (promise 7.4), and nothing goes there again.
            Says::Bounce(envelope) => {
                let address = self.envelopes[&envelope].address().to_owned();
                // A second copy of a bounce is no news of a token that was given again since.
                let first = !self.bounced.contains(&envelope);
                if self.envelopes[&envelope].channel.kind != ChannelKind::Push {
                    person.dead.insert(address);
                    self.met("bounce");
                } else if first {
                    person.phones.drop(&address, now);
                    self.met("bounce of a device");
                }
                self.bounced.insert(envelope);
            }
            Says::Engaged(envelope) => {
                let visit = self.envelopes[&envelope].run.as_ref().unwrap().visit;
                person.phones.refresh(self.envelopes[&envelope].address(), None, time);
                self.cascades.entry(visit).or_default().engaged = true;
            }
            _ => {}
        }
    }

    fn notice(&mut self, now: Instant, what: &What) {
        if let What::Copy { id, .. } | What::Failed { id, .. } | What::Parked { id } = what
            && self.rejected.remove(id)
        {
            let envelope = &self.envelopes[id];
            self.people.entry(envelope.customer).or_default().phones.drop(envelope.address(), now);
        }
        let mut ends = |id: &IdempotencyKey, how| self.sent.entry(*id).or_default().ends.push(how);
        match what {
            What::Accepted { id } => ends(id, "accepted"),
            What::Failed { id, .. } => ends(id, "refused"),
            What::Bounced { id } => {
                let (told, taken) = (self.came_back(id), self.sent.get(id));
                let taken = taken.is_some_and(|sent| sent.ends == ["accepted"] || sent.ends == ["parked"]);
                self.must(told && taken, || format!("10.2: {id} bounced, which was not taken"));
            }
            What::HandedOver(sent) => {
                self.tell_try(sent.id, 1);
                sent.copies.iter().for_each(|copy| self.tell_try(*copy, 1));
                if !sent.copies.is_empty() {
                    self.met("a push to several devices");
                }
            }
            What::Copy { id, of, status } => {
                self.copies.entry(*id).or_default().push(*status);
                if *status == Status::Cancelled && self.sent.get(of).is_some_and(|sent| sent.ends == ["accepted"]) {
                    self.met("withdrawn from a further device");
                }
            }
            What::HandedOverAgain(sent) => self.tell_try(sent.id, sent.number),
            What::Parked { id } => ends(id, "parked"),
            What::Expired { id } => ends(id, "expired"),
            What::Cancelled { id, reason, .. } => {
                ends(id, "cancelled");
                match &**reason {
                    "consent" => self.met("revoked between decision and claim"),
                    "quiet_hours" => self.met("night at the claim"),
                    "cascade_over" => self.met("withdrawn with its run"),
                    _ => {}
                }
            }
            What::RunBegun(run) | What::RunRestarted(run) => {
                if matches!(what, What::RunRestarted(_)) {
                    self.met("restart");
                }
                if run.journey.as_str() == "cart" {
                    let due = (self.event_time + Span::hours(1)).max(now);
                    self.cart_due.insert(run.run, (due, false));
                }
            }
            What::Step { run, step } if run.journey.as_str() == "cart" && &**step == "remind" => {
                let (due, fired) = self.cart_due.get(&run.run).copied().unwrap_or((Instant::MAX, false));
                self.must(due == now && !fired, || format!("I7: timer due {due} fired at {now}, before: {fired}"));
                self.cart_due.insert(run.run, (due, true));
                self.met("timer");
            }
            What::RunEnded { run, reason } => {
                match reason {
                    EndReason::Exited => self.met("exit"),
                    EndReason::Goal => self.met("goal"),
                    EndReason::Stuck(why) => self.wrong.push(format!("stuck: {why}")),
                    EndReason::Runaway => self.wrong.push("runaway".to_owned()),
                    _ => {}
                }
                if matches!(reason, EndReason::Exited | EndReason::Goal) {
                    self.over.insert(run.run);
                }
                if run.journey.as_str() == "cart" && *reason == EndReason::Completed {
                    let fired = self.cart_due.get(&run.run).is_some_and(|(_, fired)| *fired);
                    self.must(fired, || "I7: a run completed without its timer".to_owned());
                }
            }
            What::NotBegun { reason, .. } => match *reason {
                "exit_holds" | "goal_reached" => self.met("exit before its trigger"),
                "too_late" => self.met("trigger too late"),
                _ => {}
            },
            What::Skipped { reason, .. } if reason.rule == "duplicate" => self.met("duplicate content"),
            What::Skipped { reason, .. } if reason.rule == "frequency_cap" => self.met("skipped by a cap"),
            What::Deferred { reason, .. } if reason.rule == "frequency_cap" => self.met("waits for a cap"),
            What::Deferred { reason, .. } if reason.rule == "minimum_gap" => self.met("waits for the gap"),
            What::Deferred { reason, .. } if reason.rule == "quiet_hours" => self.met("waits for the morning"),
            What::Engaged { .. } => self.met("engaged"),
            _ => {}
        }
    }

    /// Whether all that may have arrived of a message came back.
    fn came_back(&self, of: &IdempotencyKey) -> bool {
        self.sent.get(of).is_some_and(|sent| {
            !sent.possibly.is_empty() && sent.possibly.iter().all(|envelope| self.bounced.contains(envelope))
        })
    }

    /// Every hand-over is told once, in order, before it is made.
    fn tell_try(&mut self, id: IdempotencyKey, number: u16) {
        let (told, made) = self.tries.entry(id).or_default();
        let in_order = *told == *made && number == *told + 1;
        *told += 1;
        self.must(in_order, || format!("10.1: {id} is told as handed over a {number}th time"));
    }

    fn handed(&mut self, envelope: &Envelope, now: Instant) -> bool {
        let id = envelope.id;
        let (told, made) = self.tries.entry(id).or_default();
        *made += 1;
        let told = *told == *made;
        self.must(told, || format!("10.1: {id} is handed over without a word"));
        let again = self.envelopes.insert(id, envelope.clone());
        if let Some(first) = &again {
            self.must(first == envelope, || format!("P2: {id} came again with other bytes"));
            self.met("same key again");
        }
        match (envelope.attempt, again.is_none()) {
            (2, true) => self.met("second attempt"),
            (3, true) => self.met("third attempt"),
            _ => {}
        }
        let run = envelope.run.clone().unwrap();
        let over = self.over.contains(&run.run);
        self.must(!over, || format!("6.6: {} {} after the exit of its run", envelope.message.id, now));
        self.check_devices(envelope, now, again.is_some());
        let sent = self.sent.entry(envelope.of).or_default();
        if again.is_none() {
            sent.envelopes.push(id);
        }
        let several = sent.wanted.len() > 1;
        let ended = sent.ends.clone();
        // A further device may still get what others have, but not twice.
        let open = ended.is_empty() || (several && ended == ["accepted"]);
        let open = open && !self.copies.contains_key(&id);
        self.must(open, || format!("10.2: {id} handed over after it ended as {ended:?}"));
        if several && again.is_some() && !ended.is_empty() {
            self.met("a further device later");
        }
        again.is_some()
    }

    /// Promise 7.1: a push goes to every device that the customer has at the decision, and to no other.
    fn check_devices(&mut self, envelope: &Envelope, now: Instant, again: bool) {
        if envelope.channel.kind != ChannelKind::Push {
            return;
        }
        let person = self.people.entry(envelope.customer).or_default();
        let live = person.phones.live.contains_key(envelope.address());
        let sent = self.sent.entry(envelope.of).or_default();
        if sent.envelopes.is_empty() && !again {
            sent.wanted = person.phones.live.keys().cloned().collect();
        }
        let meant = sent.wanted.iter().any(|token| token == envelope.address());
        self.must(live && meant, || format!("7.1: {} at {now} is not the customer's", envelope.address()));
    }

    /// The oracles on one marketing hand-over; `possibly` says whether the customer may have got it.
    fn check(&mut self, envelope: &Envelope, now: Instant, possibly: bool) {
        let person = self.people.entry(envelope.customer).or_default();
        let marketing = envelope.message.class == MessageClass::Marketing;
        let dead = person.dead.contains(envelope.address());
        let content = envelope.content_key.to_string();
        let channel = envelope.channel.id.to_string();
        let visit = envelope.run.as_ref().unwrap().visit;
        let mut wrong = Vec::new();
        let mut met = Vec::new();
        if dead {
            wrong.push(format!("4.3: {channel} at {now} to an address that bounced"));
        }
        if marketing {
            let said = |topic, grant| person.consents.get(&(envelope.channel.kind.clone(), topic, grant)).copied();
            let newest = said(true, true).max(said(false, true));
            let revoked = said(true, false).is_some_and(|gone| said(true, true).is_none_or(|grant| grant <= gone))
                || said(false, false).is_some_and(|gone| newest.is_none_or(|grant| grant <= gone));
            let left = said(true, false).max(said(false, false));
            let implied =
                channel == "email" && person.bought > left && person.bought.is_some_and(|at| now < at + IMPLIED);
            if revoked || (newest.is_none() && !implied) {
                wrong.push(format!("I1: {channel} at {now} without consent"));
            }
            if newest.is_none() {
                met.push("implied consent");
            }
            let offset = Span::minutes(person.zone.map_or(0, |(zone, _)| ZONES[zone].1));
            let local = |at: Instant| (at + offset).as_millis();
            let hour = local(now).rem_euclid(86_400_000) / 3_600_000;
            if channel != "in_app" && !(7..22).contains(&hour) {
                wrong.push(format!("I9: {channel} at {now}, hour {hour} there"));
            }
            let others = || person.reached.iter().filter(|(id, other)| **id != envelope.of && other.marketing);
            let rolling = 1 + others().filter(|(_, other)| other.at > now - ROLLING.1).count();
            let today = |at: Instant| local(at).div_euclid(86_400_000) == local(now).div_euclid(86_400_000);
            let capped = |channel: &str| channel == "email" || channel == "push";
            let daily = 1 + others().filter(|(_, other)| capped(&other.channel) && today(other.at)).count();
            if rolling > ROLLING.0 || (capped(&channel) && daily > DAILY) {
                wrong.push(format!("I2: {rolling} in 48 h, {daily} today, at {now}"));
            }
            if rolling == ROLLING.0 {
                met.push("rolling cap reached");
            }
            if capped(&channel) && daily == DAILY {
                met.push("daily cap reached");
            }
            if let Some((_, other)) = others().find(|(_, other)| other.at + GAP > now) {
                wrong.push(format!("gap: {now} after {}", other.at));
            }
            let twin =
                others().find(|(_, other)| other.content == content && other.visit != visit && other.at + DEDUPE > now);
            if let Some((_, other)) = twin {
                wrong.push(format!("I3: {content} at {} and {now}", other.at));
            }
            if envelope.message.id.as_str() == "review" && person.refunds.iter().any(|order| content.contains(order)) {
                wrong.push(format!("6.6: a review of a refunded order: {content}"));
            }
        }
        let sent = self.sent.entry(envelope.of).or_default();
        if possibly {
            sent.possibly.insert(envelope.id);
            person.reached.insert(envelope.of, Reached { at: now, channel, content, visit, marketing });
        }
        self.wrong.extend(wrong);
        met.into_iter().for_each(|situation| self.met(situation));
    }

    /// Promise 8.2: an attempt goes out once the one before it is settled and had its wait, and nobody engaged.
    fn attempt(&mut self, envelope: &Envelope, now: Instant, again: bool, [taken, possibly]: [bool; 2]) {
        if envelope.step.as_deref() != Some("c") {
            return;
        }
        let (n, visit) = (envelope.attempt, envelope.run.as_ref().unwrap().visit);
        let waits = WAITS[usize::from(envelope.message.id.as_str() == "alarm")];
        let cascade = self.cascades.entry(visit).or_default();
        let mut wrong = Vec::new();
        if cascade.engaged {
            wrong.push(format!("8.2: attempt {n} at {now} after engagement"));
        }
        if cascade.attempts.keys().any(|other| *other > n) {
            wrong.push(format!("8.2: attempt {n} at {now} after a later one"));
        }
        if let Some((before, known)) = cascade.attempts.range(..n).next_back().filter(|_| !again) {
            let (id, reached) = (&known.of, known.reached());
            let ended = self.sent.get(id).is_some_and(|sent| !sent.ends.is_empty());
            let wait = waits[usize::from(*before) - 1];
            if !ended {
                wrong.push(format!("8.2: attempt {n} at {now} while {before} is not settled"));
            }
            let came_back = self.sent.get(id).is_some_and(|sent| {
                !sent.possibly.is_empty() && sent.possibly.iter().all(|envelope| self.bounced.contains(envelope))
            });
            if let Some(at) = reached.filter(|at| !came_back && *at + wait > now) {
                wrong.push(format!("8.2: attempt {n} at {now}, {before} was handed over at {at}"));
            }
        }
        let attempt = cascade.attempts.entry(n);
        let attempt = attempt.or_insert(Attempt { of: envelope.of, possibly: HashMap::new(), taken: None });
        if possibly {
            attempt.possibly.insert(envelope.id, now);
        }
        if taken {
            attempt.take(envelope.id);
        }
        if again && possibly {
            self.met("an attempt of a cascade taken at a further try");
        }
        self.wrong.extend(wrong);
    }

    fn answer(&mut self, envelope: &Envelope, again: bool) -> Result<Accepted, DeliveryError> {
        let after = Some(Span::minutes(1 + self.random.below(600) as i64)).filter(|_| self.random.chance(80));
        match self.random.below(100) {
            0..=17 => {
                self.met("transient");
                Err(DeliveryError::Transient { reason: "451".into(), after })
            }
            18..=22 => Err(DeliveryError::Throttled { after }),
            23..=32 => {
                self.met("unknown");
                if again && envelope.channel.id.as_str() == "sms" {
                    self.met("unknown again within the key's memory");
                }
                Err(DeliveryError::unknown("lost"))
            }
            33..=37 => Err(DeliveryError::permanent("550")),
            38 if envelope.channel.id.as_str() == "email" => {
                self.met("no such address");
                Err(DeliveryError::invalid_contact_point("550 5.1.1"))
            }
            38..=40 if envelope.channel.id.as_str() == "push" => {
                self.met("a device rejected");
                Err(DeliveryError::invalid_contact_point("410 Unregistered"))
            }
            _ => Ok(Accepted::default()),
        }
    }

    fn receipts(&mut self, envelope: &Envelope) -> Vec<(Span, Event)> {
        let channel = match envelope.channel.id.as_str() {
            "email" => "Email",
            "sms" => "Sms",
            "push" => "Push",
            _ => "In-App",
        };
        let mut receipts = Vec::new();
        for (percent, word) in [
            (25, "Opened"),
            (8, "Machine"),
            (8, "Clicked"),
            (4, "Bounced"),
            (4, "Unsubscribed"),
            (2, "Complained"),
            (2, "Stop"),
        ] {
            if !self.random.chance(percent) || (word == "Bounced" && channel != "Email" && channel != "Push") {
                continue;
            }
            self.made += 1;
            let id = format!("r-{}", self.made);
            let says = match word {
                "Unsubscribed" | "Complained" | "Stop" => {
                    Says::Consent { channel: envelope.channel.kind.clone(), topic: false, grant: false }
                }
                "Bounced" => Says::Bounce(envelope.id),
                "Opened" | "Clicked" => Says::Engaged(envelope.id),
                _ => Says::Nothing,
            };
            self.said.insert(id.clone(), (says, None));
            self.receipts.insert(id.clone(), envelope.id);
            let name = match word {
                "Machine" => format!("{channel} Opened"),
                "Stop" => format!("{channel} Replied"),
                _ => format!("{channel} {word}"),
            };
            let who = self.envelopes[&envelope.id].customer;
            let user = self.users(who);
            let mut event =
                Event::track(&name).user(&user).id(&id).property("envelope_id", envelope.id.to_string().as_str());
            if word == "Machine" {
                event = event.property("machine", true);
                self.met("machine open");
            }
            if word == "Stop" {
                event = event.property("text", "Stop!");
                self.met("stop word");
            }
            for _ in 0..=u64::from(self.random.chance(30)) {
                receipts.push((Span::minutes(self.random.below(1_500) as i64), event.clone()));
            }
        }
        receipts
    }

    /// The shop's id of a record.
    fn users(&self, customer: CustomerId) -> String {
        let key = |n: usize| throughline::IdentityKey::new(throughline::IdentityKind::User, &format!("u{n}"));
        (0..3).find(|n| key(*n).candidate() == customer).map(|n| format!("u{n}")).unwrap()
    }
}

struct Channels<'w>(&'w RefCell<World>);

impl ChannelModel for Channels<'_> {
    fn send(&mut self, envelope: &Envelope, now: Instant) -> Modelled {
        let world = &mut *self.0.borrow_mut();
        writeln!(world.log, "{now} {envelope:?} {:?}", envelope.content_key).unwrap();
        let again = world.handed(envelope, now);
        let result = world.answer(envelope, again);
        let arrived = match &result {
            Ok(_) => true,
            Err(wrong) => !wrong.is_certain() && world.random.chance(50),
        };
        let possibly = result.is_ok() || result.as_ref().is_err_and(|wrong| !wrong.is_certain());
        world.check(envelope, now, possibly);
        world.attempt(envelope, now, again, [result.is_ok(), possibly]);
        if result.as_ref().is_err_and(DeliveryError::blocks_contact_point) && envelope.channel.id.as_str() == "push" {
            world.rejected.insert(envelope.id);
        }
        let receipts = if arrived { world.receipts(envelope) } else { Vec::new() };
        Modelled { result, receipts }
    }
}

/// The events of a world, in the order in which they arrive.
fn story(world: &mut World) -> Vec<Event> {
    let start: Instant = "2026-03-02T00:00:00Z".parse().unwrap();
    let people = 1 + world.random.below(3);
    let mut events: Vec<(Instant, Event)> = Vec::new();
    let mut orders = Vec::new();
    let subscribe = |world: &mut World, grant: bool| {
        let kinds = [ChannelKind::Email, ChannelKind::Sms, ChannelKind::Push, ChannelKind::InApp];
        let channel = kinds[world.random.below(4) as usize].clone();
        let topic = world.random.chance(40);
        let status = if grant { SubscriptionStatus::Subscribed } else { SubscriptionStatus::Unsubscribed };
        let event =
            Event::track("Preferences Saved").subscription(channel.clone(), topic.then(|| "offers".into()), status);
        (event, Says::Consent { channel, topic, grant })
    };
    for person in 0..people {
        let user = format!("u{person}");
        let count = 30 + world.random.below(30);
        let phones = world.random.below(4);
        for n in 0..count {
            let at = if n < 6 {
                start + Span::minutes(n as i64)
            } else {
                start + Span::minutes(world.random.below(6 * 1_440) as i64) + Span::millis(world.random.below(3) as i64)
            };
            let (event, says) = match (n, world.random.below(100)) {
                (0, _) => {
                    let email = format!("{user}@shop.example");
                    (Event::identify().with_trait("email", email.as_str()), Says::Nothing)
                }
                (1..=5, _) => subscribe(world, true),
                (_, 0..=24) => {
                    let sku = format!("s{}", world.random.below(6));
                    (Event::track("Product Added").property("sku", sku.as_str()), Says::Nothing)
                }
                (_, 25..=39) => {
                    let sku = format!("s{}", world.random.below(6));
                    (Event::track("Product Viewed").property("sku", sku.as_str()), Says::Nothing)
                }
                (_, 40..=54) => {
                    let order = format!("order-{user}-{n}-x");
                    orders.push((user.clone(), at, order.clone()));
                    (Event::track("Order Completed").property("order_id", order.as_str()), Says::Bought)
                }
                (_, 55..=64) => (Event::track("Offer Made"), Says::Nothing),
                (_, 65..=72) => {
                    let zone = world.random.below(4) as usize;
                    (Event::track("App Opened").zone(ZONES[zone].0), Says::Zone(zone))
                }
                (_, 73..=86) => subscribe(world, true),
                _ => subscribe(world, false),
            };
            world.made += 1;
            let id = format!("e-{}", world.made);
            let plain = matches!(says, Says::Nothing);
            world.said.insert(id.clone(), (says, Some(at)));
            let mut event = event.user(&user).id(&id).at(at);
            if phones > 0 && (n <= 6 || world.random.chance(30)) {
                // A new token every three days.
                let (device, age) = (world.random.below(phones), (at - start).as_millis() / 259_200_000);
                let token = format!("{user}-{device}-{age}");
                let leaves = plain && n > 6 && world.random.chance(15);
                if leaves {
                    event.name = "Signed Out".into();
                }
                event =
                    event.from_device(Device::of_kind("ios").with_id(&format!("phone-{device}")).with_token(&token));
                world.phones.insert(id, (device, token, leaves));
            }
            events.push((at, event));
        }
    }
    for (user, at, order) in orders {
        if world.random.chance(40) {
            let at = at + Span::minutes(world.random.below(3_000) as i64);
            world.made += 1;
            let id = format!("e-{}", world.made);
            world.said.insert(id.clone(), (Says::Refund(order.clone()), Some(at)));
            let refund = Event::track("Order Refunded").property("order_id", order.as_str());
            events.push((at, refund.user(&user).id(&id).at(at)));
        }
    }
    // Some come late, some twice: sorted by arrival, with their own times.
    let mut arrivals: Vec<(Instant, u64, Event)> = Vec::new();
    for (at, event) in events {
        for _ in 0..=u64::from(world.random.chance(10)) {
            let late = match world.random.below(20) {
                0 => Span::minutes(world.random.below(2_400) as i64),
                1..=3 => Span::minutes(world.random.below(120) as i64),
                _ => Span::ZERO,
            };
            arrivals.push((at + late, world.random.next(), event.clone()));
        }
    }
    arrivals.sort_by_key(|(at, tie, _)| (*at, *tie));
    arrivals.into_iter().map(|(_, _, event)| event).collect()
}

fn play(book: &Arc<Playbook>, seed: u64) -> World {
    let world = RefCell::new(World {
        random: Random(seed),
        made: 0,
        said: HashMap::new(),
        taken: HashSet::new(),
        people: HashMap::new(),
        phones: HashMap::new(),
        rejected: HashSet::new(),
        receipts: HashMap::new(),
        envelopes: HashMap::new(),
        sent: HashMap::new(),
        copies: HashMap::new(),
        over: HashSet::new(),
        cascades: HashMap::new(),
        cart_due: HashMap::new(),
        event_time: Instant::MIN,
        bounced: HashSet::new(),
        tries: HashMap::new(),
        met: BTreeMap::new(),
        log: String::new(),
        wrong: Vec::new(),
    });
    let events = story(&mut world.borrow_mut());
    {
        let mut rehearsal = Rehearsal::new(book.clone())
            .with_model(Channels(&world))
            .with_observer(|line| world.borrow_mut().line(line));
        for event in events {
            rehearsal.event(event).unwrap();
        }
        rehearsal.run_until(Some("2026-03-25T00:00:00Z".parse().unwrap()));
        let left = rehearsal.store().outbox_len();
        let mut open = 0;
        rehearsal.store().for_each(|state| {
            open += state
                .profile
                .contacts
                .iter()
                .filter(|c| matches!(c.status, Status::Queued { .. } | Status::InFlight { .. } | Status::HeldOut))
                .count();
        });
        let world = &mut *world.borrow_mut();
        world.must(open == 0 && left == 0, || format!("10.2: {open} messages and {left} envelopes are still open"));
        for (of, sent) in std::mem::take(&mut world.sent) {
            let once = matches!(sent.ends.as_slice(), ["accepted" | "refused" | "parked" | "cancelled" | "expired"]);
            world.must(once, || format!("10.2: {of} ended as {:?}", sent.ends));
            if sent.wanted.len() < 2 {
                continue;
            }
            let mut tokens: Vec<&str> = sent.envelopes.iter().map(|id| world.envelopes[id].address()).collect();
            tokens.sort_unstable();
            let all = tokens == sent.wanted;
            let copies: Vec<_> =
                sent.envelopes.iter().map(|id| world.copies.get(id).map_or(&[][..], Vec::as_slice)).collect();
            // One that was accepted or parked may still bounce.
            let once =
                copies.iter().all(|ends| matches!(ends, [_] | [Status::Accepted | Status::Parked, Status::Bounced]));
            let wrong = (!all || !once).then(|| format!("7.1: {of} for {:?}: {tokens:?} {copies:?}", sent.wanted));
            world.wrong.extend(wrong);
        }
    }
    world.into_inner()
}

#[test]
fn invariants_i1_to_i16_hold_in_every_world() {
    let book = Arc::new(playbook());
    let number = |name: &str, otherwise| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(otherwise);
    let (first, seeds) =
        (number("THROUGHLINE_FIRST", 0), number("THROUGHLINE_SEEDS", if cfg!(debug_assertions) { 400 } else { 2_000 }));
    let mut met: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut hand_overs = 0;
    for seed in first..first + seeds {
        let world = play(&book, seed);
        assert_eq!(world.wrong, [""; 0], "seed {seed}; THROUGHLINE_FIRST={seed} THROUGHLINE_SEEDS=1 shows its log");
        // I16: the same seed again gives the same bytes. A sample in the long form.
        if seed % 8 == 0 {
            assert!(play(&book, seed).log == world.log, "I16: seed {seed} gave two logs");
        }
        hand_overs += world.envelopes.len();
        for (situation, times) in world.met {
            *met.entry(situation).or_default() += times;
        }
        if seeds == 1 {
            println!("{}", world.log);
        }
    }
    println!("{seeds} seeds, {hand_overs} messages, {met:#?}");
    if seeds < 400 {
        return;
    }
    for situation in [
        "revoked between decision and claim",
        "implied consent",
        "stop word",
        "night at the claim",
        "withdrawn with its run",
        "rolling cap reached",
        "daily cap reached",
        "waits for a cap",
        "waits for the gap",
        "waits for the morning",
        "skipped by a cap",
        "duplicate content",
        "duplicate",
        "late event",
        "trigger too late",
        "exit before its trigger",
        "exit",
        "goal",
        "restart",
        "timer",
        "transient",
        "unknown",
        "unknown again within the key's memory",
        "bounce",
        "bounce of a device",
        "a push to several devices",
        "a device rejected",
        "a further device later",
        "withdrawn from a further device",
        "no such address",
        "machine open",
        "engaged",
        "second attempt",
        "third attempt",
        "same key again",
        "an attempt of a cascade taken at a further try",
    ] {
        assert!(met.get(situation).is_some_and(|times| *times >= 5), "never or rarely met: {situation}; {met:?}");
    }
}
