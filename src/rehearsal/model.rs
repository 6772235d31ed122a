//! What the channels do in a rehearsal.

use crate::delivery::{Accepted, DeliveryError, EffectCall, EffectError, Envelope};
use crate::event::Event;
use crate::primitives::{Fields, Instant, Span};

/// Stands for all channels in a rehearsal: answers hand-overs, and says which receipts come of them.
///
/// # Contract
/// A function of what it was given so far and of its own seed: then the same rehearsal gives the same log.
pub trait ChannelModel {
    /// A message is handed over.
    fn send(&mut self, envelope: &Envelope, now: Instant) -> Modelled;

    /// An effect is handed over. By default it is done, and the host has nothing to say.
    ///
    /// # Errors
    /// As the host's handler would answer.
    fn call(&mut self, call: &EffectCall, now: Instant) -> Result<Fields, EffectError> {
        let _ = (call, now);
        Ok(Fields::new())
    }
}

/// What a model does with a message.
#[derive(Debug)]
pub struct Modelled {
    /// What the channel answers.
    pub result: Result<Accepted, DeliveryError>,
    /// Receipts, each so long after the hand-over. Their time is set for them; they must name the customer.
    pub receipts: Vec<(Span, Event)>,
}

/// Takes every message and says nothing more of it: receipts are what the log itself has.
#[derive(Debug, Clone, Copy, Default)]
pub struct Recording;

impl ChannelModel for Recording {
    fn send(&mut self, _: &Envelope, _: Instant) -> Modelled {
        Modelled { result: Ok(Accepted::default()), receipts: Vec::new() }
    }
}
