//! Records become one over a store that keeps what they forward in a durable queue: whatever crashes, overtakes or
//! interleaves, the protocol of `record::merge` comes to its end (promises 2.2, 2.3).
//!
//! `THROUGHLINE_SEEDS=1000000 cargo test --release --test merge_protocol` is the long form.

mod random;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use futures::executor::block_on;
use random::Random;
use throughline::{
    Accepted, Binding, Channel, ChannelSpec, Claim, Clock, CustomerId, CustomerState, DeliveryError, Engine, Envelope,
    Event, IdempotencyKey, IdentityKey, IdentityKind, Input, Instant, Key, ManualClock, Outcome, Playbook, PointHash,
    Refused, Span, Stage, Status, Stepper, Store, StoreError, SubscriptionStatus, Suppression, SuppressionChange,
    Surroundings, Wake, Who, Work, async_trait,
};

fn playbook(most_merges: u32) -> Arc<Playbook> {
    let json = format!(
        r#"{{
        "version": 1, "currency": "EUR", "channels": {{"in_app": {{}}}}, "policy": {{"topics_default": "opt_out"}},
        "identity": {{"strong": ["email", "card"], "most_merges": {most_merges}}},
        "segments": {{"lively": {{"event": "Begin", "within": "900d", "count": {{"at_least": 3}}}}}},
        "messages": {{"m": {{"dedupe": "1ms", "variants": {{"in_app": {{"body": "B"}}}}}}}},
        "journeys": {{
            "now": {{"trigger": {{"event": "Begin"}}, "key": "n", "steps": [{{"id": "s", "message": "m"}}]}},
            "later": {{"trigger": {{"event": "Begin"}}, "key": "n", "steps": [{{"id": "w", "wait": "5m"}}, {{"id": "s", "message": "m"}}]}}
        }}}}"#
    );
    Arc::new(Playbook::from_json(&json).unwrap_or_else(|faults| panic!("{faults}")))
}

/// What a durable store would hold.
#[derive(Debug, Default)]
struct Held {
    records: HashMap<CustomerId, CustomerState>,
    identities: HashMap<u128, CustomerId>,
    outbox: HashMap<IdempotencyKey, Envelope>,
    forwarded: Vec<Work>,
    /// What came of them, until a call answers it. Not durable: a crash loses it.
    followed: Vec<(CustomerId, Outcome)>,
}

/// What is durable.
impl Clone for Held {
    fn clone(&self) -> Self {
        Held {
            records: self.records.clone(),
            identities: self.identities.clone(),
            outbox: self.outbox.clone(),
            forwarded: self.forwarded.clone(),
            followed: Vec::new(),
        }
    }
}

impl Held {
    /// One commit of one record, with what it forwards.
    fn commit(&mut self, work: &Work, stepper: &dyn Stepper) -> Result<Outcome, Refused> {
        let known = self.records.get(&work.customer).cloned();
        if known.is_none() && matches!(work.input, Input::Wake) {
            return Ok(Outcome::default());
        }
        let mut state = known.unwrap_or_else(|| CustomerState::new(work.customer, work.now));
        let held = state.stage != Stage::Live;
        let mut outcome = stepper.step(&mut state, work)?;
        if held && state.stage != Stage::Live {
            assert!(outcome.send.is_empty() && outcome.resend.is_empty(), "claimed while it awaits or after its seal");
        }
        if let Stage::Moved(_) = state.stage {
            assert!(state.profile.contacts.is_empty() && state.runs.is_empty(), "nothing is left in a sealed record");
        }
        if let Stage::Erased(_) = state.stage {
            assert!(holds_nothing(&state), "nothing is left of an erased customer");
            outcome.release.iter().for_each(|id| drop(self.outbox.remove(id)));
        }
        assert!(state.stage == Stage::Live || state.due() == Instant::MAX, "nobody wakes it for ever");
        self.forwarded.extend(std::mem::take(&mut outcome.forward).into_iter().map(|(customer, input)| Work {
            customer,
            input,
            now: work.now,
        }));
        for envelope in &outcome.send {
            self.outbox.insert(envelope.id, envelope.clone());
        }
        outcome.send.extend(std::mem::take(&mut outcome.resend).iter().filter_map(|id| self.outbox.get(id).cloned()));
        self.records.insert(work.customer, state);
        Ok(outcome)
    }

