//! What goes into a step and what comes out of it.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::calls::{Begun, Call};
use crate::customer::{Block, ContentKey, Engagement, Status, SuppressionChange};
use crate::delivery::{DeliveryError, Envelope};
use crate::event::{Event, ReceiptKind};
use crate::journey::EndReason;
use crate::policy::{Decision, Reason};
use crate::primitives::{ChannelId, CustomerId, IdempotencyKey, IdentityKey, Instant, JourneyId, MessageId, SegmentId};
use crate::record::{Carried, CustomerState, Side, Standing};

/// One thing that happens to one customer.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Input {
    /// An event.
    Event(Arc<Event>),
    /// Time has passed: whatever is due fires. With nothing due it does nothing.
    Wake,
    /// A channel answered for an envelope that was handed to it.
    Settled {
        /// Which envelope.
        id: IdempotencyKey,
        /// What it answered.
        result: Result<(), DeliveryError>,
    },
    /// An envelope's send never began: its claim is given back, and the try does not count (promise 10.1).
    GivenBack {
        /// Which envelope.
        id: IdempotencyKey,
        /// When to claim it again.
        due: Instant,
    },
    /// Another record's event came from a device whose token this one may hold: a token is the record's that heard of the
    /// device last (promise 2.2).
    DeviceTaken {
        /// The stable hash of the token.
        token: u64,
        /// The other record.
        by: CustomerId,
        /// When the other one heard of the device.
        at: Instant,
    },
    /// The host says that this record and another are one person (promise 2.2).
    Merge {
        /// The other.
        with: CustomerId,
    },
    /// It turned out that this record and others are one person.
    Link {
        /// One of them.
        with: CustomerId,
        /// What acts once that is settled.
        then: Carried,
    },
    /// Another record, which awaits this one, would have it become its part.
    Seal {
        /// The other.
        into: CustomerId,
        /// The name of the link.
        link: u64,
        /// Which side of it the other is.
        side: Side,
        /// When the link was found. One that is older than this record's erasure leads to the same person.
        begun: Instant,
        /// What the other one says of itself.
        standing: Standing,
        /// What acts once the link is settled.
        then: Carried,
    },
    /// A sealed record's content arrives.
    Absorb {
        /// What it held.
        sealed: Box<CustomerState>,
        /// The name of the link.
        link: u64,
        /// What acts now.
        then: Carried,
    },
    /// Nothing comes of a link: both are one already, or they must not be.
    Release {
        /// The name of the link.
        link: u64,
        /// What acts now.
        then: Option<Carried>,
        /// Which record did not become one with this one, and why.
        refused: Option<(CustomerId, &'static str)>,
        /// When the other one's customer was erased last; [`Instant::MIN`] if never. Identifiers of theirs may lead here from
        /// now on, and what they did before is not taken here either.
        erased: Instant,
    },
    /// The host erases the customer (promise 2.4).
    Erase {
        /// The identifier by which the host named them, as the playbook's [`Identity`](crate::Identity) makes it.
        named: Option<IdentityKey>,
        /// When the host asked: of what is dated until then nothing is taken afterwards.
        until: Instant,
    },
    /// An event tells that the record is of a customer who was erased. If no user is known by it, it is erased as well.
    EraseVisitor {
        /// When the customer was erased.
        until: Instant,
    },
    /// The record that this one became part of was erased: what is left here is forgotten as well.
    Forget,
    /// The record that this one became part of was removed for its age: so is this one.
    Gone {
        /// The identifiers of both, of which some may lead here.
        identities: Vec<IdentityKey>,
    },
    /// The contact point of a claimed envelope is on the suppression list: it was not sent (promise 4.3).
    Suppressed {
        /// Which envelope.
        id: IdempotencyKey,
        /// What the list says.
        block: Block,
    },
    /// The host would begin a run (promise 6.2).
    Call(Arc<Call>),
}

/// What a step did, beside changing the record. The store commits it together with the record, all or nothing.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Outcome {
    /// New envelopes, claimed with the decision: to be kept in the outbox and handed to their channels now.
    pub send: Vec<Envelope>,
    /// Envelopes of the outbox that were claimed again: to be handed to their channels now, as they are.
    pub resend: Vec<IdempotencyKey>,
    /// Envelopes that the outbox need not keep any longer.
    pub release: Vec<IdempotencyKey>,
    /// What changes on the suppression list.
    pub suppress: Vec<SuppressionChange>,
    /// The record is empty and to be removed, with these identifiers as far as they lead to it.
    pub remove: Option<Vec<IdentityKey>>,
    /// Inputs for other records, which the store steps itself.
    pub forward: Vec<(CustomerId, Input)>,
    /// What came of inputs that records forwarded, in this call or before, and that the store has stepped in this one.
    pub followed: Vec<(CustomerId, Outcome)>,
    /// What happened, in order.
    pub notices: Vec<Notice>,
    /// Whether the event was a copy of one taken before; nothing else happened then.
    pub duplicate: bool,
    /// What became of the host's call for a run, if the input was one.
    pub begun: Option<Box<Begun>>,
    /// Whether it is not settled yet, as far as this record knows, that others are one with it.
    pub awaits: bool,
    /// Whether the input was another record's, and went on to it: identifiers that led here had better lead there.
    pub elsewhere: Option<Elsewhere>,
}

