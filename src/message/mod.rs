//! Messages.
pub mod fit;
pub mod sms;
