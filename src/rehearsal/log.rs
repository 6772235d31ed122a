//! One line per thing that happened.

use std::fmt;

use serde::Serialize;

use crate::playbook::What;
use crate::primitives::{CustomerId, Instant, Key};

/// A line of `log.ndjson`.
///
/// As JSON: `at` (RFC 3339), `customer` (the record's id), `who` (the shop's or the visitor's id, if the line has one),
/// `what` (the kind of line) and the fields of that kind; see [`What`] for them. The format is stable: fields and kinds
/// may be added, none change their meaning. `Debug` leaves out who it is and which event (promise 2.5).
#[derive(Serialize)]
pub struct LogLine<'a> {
    /// When.
    pub at: Instant,
    /// To whose record.
    pub customer: CustomerId,
    /// By which name the shop knows the customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<&'a str>,
    /// What happened.
    #[serde(flatten)]
    pub what: LogWhat<'a>,
}

impl fmt::Debug for LogLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?}", self.at, self.customer, self.what)
    }
}

/// What a line tells.
#[derive(Serialize)]
#[serde(untagged)]
pub enum LogWhat<'a> {
    /// An event came.
    #[serde(serialize_with = "event_line")]
    Event {
        /// Its name.
        event: &'a Key,
        /// Its `messageId`.
        id: Option<&'a str>,
    },
    /// The event was a copy of one taken before.
    #[serde(serialize_with = "duplicate_line")]
    Duplicate,
    /// The step did something.
    Notice(&'a What),
}

impl fmt::Debug for LogWhat<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogWhat::Event { event, .. } => fmt::Debug::fmt(event, f),
            LogWhat::Duplicate => f.write_str("Duplicate"),
            LogWhat::Notice(what) => fmt::Debug::fmt(what, f),
        }
    }
}

#[derive(Serialize)]
struct Tagged<'a> {
    what: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a Key>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
}

fn event_line<S: serde::Serializer>(event: &&Key, id: &Option<&str>, to: S) -> Result<S::Ok, S::Error> {
    Tagged { what: "event", event: Some(event), id: *id }.serialize(to)
}

fn duplicate_line<S: serde::Serializer>(to: S) -> Result<S::Ok, S::Error> {
    Tagged { what: "duplicate", event: None, id: None }.serialize(to)
}
