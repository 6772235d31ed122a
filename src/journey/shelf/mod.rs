//! The shelf: ready-made journeys that a shop starts from.
//!
//! A template is data: a sheet of JSON with the segments, messages and journeys of one purpose, complete with texts, and with
//! parameters where shops differ (waits, offers, thresholds, topics, channels). A playbook uses it by name:
//!
//! ```
//! use throughline::Playbook;
//! let playbook = Playbook::from_json(r#"{
//!     "version": 1, "currency": "EUR", "channels": {"email": {}, "push": {}},
//!     "brand": {"name": "Fern", "links": {"cart": "https://fern.example/cart", "unsubscribe": "https://fern.example/u"}},
//!     "policy": {"topics": {"cart_help": "opt_out"}},
//!     "shelf": {"cart": {"use": "cart_abandonment", "with": {"wait": "2h", "channels": ["email"]}}}
//! }"#)?;
//! assert!(playbook.message(&"cart_reminder".into()).is_some());
//! # Ok::<(), throughline::Faults>(())
//! ```
//!
//! and a host in code, with the same faults: [`PlaybookBuilder::with_template`](crate::PlaybookBuilder::with_template).
//!
//! # What becomes of a use
//! - **Names.** Everything in the sheet is named after the use: above the journey is `cart` and its message `cart_reminder`. So
//!   one template can be used twice, and another journey may refer to the parts.
//! - **Texts** are English and meant to be rewritten. A message in the playbook's own `messages` goes before the one of
//!   that name from the shelf. Whoever wants to change more than texts and parameters takes
//!   [`to_json`](JourneyTemplate::to_json) into the playbook and goes on from there.
//! - **Channels.** Texts for kinds of channel that the playbook does not have are left out, and so are steps of a cascade that
//!   name only such. A message for which none is left is a fault that says which channel to add. The parameter `channels`,
//!   which every template has, narrows a use to some of the playbook's channels.
//! - **Faults.** Those of a parameter stand at `$.shelf.<use>.with.<parameter>`; whatever is wrong in what the template
//!   makes stands at its place under `$.shelf.<use>`.
//!
//! # How a sheet is written
//! `{"param": "wait"}` stands for the value of a parameter. In a template of a message `param.offer` stands for it as a
//! literal: it is data there, escaped like any other value, and never read as a template itself. A name that begins with `@`
//! is one of the use's own: `@reminder` is `cart_reminder`, and `@` alone is `cart`.

mod expand;
mod fill;
mod narrow;
mod offered;
mod parameter;
mod sheets;

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

pub(crate) use expand::expand;
pub(crate) use offered::Offered;
pub use parameter::{ParameterKind, TemplateParameter};
use sheets::{SHEETS, Sheet};

use crate::primitives::fault::{FaultSink, Node};
use crate::primitives::{Faults, Value};

/// A ready-made journey of the shelf, with the values that it is to be used with.
///
/// ```
/// use throughline::{JourneyTemplate, Playbook};
/// let template = JourneyTemplate::named("cart_abandonment").ok_or("not on the shelf")?.with("wait", "24h");
/// assert!(template.parameters().iter().any(|parameter| parameter.name() == "channels"));
/// let playbook = Playbook::builder().with_template("cart", template).build(
///     r#"{"version": 1, "currency": "EUR", "channels": {"in_app": {}},
///         "brand": {"name": "Fern", "links": {"cart": "https://fern.example/cart"}}}"#,
/// )?;
/// assert_eq!(playbook.journeys().count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct JourneyTemplate {
    sheet: &'static Sheet,
    text: Json,
    given: BTreeMap<String, Value>,
}

impl JourneyTemplate {
    /// Everything on the shelf, in the order in which customers come to it.
    pub fn all() -> impl Iterator<Item = JourneyTemplate> {
        SHEETS.iter().map(JourneyTemplate::of)
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<JourneyTemplate> {
        SHEETS.iter().find(|sheet| sheet.name == name).map(JourneyTemplate::of)
    }

    fn of(sheet: &'static Sheet) -> Self {
        // That every sheet is JSON is held by a test.
        JourneyTemplate { sheet, text: serde_json::from_str(sheet.json).unwrap_or_default(), given: BTreeMap::new() }
    }

    /// Its name, by which a playbook uses it.
    pub fn name(&self) -> &'static str {
        self.sheet.name
    }

    /// What it is, in a few words.
    pub fn title(&self) -> &str {
        self.says("title")
    }

    /// What it does, in a sentence or two.
    pub fn about(&self) -> &str {
        self.says("about")
    }

    /// Its page of the guide, as Markdown: what the shop sends, who gets what and when, the parameters, a diagram.
    pub fn page(&self) -> &'static str {
        self.sheet.page
    }

    fn says(&self, field: &str) -> &str {
        self.text.get(field).and_then(Json::as_str).unwrap_or_default()
    }

    /// What can be chosen, in the order of the names.
    pub fn parameters(&self) -> Vec<TemplateParameter> {
        TemplateParameter::all(&self.text)
    }

    /// Chooses the value of a parameter. That there is one of this name, and that the value is of its kind, is checked where
    /// the template is used.
    #[must_use]
    pub fn with(mut self, parameter: &str, value: impl Into<Value>) -> Self {
        self.given.insert(parameter.to_owned(), value.into());
        self
    }

    /// The sections `segments`, `messages` and `journeys` that it makes under its own name for a playbook with all the
    /// channels that it has texts for: to be taken into one and rewritten there.
    ///
    /// # Errors
    /// Every parameter that is unknown, of another kind, or missing.
    pub fn to_json(&self) -> Result<String, Faults> {
        let sink = FaultSink::default();
        let entry = self.entry();
        let offered = Offered::all_of(&self.text);
        let fragment = expand(self.name(), &Node::root(&entry, &sink), &offered);
        match fragment {
            Some(fragment) if sink.is_empty() => Ok(format!("{:#}", fragment.into_json())),
            _ => Err(sink.into_faults()),
        }
    }

    /// How a playbook's section `shelf` writes it.
    pub(crate) fn entry(&self) -> Json {
        let given = self.given.iter().map(|(name, value)| {
            // A value is always JSON.
            (name.clone(), serde_json::to_value(value).unwrap_or_default())
        });
        json!({"use": self.name(), "with": given.collect::<Map<_, _>>()})
    }
}

/// The JSON Schema of the section.
#[cfg(feature = "schema")]
pub(crate) fn schema() -> Json {
    use crate::primitives::schema::{Schema, any_of, list, map, object, text, words};
    let value = any_of([text(), json!({"type": "number"}), list(text())]);
    let entry = object([("use", words(SHEETS.iter().map(|sheet| sheet.name))), ("with", map(value))]);
    map(entry.needs(["use"])).about("Ready-made journeys, each under the name that its parts get")
}
