//! Daily windows.