/// Whose an input was, if not the record's that was stepped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Elsewhere {
    /// The record became part of this one.
    Moved(CustomerId),
    /// The event names a user, and the record is another user's (promise 2.2): it went to that user's own record.
    OtherUser(CustomerId),
    /// The device is the record's still, which heard of it later: the other one is told.
    DeviceKept,
}

/// Why a record took nothing of an input and is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The host would merge a record into itself (promise 2.3).
    #[error("a record cannot be merged into itself")]
    Oneself,
}

/// Something that happened to a customer, as logs and reports tell it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Notice {
    /// When.
    pub at: Instant,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened. As JSON, `what` names it.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum What {
    /// An event came from the future and was taken as of now (promise 3.3).
    Clamped,
    /// An event was older than the dedupe horizon: history only (promise 3.2).
    TooOld,
    /// The customer entered a segment.
    SegmentEntered {
        /// Which.
        segment: SegmentId,
    },
    /// The customer left a segment.
    SegmentLeft {
        /// Which.
        segment: SegmentId,
    },
    /// A changed definition put the customer into a segment, or out of it (promise 5.8).
    Reclassified {
        /// Which.
        segment: SegmentId,
        /// Whether the customer is inside by the new definition.
        inside: bool,
    },
    /// A run began.
    RunBegun(RunNamed),
    /// A run that had sent nothing was set back to its start.
    RunRestarted(RunNamed),
    /// A trigger began no run.
    NotBegun {
        /// Of which journey.
        journey: JourneyId,
        /// Why.
        reason: &'static str,
    },
    /// A run came to a step.
    Step {
        /// Which run.
        #[serde(flatten)]
        run: RunNamed,
        /// Which step.
        step: Arc<str>,
    },
    /// A run reached its goal.
    Goal {
        /// Which run.
        #[serde(flatten)]
        run: RunNamed,
        /// Whether it had sent nothing before (promise 6.6).
        before_any_message: bool,
    },
    /// A run ended.
    RunEnded {
        /// Which run.
        #[serde(flatten)]
        run: RunNamed,
        /// Why.
        reason: EndReason,
    },
    /// A message was decided; only where explanations are asked for.
    Decided(#[serde(serialize_with = "decision")] Box<Decision>),
    /// A message was handed over for the first time.
    HandedOver(Box<HandedOver>),
    /// A message was handed over again, with the same key and bytes.
    HandedOverAgain(Box<HandedOverAgain>),
    /// A hand-over that was told did not begin; it counts as no try and is made anew.
    GivenBack {
        /// The envelope.
        id: IdempotencyKey,
        /// When.
        due: Instant,
    },
    /// A message waits.
    Deferred {
        /// Which.
        message: MessageId,
        /// Of which journey.
        journey: JourneyId,
        /// Until when.
        until: Instant,
        /// Why.
        reason: Reason,
    },
    /// A message was not sent.
    Skipped {
        /// Which.
        message: MessageId,
        /// Of which journey.
        journey: JourneyId,
        /// Why.
        reason: Reason,
    },
    /// A message was withdrawn before its claim.
    Cancelled {
        /// The envelope.
        id: IdempotencyKey,
        /// Which message.
        message: MessageId,
        /// Why: a rule, or that its run ended.
        reason: Arc<str>,
    },
    /// The provider took it; of a message to several devices, for the first of them.
    Accepted {
        /// The envelope.
        id: IdempotencyKey,
    },
    /// The copy of a message to one of several devices came to its end; the message's own end is told apart.
    Copy {
        /// The envelope of the copy.
        id: IdempotencyKey,
        /// The message, as the other notices name it.
        of: IdempotencyKey,
        /// How it ended.
        status: Status,
    },
    /// It failed for now and will be tried again.
    Retried {
        /// The envelope.
        id: IdempotencyKey,
        /// When.
        due: Instant,
    },
    /// The provider certainly does not have it.
    Failed {
        /// The envelope.
        id: IdempotencyKey,
        /// Why, in the channel's words.
        reason: String,
    },
    /// Nobody knows whether the provider has it; it is not sent again.
    Parked {
        /// The envelope.
        id: IdempotencyKey,
    },
    /// Its time ran out before its claim.
    Expired {
        /// The envelope.
        id: IdempotencyKey,
    },
    /// What was accepted, or parked, came back: its contact point is blocked (promise 4.3).
    Bounced {
        /// The envelope.
        id: IdempotencyKey,
    },
    /// The customer engaged with a message.
    Engaged {
        /// The envelope.
        id: IdempotencyKey,
        /// How.
        how: Engagement,
    },
    /// A receipt named no message that is on record.
    StrayReceipt {
        /// What it said.
        receipt: ReceiptKind,
    },
    /// A device that was this customer's is another's now: nothing more goes there (promise 2.2).
    DeviceTaken {
        /// The record that heard of it later.
        by: CustomerId,
    },
    /// Another record became part of this one.
    Merged {
        /// Which.
        record: CustomerId,
    },
    /// Another record did not become part of this one although an event named both (promise 2.2).
    MergeRefused {
        /// Which.
        record: CustomerId,
        /// Why: `two_users`, `too_many_merges`, or `erased`.
        reason: &'static str,
    },
    /// The customer was erased (promise 2.4).
    Erased,
    /// A visitor who was not seen for as long as the playbook's `retention` says was forgotten.
    VisitorForgotten,
    /// An event was dated before the customer's erasure, or does not bring an erased customer back: nothing of it was taken
    /// but opt-outs.
    AfterErasure,
}

/// Names a run in a notice. `Debug` leaves out its key, which may name an order (promise 2.5); as JSON it is there.
#[derive(Clone, serde::Serialize)]
pub struct RunNamed {
    /// The journey.
    pub journey: JourneyId,
    /// The version.
    pub version: u32,
    /// The run.
    #[serde(serialize_with = "hex")]
    pub run: u64,
    /// Its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Arc<str>>,
}

impl std::fmt::Debug for RunNamed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {:016x}", self.journey, self.version, self.run)
    }
}