    fn live(&self, mut record: CustomerId) -> CustomerId {
        let mut seen = BTreeSet::new();
        while let Some(Stage::Moved(to)) = self.records.get(&record).map(|state| &state.stage) {
            assert!(seen.insert(record), "a circle of seals");
            record = *to;
        }
        record
    }
}

#[derive(Debug, Clone, Default)]
struct Queueing(Arc<Mutex<Held>>);

impl Queueing {
    /// Steps one of the forwarded inputs; with a crash the step is done and its commit is lost.
    fn step_one(&self, at: usize, crash: bool, stepper: &dyn Stepper) {
        let mut held = self.0.lock().unwrap();
        let work = held.forwarded[at].clone();
        if crash {
            held.clone().commit(&work, stepper).unwrap();
            return;
        }
        held.forwarded.remove(at);
        let outcome = held.commit(&work, stepper).unwrap();
        held.followed.push((work.customer, outcome));
    }

    fn waiting(&self) -> usize {
        self.0.lock().unwrap().forwarded.len()
    }
}

#[async_trait]
impl Store for Queueing {
    async fn resolve(&self, keys: &[IdentityKey]) -> Result<Vec<Option<CustomerId>>, StoreError> {
        let held = self.0.lock().unwrap();
        Ok(keys.iter().map(|key| held.identities.get(&key.as_u128()).copied()).collect())
    }

    async fn bind(&self, bindings: &[Binding]) -> Result<Vec<CustomerId>, StoreError> {
        let mut held = self.0.lock().unwrap();
        let bound = bindings.iter().map(|binding| {
            let owner = binding.owner_after(held.identities.get(&binding.key.as_u128()).copied());
            held.identities.insert(binding.key.as_u128(), owner);
            owner
        });
        Ok(bound.collect())
    }

    async fn suppressed(&self, points: &[PointHash]) -> Result<Vec<Option<Suppression>>, StoreError> {
        Ok(points.iter().map(|_| None).collect())
    }

    async fn suppress(&self, _: &[SuppressionChange]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn transact(&self, work: &[Work], stepper: &dyn Stepper) -> Vec<Result<Outcome, StoreError>> {
        let mut held = self.0.lock().unwrap();
        let mut results: Vec<Result<Outcome, StoreError>> =
            work.iter().map(|work| held.commit(work, stepper).map_err(StoreError::from)).collect();
        // What a wake-up is for: the inbox of its record.
        for Work { customer, now, .. } in work.iter().filter(|work| matches!(work.input, Input::Wake)) {
            while let Some(at) = held.forwarded.iter().position(|waiting| waiting.customer == *customer) {
                let waiting = held.forwarded.remove(at);
                let outcome = held.commit(&Work { now: *now, ..waiting }, stepper).unwrap();
                held.followed.push((*customer, outcome));
            }
        }
        if let Some(Ok(first)) = results.first_mut() {
            first.followed.append(&mut held.followed);
        }
        results
    }

    async fn claim(&self, ask: &Claim) -> Result<Vec<Wake>, StoreError> {
        let held = self.0.lock().unwrap();
        let due = held.records.iter().map(|(customer, state)| Wake { customer: *customer, due: state.due() });
        let inbox = held.forwarded.iter().map(|work| work.customer).chain(held.followed.iter().map(|(who, _)| *who));
        let inbox = inbox.map(|customer| Wake { customer, due: Instant::MIN });
        let mut due: Vec<Wake> = due.filter(|wake| wake.due <= ask.now).chain(inbox).collect();
        due.sort_by_key(|wake| (wake.due, wake.customer));
        due.truncate(ask.limit);
        Ok(due)
    }

    async fn next_due(&self) -> Result<Option<Instant>, StoreError> {
        let due = self.0.lock().unwrap().records.values().map(CustomerState::due).min();
        Ok(due.filter(|due| *due < Instant::MAX))
    }

    async fn scan(&self, _: Option<CustomerId>, _: usize) -> Result<Vec<CustomerState>, StoreError> {
        Ok(self.0.lock().unwrap().records.values().cloned().collect())
    }

    async fn load(&self, customer: CustomerId) -> Result<Option<CustomerState>, StoreError> {
        Ok(self.0.lock().unwrap().records.get(&customer).cloned())
    }
}

struct Plain(Arc<Playbook>);

impl Stepper for Plain {
    fn step(&self, state: &mut CustomerState, work: &Work) -> Result<Outcome, Refused> {
        self.0.step(state, &work.input, &Surroundings::default(), work.now)
    }
}

#[derive(Debug)]
struct Takes(ChannelSpec, Arc<Mutex<Vec<IdempotencyKey>>>);

#[async_trait]
impl Channel for Takes {
    fn spec(&self) -> &ChannelSpec {
        &self.0
    }

