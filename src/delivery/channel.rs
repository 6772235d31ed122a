//! The port through which messages leave.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use super::{Accepted, DeliveryError, Envelope};
use crate::channel::ChannelSpec;

/// A way to hand messages to a provider: SMTP, a push service, an SMS gateway, the shop's own inbox. The host implements
/// it; the engine decides what goes through it, when, and how often.
///
/// # What an implementation guarantees
/// - `Ok(Accepted)` means that the provider has taken the message and that it survives a crash of this process. A channel
///   that only puts the message in a buffer of its own answers when the buffer is flushed, not before.
/// - An error other than [`DeliveryError::Unknown`] means that the provider **certainly does not** have it. Whoever
///   cannot tell answers `Unknown`: a connection lost after the request was written, a time-out, a 5xx with no word on
///   what was done. `Unknown` for a message that was not taken costs a message; a wrong certainty sends it twice.
/// - The message goes out as it is in the envelope: the same bytes on every hand-over of the same id.
/// - Where the provider honours idempotency keys, [`Envelope::idempotency_key`] is passed on, and
///   [`ChannelSpec::key_memory`] says for how long. Where it does not, `key_memory` is `None`: declaring more than the
///   provider keeps sends twice.
/// - One bad recipient harms nobody else (promise 10.3): [`send_many`](Self::send_many) answers for each envelope on its
///   own, in their order, exactly as many results as envelopes.
/// - Errors, logs and spans carry no personal data; [`Envelope`]'s `Debug` is safe to print.
/// - It does not block the thread and does not panic. The engine catches a panic and treats the outcome as unknown.
/// - [`spec`](Self::spec) always answers the same.
///
/// # What it may not assume
/// - **That a future runs to its end.** The engine drops it at [`ChannelSpec::timeout`] and at shutdown. A future dropped
///   before its first poll has sent nothing; one dropped midway counts as unknown, so an implementation need not clean up,
///   but must leave itself usable (a connection midway in a request is not put back in its pool).
/// - That an id comes once: the same envelope comes again after a transient error, a throttling, an unknown outcome within
///   the key memory, a crash. An implementation never refuses an id because it saw it before.
/// - That calls come one by one: up to [`ChannelSpec::in_flight`] are under way on each engine instance, in any order, also
///   for one customer.
/// - That consent, caps or quiet hours are its business: they were checked in the commit before this call.
/// - An async runtime: the core needs none. An implementation that needs tokio's reactor runs in a host that has it.
///
/// # What is allowed
/// `Unknown` for a message that was taken, and `Unknown` for one that was not. Never `Ok` or a certain error on a guess.
#[async_trait]
pub trait Channel: Debug + Send + Sync {
    /// What this channel is; the playbook has a channel with this id.
    fn spec(&self) -> &ChannelSpec;

    /// Hands one message over.
    ///
    /// # Errors
    /// As [`DeliveryError`] says; every error is about this message only.
    async fn send(&self, envelope: &Envelope) -> Result<Accepted, DeliveryError>;

    /// Hands several messages over, for providers that take batches; one result per envelope, in their order.
    ///
    /// A batch that failed as a whole gives each envelope the same error. The engine reads a missing result as unknown.
    /// By default one after the other.
    async fn send_many(&self, envelopes: &[Envelope]) -> Vec<Result<Accepted, DeliveryError>> {
        let mut results = Vec::with_capacity(envelopes.len());
        for envelope in envelopes {
            results.push(self.send(envelope).await);
        }
        results
    }
}

macro_rules! forward {
    ($($pointer:ident),*) => {$(
        // A method with a default that is not forwarded would silently lose the inner one.
        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<T: Channel + ?Sized> Channel for $pointer<T> {
            fn spec(&self) -> &ChannelSpec {
                (**self).spec()
            }

            async fn send(&self, envelope: &Envelope) -> Result<Accepted, DeliveryError> {
                (**self).send(envelope).await
            }

            async fn send_many(&self, envelopes: &[Envelope]) -> Vec<Result<Accepted, DeliveryError>> {
                (**self).send_many(envelopes).await
            }
        }
    )*};
}

forward!(Arc, Box);

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::delivery::Address;
    use crate::delivery::envelope::tests::envelope;

    fn _obj_safe(_: &dyn Channel, _: Arc<dyn Channel>) {}

    /// Takes everything but what says "bad"; counts its batches.
    #[derive(Debug)]
    struct Scripted {
        spec: ChannelSpec,
        batches: Mutex<usize>,
    }

    #[async_trait]
    impl Channel for Scripted {
        fn spec(&self) -> &ChannelSpec {
            &self.spec
        }

        async fn send(&self, envelope: &Envelope) -> Result<Accepted, DeliveryError> {
            match envelope.address() {
                "bad" => Err(DeliveryError::invalid_contact_point("no such user")),
                _ => Ok(Accepted::with_id(envelope.idempotency_key())),
            }
        }

        async fn send_many(&self, envelopes: &[Envelope]) -> Vec<Result<Accepted, DeliveryError>> {
            *self.batches.lock().unwrap() += 1;
            let mut results = Vec::new();
            for envelope in envelopes {
                results.push(self.send(envelope).await);
            }
            results
        }
    }

    /// Leaves `send_many` as the trait has it.
    #[derive(Debug)]
    struct OneByOne(Scripted);

    #[async_trait]
    impl Channel for OneByOne {
        fn spec(&self) -> &ChannelSpec {
            self.0.spec()
        }

        async fn send(&self, envelope: &Envelope) -> Result<Accepted, DeliveryError> {
            self.0.send(envelope).await
        }
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    fn scripted() -> Scripted {
        Scripted { spec: ChannelSpec::new("sms"), batches: Mutex::new(0) }
    }

    fn envelopes() -> Vec<Envelope> {
        ["a", "bad", "c"].map(|to| envelope(&ChannelSpec::new("sms"), "Hello", Address::Id(to.into()))).to_vec()
    }

    #[test]
    fn promise_10_3_one_bad_recipient_harms_nobody_else() {
        let results = block_on(OneByOne(scripted()).send_many(&envelopes()));
        assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    }

    #[test]
    fn a_wrapped_channel_keeps_its_own_batches() {
        let inner = Arc::new(scripted());
        let wrapped: Box<dyn Channel> = Box::new(inner.clone() as Arc<dyn Channel>);
        assert_eq!(block_on(wrapped.send_many(&envelopes())).len(), 3);
        assert_eq!((*inner.batches.lock().unwrap(), wrapped.spec().id().as_str()), (1, "sms"));
    }

    #[test]
    fn a_future_that_was_never_polled_has_sent_nothing() {
        let channel = scripted();
        let envelopes = envelopes();
        drop(channel.send_many(&envelopes));
        assert_eq!(*channel.batches.lock().unwrap(), 0);
    }
}