fn hex<S: serde::Serializer>(id: &u64, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{id:016x}"))
}

/// A hand-over, as logs tell it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct HandedOver {
    /// The envelope, and its idempotency key.
    pub id: IdempotencyKey,
    /// The message.
    pub message: MessageId,
    /// The channel.
    pub channel: ChannelId,
    /// The journey that asked.
    pub journey: JourneyId,
    /// The step that asked.
    pub step: Arc<str>,
    /// The attempt of a cascade, from 1.
    pub attempt: u16,
    /// What it says, as its hash.
    pub content: ContentKey,
    /// The further envelopes of a message to several devices.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<IdempotencyKey>,
    /// What it costs in all, in the playbook's currency.
    #[serde(serialize_with = "plain_decimal")]
    pub cost: Decimal,
    /// How many parts an SMS has.
    pub parts: u32,
}

/// A further try of a hand-over, as logs tell it. What it costs is told with the first.
#[derive(Debug, Clone, serde::Serialize)]
pub struct HandedOverAgain {
    /// The envelope, and its idempotency key.
    pub id: IdempotencyKey,
    /// The message.
    pub message: MessageId,
    /// The channel.
    pub channel: ChannelId,
    /// The journey that asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub journey: Option<JourneyId>,
    /// Which try it is; 1 if the first was given back.
    #[serde(rename = "try")]
    pub number: u16,
}

/// Without the customer and the instant, which the line has already: a key that comes twice is refused by strict readers.
fn decision<S: serde::Serializer>(decision: &Decision, to: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeStruct;
    let mut fields = to.serialize_struct("Decision", 3)?;
    fields.serialize_field("message", &decision.message)?;
    fields.serialize_field("chosen", &decision.chosen)?;
    fields.serialize_field("candidates", &decision.candidates)?;
    fields.end()
}

/// As text: JSON readers take numbers for floats.
fn plain_decimal<S: serde::Serializer>(amount: &Decimal, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&amount.normalize())
}

impl Outcome {
    /// Whether it, or what came of what it forwarded, was a copy of an event taken before.
    pub(crate) fn is_duplicate(&self) -> bool {
        self.duplicate || self.followed.iter().any(|(_, followed)| followed.is_duplicate())
    }

    pub(super) fn notice(&mut self, at: Instant, what: What) {
        if self.notices.is_empty() {
            // An event that changes anything changes a few segments.
            self.notices.reserve(8);
        }
        self.notices.push(Notice { at, what });
    }
}
