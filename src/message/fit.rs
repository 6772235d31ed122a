//! Fitting text.
