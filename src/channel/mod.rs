//! What a channel is.