    async fn send(&self, envelope: &Envelope) -> Result<Accepted, DeliveryError> {
        self.1.lock().unwrap().push(envelope.id);
        Ok(Accepted::default())
    }
}

/// What the test knows of who is who: identifiers that one event named together.
#[derive(Default)]
struct Together(BTreeMap<String, String>);

impl Together {
    fn root(&self, name: &str) -> String {
        let mut name = name.to_owned();
        while let Some(up) = self.0.get(&name).filter(|up| **up != name) {
            name.clone_from(up);
        }
        name
    }

    fn join(&mut self, names: &[String]) {
        for name in names {
            self.0.entry(name.clone()).or_insert_with(|| name.clone());
            let (one, other) = (self.root(name), self.root(&names[0]));
            self.0.insert(one, other);
        }
    }
}

fn key(name: &str) -> IdentityKey {
    match name.split_at(1).0 {
        "u" => IdentityKey::new(IdentityKind::User, name),
        "v" => IdentityKey::new(IdentityKind::Anonymous, name),
        "e" => IdentityKey::strong(&Key::new("email"), &format!("{name}@shop.example")),
        _ => IdentityKey::strong(&Key::new("card"), name),
    }
}

/// Something that a customer does, and the identifiers by which it is told.
fn said(random: &mut Random, n: usize, users: usize) -> (Event, Vec<String>) {
    let mut event = match random.place(4) {
        0 => Event::identify(),
        1 => Event::track("Preferences Saved").subscription(
            throughline::ChannelKind::InApp,
            None,
            SubscriptionStatus::Unsubscribed,
        ),
        _ => Event::track("Begin").property("n", format!("{n}").as_str()),
    };
    let mut names = Vec::new();
    if users > 0 && random.place(3) == 0 {
        names.push(format!("u{}", random.place(users)));
        event = event.user(names.last().unwrap());
    }
    if random.place(3) == 0 {
        names.push(format!("e{}", random.place(3)));
        event = event.with_trait("email", format!("{}@shop.example", names.last().unwrap()).as_str());
    }
    if random.place(4) == 0 {
        names.push(format!("c{}", random.place(3)));
        event = event.with_trait("card", names.last().unwrap().as_str());
    }
    if names.is_empty() || random.place(2) == 0 {
        names.push(format!("v{}", random.place(5)));
        event = event.anonymous(names.last().unwrap());
    }
    (event, names)
}

/// Whether there is nothing in a record that tells of its customer.
fn holds_nothing(state: &CustomerState) -> bool {
    let mut empty = CustomerState::new(state.profile.id, state.profile.first_seen);
    empty.profile.consents = state.profile.consents.clone();
    let said = state.profile.consents.iter().all(|record| record.grant().is_none() && record.point.is_none());
    said && state.runs.is_empty() && state.holds.is_empty() && state.profile == empty.profile
}

/// One history of a shop with so many users. Answers how often the rare things happened.
fn play(book: &Arc<Playbook>, seed: u64, users: usize, met: &mut BTreeMap<&'static str, u64>) {
    let mut random = Random(seed);
    let (store, sent) = (Queueing::default(), Arc::new(Mutex::new(Vec::new())));
    let clock = ManualClock::at("2026-03-01T10:00:00Z".parse().unwrap());
    let start = || {
        let channel = Takes(ChannelSpec::new("in_app"), sent.clone());
        Engine::builder(book.clone()).store(store.clone()).clock(clock.clone()).channel(channel).build().unwrap()
    };
    let stepper = Plain(book.clone());
    let mut engine = start();
    let mut together = Together::default();
    let (mut begun, mut revoked, mut late) = (0_u64, BTreeSet::new(), false);
    for n in 0..12 + random.place(20) {
        let (event, names) = said(&mut random, n, users);
        together.join(&names);
        begun += u64::from(event.name.as_str() == "Begin");
        if !event.subscriptions.is_empty() {
            revoked.insert(names[0].clone());
        }
        let event = event.id(&format!("m-{n}"));
        for _ in 0..=random.place(2) {
            block_on(engine.ingest(event.clone())).unwrap();
        }
        for _ in 0..random.place(5) {
            match (random.place(8), store.waiting()) {
                (0, _) => {
                    engine = start();
                    store.0.lock().unwrap().followed.clear();
                    late = true;
                    *met.entry("crash").or_default() += 1;
                }
                (1, _) => {
                    // What was claimed by an event waits a minute for whoever hands it over.
                    match random.place(2) {
                        0 => drop(block_on(engine.run_due()).unwrap()),
                        _ => late = true,
                    }
                    clock.advance(Span::minutes(random.place(8) as i64));
                }
                (2, _) => drop(block_on(engine.run_due()).unwrap()),
                (_, 0) => {}
                (crash, waiting) => {
                    *met.entry("others in between").or_default() += u64::from(waiting > 1);
                    store.step_one(random.place(waiting), crash == 3, &stepper);
                }
            }
        }
    }
    while store.waiting() > 0 {
        store.step_one(random.place(store.waiting()), random.place(8) == 0, &stepper);
    }
    for _ in 0..3 {
        block_on(engine.run_due()).unwrap();
        clock.advance(Span::minutes(5));
    }
    block_on(engine.run_due()).unwrap();
    let held = store.0.lock().unwrap();
    let mut taken = 0;
    for state in held.records.values() {
        assert!(matches!(state.stage, Stage::Live | Stage::Moved(_)), "seed {seed}: awaits for ever");
        taken += state.profile.history.series(&"Begin".into()).map_or(0, |series| series.total());
        assert!(state.profile.aliases.is_empty(), "seed {seed}: two users became one by an event");
        let open = state.profile.contacts.iter().filter(|contact| contact.status.is_queued()).count();
        assert_eq!(open, 0, "seed {seed}: held for ever");
        // Withdrawn is what a revocation met in time.
        let lost = state.profile.contacts.iter().filter(|contact| contact.status == Status::Parked).count();
        assert!(late || lost == 0, "seed {seed}: {lost} messages were decided and not handed over");
        *met.entry("merge").or_default() += state.absorbed.len() as u64;
        *met.entry("merge of three").or_default() += u64::from(state.absorbed.len() > 1);
    }
    assert_eq!(taken, begun, "seed {seed}: every event acts once");
    let mut ids = sent.lock().unwrap().clone();
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all, "seed {seed}: nothing is handed over twice");
    if users <= 1 {
        let owner = |name: &str| held.live(held.identities[&key(name).as_u128()]);
        for name in together.0.keys() {
            let other = together.root(name);
            assert_eq!(owner(name), owner(&other), "seed {seed}: {name} and {other} are one person");
        }
        for name in &revoked {
            let consents = &held.records[&owner(name)].profile.consents;
            assert!(consents.iter().any(|record| record.revokes()), "seed {seed}: an opt-out is lost");
        }
    }
}

