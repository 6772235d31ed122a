//! The port through which journeys call the host.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use super::{EffectCall, EffectError};
use crate::primitives::Fields;

/// Something that the host does for a journey: issues a coupon, opens a ticket, asks another service. Registered by its
/// name with [`EngineBuilder::effect`](crate::EngineBuilder::effect).
///
/// # What an implementation guarantees
/// - `Ok` means that it is done, and that this survives a crash of this process. The values, if there are any, are kept by
///   the run under the step's id, as far as later steps and messages read them: `{{ trigger.coupon.code }}` after a
///   step `coupon`. They come to at most 4 KiB of JSON; a longer answer counts as failed for good (`answer_too_long`).
/// - [`EffectError::Failed`] means that it was not done and that asking again would not help.
///   [`EffectError::ForNow`] is for all else, also where nobody can tell: then the same call comes again.
/// - **Doing a call twice does it once**: hand-over is at least once, under the same
///   [`idempotency_key`](EffectCall::idempotency_key) and with the same payload. An implementation remembers keys for the
///   effect's `valid_for`, and answers a second copy as the first.
/// - Errors, logs and spans carry no personal data.
/// - It does not block the thread and does not panic. The engine catches a panic and tries again.
///
/// # What it may not assume
/// - **That a future runs to its end.** The engine drops it at the effect's `timeout` and at shutdown, and hands the call over
///   again.
/// - That calls come one by one, or in any order.
/// - That the run still lives when it answers: an exit meanwhile cannot take back what was handed over.
#[async_trait]
pub trait EffectHandler: Debug + Send + Sync {
    /// Does it, and answers with values that the run keeps; with none where there are none.
    ///
    /// # Errors
    /// As [`EffectError`] says.
    async fn call(&self, call: &EffectCall) -> Result<Fields, EffectError>;
}

macro_rules! forward {
    ($($pointer:ident),*) => {$(
        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<T: EffectHandler + ?Sized> EffectHandler for $pointer<T> {
            async fn call(&self, call: &EffectCall) -> Result<Fields, EffectError> {
                (**self).call(call).await
            }
        }
    )*};
}

forward!(Arc, Box);

#[cfg(test)]
mod tests {
    fn _obj_safe(_: &dyn super::EffectHandler) {}
}
