//! Handing a message over.
