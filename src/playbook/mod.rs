//! The compiled definitions, and the pure step that ties the rooms together.

mod calls;
mod claims;
mod decode;
mod digests;
mod effects;
mod erasure;
mod export;
mod goals;
mod holdouts;
mod identity;
mod index;
mod input;
mod linking;
mod live_runs;
mod messages;
mod observe;
mod retention;
mod runs;
#[cfg(feature = "schema")]
mod schema;
mod segments;
mod shelf;
mod step;
mod suppression;
mod timers;
mod topics;
mod updates;
mod versions;

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::Arc;

pub use calls::{Begun, Call};
pub use effects::{EffectCalled, EffectEnd};
pub use identity::Identity;
pub(crate) use index::Hashed;
use index::Index;
pub use input::{Elsewhere, HandedOver, HandedOverAgain, HeldOut, Input, Notice, Outcome, Refused, RunNamed, What};
pub use live_runs::{Lack, Lacking, LackingRuns, LiveRuns};
pub use retention::Retention;

use crate::channel::ChannelSpec;
use crate::customer::{ConsentRules, Customer, FigureRules};
use crate::delivery::EffectSpec;
use crate::journey::{Journey, JourneyTemplate};
use crate::message::{Brand, Message};
use crate::policy::{Ask, Choice, Decision, Policy, PolicyBuilder, Rule, Score};
use crate::primitives::{
    ChannelId, Currency, EffectId, Fault, Faults, Instant, JourneyId, MessageId, Secret, SegmentId, Span,
};
use crate::segment::{CriteriaBuilder, RfmModel, Segment};

/// A shop's definitions, compiled and validated: channels, segments, journeys, messages, policy and brand. Immutable and
/// shared.
///
/// ```
/// use throughline::Playbook;
/// let playbook = Playbook::from_json(r#"{
///     "version": 1,
///     "currency": "EUR",
///     "channels": {"in_app": {}},
///     "messages": {"hello": {"class": "transactional", "variants": {"in_app": {"body": "Hello!"}}}},
///     "journeys": {"welcome": {"trigger": {"event": "Signed Up"}, "entry": "once",
///                              "steps": [{"id": "greet", "message": "hello"}]}}
/// }"#)?;
/// assert_eq!(playbook.journeys().count(), 1);
///
/// let wrong = Playbook::from_json(r#"{"version": 1, "currency": "euro", "journeys": {"x": {}}}"#).unwrap_err();
/// assert!(wrong.len() >= 2, "{wrong}");
/// # Ok::<(), throughline::Faults>(())
/// ```
#[derive(Debug)]
pub struct Playbook {
    name: Option<String>,
    currency: Currency,
    brand: Brand,
    channels: Vec<ChannelSpec>,
    messages: Vec<Message>,
    effects: Vec<EffectSpec>,
    segments: Vec<(SegmentId, Arc<dyn Segment>)>,
    journeys: Vec<Arc<dyn Journey>>,
    policy: Policy,
    figures: FigureRules,
    consent: ConsentRules,
    rfm: Option<RfmModel>,
    horizon: Span,
    judgement: u64,
    identity: Identity,
    retention: Retention,
    lease: Span,
    warnings: Vec<Fault>,
    by_message: HashMap<u64, usize, BuildHasherDefault<Hashed>>,
    /// Journeys by the hash of their name and their version; and for each position whether it takes new entries.
    by_journey: HashMap<(u64, u32), u16, BuildHasherDefault<Hashed>>,
    newest: Vec<bool>,
    /// The hashes of the names of journeys that are paused.
    paused: Vec<u64>,
    /// By the hash of a journey's name and an older version: the position of the newest version in which its runs go on.
    migrations: HashMap<(u64, u32), u16, BuildHasherDefault<Hashed>>,
    index: Index,
}