fn seeds() -> u64 {
    let quick = if cfg!(debug_assertions) { 600 } else { 5_000 };
    std::env::var("THROUGHLINE_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(quick)
}

#[test]
fn promise_2_3_a_merge_survives_crashes_and_any_order_of_its_commits() {
    let (book, limited) = (playbook(1_000), playbook(2));
    let mut met = BTreeMap::new();
    for seed in 0..seeds() {
        play(&book, seed, (seed % 3) as usize, &mut met);
        play(&limited, seed, 3, &mut met);
    }
    println!("{} seeds twice, {met:?}", seeds());
    for situation in ["crash", "others in between", "merge", "merge of three"] {
        assert!(met.get(situation).is_some_and(|times| *times >= 100), "rarely met: {situation}; {met:?}");
    }
}

/// A person of many devices is erased while events are still to be settled; then the same log comes again.
fn play_erased(book: &Arc<Playbook>, seed: u64, met: &mut BTreeMap<&'static str, u64>) {
    let mut random = Random(seed);
    let (store, sent) = (Queueing::default(), Arc::new(Mutex::new(Vec::new())));
    let clock = ManualClock::at("2026-03-01T10:00:00Z".parse().unwrap());
    let channel = Takes(ChannelSpec::new("in_app"), sent.clone());
    let engine =
        Engine::builder(book.clone()).store(store.clone()).clock(clock.clone()).channel(channel).build().unwrap();
    let stepper = Plain(book.clone());
    let mut together = Together::default();
    let mut log = Vec::new();
    for n in 0..6 + random.place(12) {
        let (event, names) = said(&mut random, n, 1);
        together.join(&names);
        let event = event.id(&format!("m-{n}")).at(clock.now());
        log.push(event.clone());
        block_on(engine.ingest(event)).unwrap();
        for _ in 0..random.place(3).min(store.waiting()) {
            store.step_one(random.place(store.waiting()), random.place(6) == 0, &stepper);
        }
        clock.advance(Span::seconds(1));
    }
    let names: Vec<String> = together.0.keys().cloned().collect();
    let hers = &names[random.place(names.len())];
    let record = store.0.lock().unwrap().identities[&key(hers).as_u128()];
    *met.entry("erased while others are awaited").or_default() += u64::from(store.waiting() > 0);
    block_on(engine.erase(record)).unwrap();
    while store.waiting() > 0 {
        store.step_one(random.place(store.waiting()), random.place(6) == 0, &stepper);
    }
    block_on(engine.run_due()).unwrap();
    let check = |when: &str| {
        let held = store.0.lock().unwrap();
        for name in names.iter().filter(|name| together.root(name) == together.root(hers)) {
            let owner = held.identities[&key(name).as_u128()];
            for state in [&held.records[&owner], &held.records[&held.live(owner)]] {
                assert!(state.has_moved() || state.is_erased(), "seed {seed}, {when}: {name} of {hers}");
                assert!(holds_nothing(state), "seed {seed}, {when}: {name} of {hers}");
            }
            let theirs = held.outbox.values().any(|envelope| envelope.customer == owner);
            assert!(!theirs, "seed {seed}, {when}: a payload of {name} is kept");
        }
        sent.lock().unwrap().len()
    };
    check("at once");
    clock.advance(Span::days(1));
    for event in log {
        block_on(engine.ingest(event)).unwrap();
        while store.waiting() > 0 {
            store.step_one(random.place(store.waiting()), false, &stepper);
        }
    }
    block_on(engine.run_due()).unwrap();
    check("after the log came again");
}

#[test]
fn promise_2_4_a_person_of_many_devices_is_erased_whole_and_stays_so() {
    let book = playbook(1_000);
    let mut met = BTreeMap::new();
    for seed in 0..seeds() {
        play_erased(&book, seed, &mut met);
    }
    println!("{} seeds, {met:?}", seeds());
    assert!(met["erased while others are awaited"] >= 100, "{met:?}");
}

/// A record of each name, of one of which a user is known.
fn begun(names: &[CustomerId], known: usize, now: Instant, stepper: &Plain) -> Held {
    let mut held = Held::default();
    for (n, name) in names.iter().enumerate() {
        let mut event = Event::track("Begin").property("n", n as i64).at(now + Span::minutes(n as i64 * 7 % 5));
        if n == known {
            event = event.user("u");
        }
        let work = Work { customer: *name, input: Input::Event(event.into()), now: now + Span::hours(1) };
        held.commit(&work, stepper).unwrap();
    }
    held
}

/// Tries every order in which what is forwarded can arrive; answers how many there were.
fn every_order(held: &Held, stepper: &Plain, check: &mut impl FnMut(&Held)) -> u64 {
    if held.forwarded.is_empty() {
        check(held);
        return 1;
    }
    (0..held.forwarded.len())
        .map(|at| {
            let mut held = held.clone();
            let work = held.forwarded.remove(at);
            held.commit(&work, stepper).unwrap();
            every_order(&held, stepper, check)
        })
        .sum()
}

#[test]
fn promise_2_3_opposite_links_and_circles_end_in_every_order() {
    let book = playbook(1_000);
    let stepper = Plain(book.clone());
    let now: Instant = "2026-03-01T10:00:00Z".parse().unwrap();
    let names = ["a", "b", "c", "d"].map(CustomerId::new);
    let mut all = 0;
    // Links from one record to another; of which record a user is known.
    let circles: [&[(usize, usize)]; 6] = [
        &[(0, 1), (1, 0)],
        &[(0, 1), (0, 1), (1, 0)],
        &[(0, 1), (1, 2), (2, 0)],
        &[(0, 1), (2, 1), (1, 2)],
        &[(0, 1), (1, 2), (0, 2)],
        &[(0, 1), (1, 2), (2, 3)],
    ];
    for links in circles {
        for known in 0..5 {
            let mut held = begun(&names, known, now, &stepper);
            for (n, (from, to)) in links.iter().enumerate() {
                let event = Event::track("Begin").property("n", 100 + n as i64);
                let merge = Work {
                    customer: names[*from],
                    input: Input::Merge { with: names[*to] },
                    now: now + Span::hours(2),
                };
                held.commit(&merge, &stepper).unwrap();
                let event =
                    Work { customer: names[*from], input: Input::Event(event.into()), now: now + Span::hours(2) };
                held.commit(&event, &stepper).unwrap();
            }
            let involved: BTreeSet<CustomerId> =
                links.iter().flat_map(|(from, to)| [names[*from], names[*to]]).collect();
            all += every_order(&held, &stepper, &mut |held| {
                let live: BTreeSet<CustomerId> = involved.iter().map(|record| held.live(*record)).collect();
                assert_eq!(live.len(), 1, "{links:?} {known}");
                let one = &held.records[live.first().unwrap()];
                assert_eq!(one.stage, Stage::Live, "{links:?} {known}");
                assert_eq!(one.absorbed.len() + 1, involved.len());
                let total = one.profile.history.series(&"Begin".into()).unwrap().total();
                assert_eq!(total as usize, involved.len() + links.len(), "{links:?} {known}");
            });
        }
    }
    println!("{all} orders");
    assert!(all > 1_000, "{all}");
}

#[test]
fn promise_2_4_an_erasure_at_any_moment_of_a_merge_erases_all_that_becomes_one() {
    let book = playbook(1_000);
    let stepper = Plain(book.clone());
    let now: Instant = "2026-03-01T10:00:00Z".parse().unwrap();
    let names = ["a", "b", "c"].map(CustomerId::new);
    let circles: [&[(usize, usize)]; 4] = [&[(0, 1)], &[(0, 1), (1, 0)], &[(0, 1), (1, 2)], &[(0, 1), (2, 1)]];
    let mut all = 0;
    for links in circles {
        let involved: BTreeSet<usize> = links.iter().flat_map(|(from, to)| [*from, *to]).collect();
        for (known, erased) in (0..4).flat_map(|known| involved.iter().map(move |erased| (known, *erased))) {
            let mut held = begun(&names, known, now, &stepper);
            let later = now + Span::hours(2);
            for (from, to) in links {
                let work = Work { customer: names[*from], input: Input::Merge { with: names[*to] }, now: later };
                held.commit(&work, &stepper).unwrap();
            }
            held.forwarded.push(Work {
                customer: names[erased],
                input: Input::Erase { named: None, until: later },
                now: later,
            });
            all += every_order(&held, &stepper, &mut |held| {
                for record in involved.iter().map(|n| held.live(names[*n])) {
                    let state = &held.records[&record];
                    assert!(state.is_erased(), "{links:?} {known} {erased}: {:?}", state.stage);
                }
                for state in involved.iter().map(|n| &held.records[&names[*n]]) {
                    assert!(holds_nothing(state), "{links:?} {known} {erased}");
                }
                let theirs = |envelope: &Envelope| involved.iter().any(|n| envelope.customer == names[*n]);
                assert!(!held.outbox.values().any(theirs), "{links:?} {known} {erased}: a payload is kept");
            });
        }
    }
    println!("{all} orders");
    assert!(all > 1_000, "{all}");
}

#[test]
fn promise_2_2_the_host_merges_two_users_by_name_and_only_once() {
    let (store, clock) = (Queueing::default(), ManualClock::at("2026-03-01T10:00:00Z".parse().unwrap()));
    let book = playbook(0);
    let channel = Takes(ChannelSpec::new("in_app"), Arc::default());
    let engine = Engine::builder(book.clone()).store(store.clone()).clock(clock).channel(channel).build().unwrap();
    for user in ["u0", "u1"] {
        block_on(engine.ingest(Event::identify().user(user))).unwrap();
    }
    let record = |name: &str| store.0.lock().unwrap().identities[&key(name).as_u128()];
    use throughline::MergeError;
    assert_eq!(block_on(engine.merge("u0", "u0")), Err(MergeError::Oneself));
    assert_eq!(block_on(engine.merge("u0", record("u0"))), Err(MergeError::Oneself));
    assert!(matches!(block_on(engine.merge("u0", "u9")), Err(MergeError::Unknown(_))));
    assert!(matches!(block_on(engine.merge(CustomerId::new("nobody"), "u0")), Err(MergeError::Unknown(_))));
    for (one, other) in [(Who::from("u1"), Who::from(record("u0"))), (Who::from("u0"), Who::from("u1"))] {
        block_on(engine.merge(one, other)).unwrap();
        while store.waiting() > 0 {
            store.step_one(0, false, &Plain(book.clone()));
        }
        let held = store.0.lock().unwrap();
        let live: Vec<_> = held.records.values().filter(|state| !state.has_moved()).collect();
        let [one] = live[..] else { panic!("{} records", live.len()) };
        let mut users: Vec<_> = one.profile.user_id.iter().chain(&one.profile.aliases).map(|user| &**user).collect();
        users.sort_unstable();
        assert_eq!((users, one.absorbed.len(), &one.stage), (vec!["u0", "u1"], 1, &Stage::Live));
    }
    // A late event of either reaches the one record.
    for user in ["u0", "u1"] {
        block_on(engine.ingest(Event::track("Begin").user(user).property("n", user))).unwrap();
    }
    while store.waiting() > 0 {
        store.step_one(0, false, &Plain(book.clone()));
    }
    let held = store.0.lock().unwrap();
    let one = &held.records[&held.live(held.identities[&key("u1").as_u128()])];
    assert_eq!(one.profile.history.series(&"Begin".into()).unwrap().total(), 2);
}
