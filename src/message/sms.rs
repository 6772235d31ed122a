//! SMS parts.