/// What a host adds to the JSON of a playbook: its own segments, journeys, rules and scores.
#[derive(Debug, Clone, Default)]
pub struct PlaybookBuilder {
    policy: PolicyBuilder,
    segments: Vec<(SegmentId, Arc<dyn Segment>)>,
    criteria: Vec<(SegmentId, CriteriaBuilder)>,
    journeys: Vec<Arc<dyn Journey>>,
    templates: Vec<(String, JourneyTemplate)>,
    rfm: Option<RfmModel>,
    secret: Option<Secret>,
}

impl PlaybookBuilder {
    /// Adds a segment as if it stood among the `segments` of the JSON: it may read the others, they may read it, and it takes
    /// the playbook's thresholds of stages and RFM model. One of the same name in the JSON is a fault.
    ///
    /// ```
    /// use throughline::Playbook;
    /// use throughline::words::{days, event};
    /// let book = Playbook::builder()
    ///     .with_criteria("loyal", event("Order Completed").within(days(90)).at_least(3))
    ///     .build(r#"{"version": 1, "currency": "EUR"}"#)?;
    /// assert_eq!(book.segments().count(), 1);
    /// # Ok::<(), throughline::Faults>(())
    /// ```
    #[must_use]
    pub fn with_criteria(mut self, id: impl Into<SegmentId>, rule: impl Into<CriteriaBuilder>) -> Self {
        self.criteria.push((id.into(), rule.into()));
        self
    }

    /// Adds a segment, evaluated before those of the JSON, which may read it.
    #[must_use]
    pub fn with_segment(mut self, id: impl Into<SegmentId>, segment: impl Segment + 'static) -> Self {
        self.segments.push((id.into(), Arc::new(segment)));
        self
    }

    /// Adds a journey, or an older version of one that live runs still need.
    #[must_use]
    pub fn with_journey(mut self, journey: impl Journey + 'static) -> Self {
        self.journeys.push(Arc::new(journey));
        self
    }

    /// Uses a ready-made journey of the shelf, as if it stood in the section `shelf` of the JSON under this name, which its
    /// parts get. What is wrong with it is reported by [`build`](Self::build).
    #[must_use]
    pub fn with_template(mut self, name: impl Into<String>, template: JourneyTemplate) -> Self {
        self.templates.push((name.into(), template));
        self
    }

    /// Adds a rule of the policy, asked after the built-in ones.
    #[must_use]
    pub fn with_rule(mut self, rule: impl Rule + 'static) -> Self {
        self.policy = self.policy.with_rule(rule);
        self
    }

    /// Adds a score to the net worth of a channel.
    #[must_use]
    pub fn with_score(mut self, score: impl Score + 'static) -> Self {
        self.policy = self.policy.with_score(score);
        self
    }

    /// Gives the fitted RFM model, instead of one in the JSON's section `rfm`.
    #[must_use]
    pub fn with_rfm(mut self, model: RfmModel) -> Self {
        self.rfm = Some(model);
        self
    }

    /// Gives the secret under which identifiers and contact points are hashed in the store (promise 2.4). Without one the
    /// hashes are plain. It must never change.
    #[must_use]
    pub fn with_secret(mut self, secret: Secret) -> Self {
        self.secret = Some(secret);
        self
    }

    /// Compiles the JSON and what was added.
    ///
    /// # Errors
    /// Everything that is wrong, each with its JSON path.
    pub fn build(self, json: &str) -> Result<Playbook, Faults> {
        decode::playbook(json, self)
    }
}

impl Playbook {
    /// Compiles a playbook from its JSON.
    ///
    /// # Errors
    /// Everything that is wrong, each with its JSON path.
    pub fn from_json(json: &str) -> Result<Playbook, Faults> {
        PlaybookBuilder::default().build(json)
    }

    /// To add a host's own segments, journeys, rules and scores.
    pub fn builder() -> PlaybookBuilder {
        PlaybookBuilder::default()
    }

    /// Its name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The currency of every price and value in it.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// The brand.
    pub fn brand(&self) -> &Brand {
        &self.brand
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The channels, in the order of their names.
    pub fn channels(&self) -> &[ChannelSpec] {
        &self.channels
    }

    /// A channel.
    pub fn channel(&self, id: &ChannelId) -> Option<&ChannelSpec> {
        self.channels.iter().find(|spec| spec.tag.id == *id)
    }

    /// The segments, each after those it reads.
    pub fn segments(&self) -> impl Iterator<Item = &SegmentId> {
        self.segments.iter().map(|(id, _)| id)
    }

    /// The journeys, all versions.
    pub fn journeys(&self) -> impl Iterator<Item = &dyn Journey> {
        self.journeys.iter().map(|journey| &**journey)
    }

    /// One version of a journey.
    pub fn journey(&self, id: &JourneyId, version: u32) -> Option<&dyn Journey> {
        let position = self.by_journey.get(&(id.key().hash(), version))?;
        self.journeys.get(usize::from(*position)).map(|journey| &**journey)
    }

    /// A message.
    pub fn message(&self, id: &MessageId) -> Option<&Message> {
        self.messages.get(*self.by_message.get(&id.key().hash())?)
    }

    /// The messages, in the order of their names.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The effects that journeys may call, in the order of their names.
    pub fn effects(&self) -> &[EffectSpec] {
        &self.effects
    }

    /// An effect.
    pub fn effect(&self, id: &EffectId) -> Option<&EffectSpec> {
        self.effects.iter().find(|spec| spec.id == *id)
    }

    /// What is allowed but probably not meant, such as a marketing e-mail without a way to unsubscribe.
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }

    /// What the figures of a customer are made by.
    pub fn figure_rules(&self) -> &FigureRules {
        &self.figures
    }

    /// What it says of consent.
    pub fn consent_rules(&self) -> &ConsentRules {
        &self.consent
    }

    /// The fitted RFM model, if there is one.
    pub fn rfm(&self) -> Option<&RfmModel> {
        self.rfm.as_ref()
    }

    /// Names the definitions by which segments are evaluated: the same text gives the same number. A record that was last
    /// evaluated by others is evaluated anew as a whole when it is next stepped (promise 5.8), or by
    /// [`Engine::enroll`](crate::Engine::enroll). A host's own segments count by their names.
    pub fn judgement(&self) -> u64 {
        self.judgement
    }

    /// For how long a second copy of an event is known (promise 3.2).
    pub fn dedupe_horizon(&self) -> Span {
        self.horizon
    }

    /// Which identifiers tell who a customer is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What is removed for its age alone.
    pub fn retention(&self) -> &Retention {
        &self.retention
    }

    /// For how long a claim holds before its outcome counts as unknown.
    pub fn lease(&self) -> Span {
        self.lease
    }

    /// Which channel for this message to this customer now? For hosts that only want the decision: no store, no engine,
    /// no run. `None` if there is no such message. Who is held out of all marketing is known by the record's arm or, for a
    /// customer of the host's own, drawn by the id.
    pub fn decide(&self, who: &dyn Customer, message: &MessageId, now: Instant) -> Option<Choice> {
        let mut ask = self.ask(who, self.message(message)?, now);
        ask.held_out = self.held_out(who);
        Some(self.policy.decide(&ask, &self.channels))
    }

    /// The same, with every channel's reasons.
    pub fn explain(&self, who: &dyn Customer, message: &MessageId, now: Instant) -> Option<(Choice, Decision)> {
        let mut ask = self.ask(who, self.message(message)?, now);
        ask.held_out = self.held_out(who);
        Some(self.policy.explain(&ask, &self.channels))
    }

    fn ask<'a>(&'a self, who: &'a dyn Customer, message: &'a Message, now: Instant) -> Ask<'a> {
        let mut ask = Ask::new(who, message, &self.brand, now);
        ask.shop_zone = self.policy.zone();
        ask
    }
}
