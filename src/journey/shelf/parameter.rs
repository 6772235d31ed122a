//! What a template leaves to the shop.

use std::fmt;

use rust_decimal::Decimal;
use serde_json::Value as Json;

use crate::primitives::Value;
use crate::primitives::fault::Node;
use crate::primitives::local::LocalTime;

/// A parameter of a [`JourneyTemplate`](super::JourneyTemplate).
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateParameter {
    name: String,
    kind: ParameterKind,
    about: String,
    default: Option<Value>,
    example: Option<Value>,
    range: (Option<Decimal>, Option<Decimal>),
}

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParameterKind {
    /// A length of time above zero, such as `24h`.
    Span,
    /// A time of day, such as `09:00`.
    Time,
    /// Text that customers read.
    Text,
    /// A number.
    Number,
    /// A whole number.
    Whole,
    /// The name of an event, an attribute or a property.
    Name,
    /// A topic of consent.
    Topic,
    /// Channels of the playbook, or kinds of them: a list, or one as text.
    Channels,
}

const KINDS: [(&str, ParameterKind); 8] = [
    ("span", ParameterKind::Span),
    ("time", ParameterKind::Time),
    ("text", ParameterKind::Text),
    ("number", ParameterKind::Number),
    ("whole", ParameterKind::Whole),
    ("name", ParameterKind::Name),
    ("topic", ParameterKind::Topic),
    ("channels", ParameterKind::Channels),
];

impl TemplateParameter {
    /// Those of a sheet, and `channels`, which all have.
    pub(super) fn all(sheet: &Json) -> Vec<Self> {
        let said = sheet.get("parameters").and_then(Json::as_object);
        let mut all: Vec<Self> = said.into_iter().flatten().filter_map(|(name, json)| Self::read(name, json)).collect();
        all.push(TemplateParameter {
            name: "channels".to_owned(),
            kind: ParameterKind::Channels,
            about: "the channels that it may use; without it all that the playbook has".to_owned(),
            default: None,
            example: None,
            range: (None, None),
        });
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    fn read(name: &str, json: &Json) -> Option<Self> {
        let kind = json.get("type").and_then(Json::as_str)?;
        let limit = |field: &str| json.get(field).and_then(|limit| limit.to_string().parse().ok());
        Some(TemplateParameter {
            name: name.to_owned(),
            kind: KINDS.iter().find(|(word, _)| *word == kind).map(|(_, kind)| *kind)?,
            about: json.get("about").and_then(Json::as_str).unwrap_or_default().to_owned(),
            default: json.get("default").and_then(Value::from_json),
            example: json.get("example").and_then(Value::from_json),
            range: (limit("from"), limit("to")),
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it takes.
    pub fn kind(&self) -> ParameterKind {
        self.kind
    }

    /// What it is for.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// What it is where a use does not say.
    pub fn default(&self) -> Option<&Value> {
        self.default.as_ref()
    }

    /// A value to show how it is written, of one that every use has to say. A parameter without a default and without an
    /// example may be left out.
    pub fn example(&self) -> Option<&Value> {
        self.example.as_ref()
    }

    /// Whether every use has to say it.
    pub fn is_required(&self) -> bool {
        self.default.is_none() && self.kind != ParameterKind::Channels
    }

    /// Whether a value is of its kind; reports it if not. Channels are checked where it is known which there are.
    pub(super) fn takes(&self, node: &Node<'_>) -> Option<()> {
        match self.kind {
            ParameterKind::Span => node.span().map(drop),
            ParameterKind::Time => node.parsed::<LocalTime>().map(drop),
            ParameterKind::Text => node.text().map(drop),
            ParameterKind::Number => self.lies_in(node.decimal()?, node),
            ParameterKind::Whole => self.lies_in(node.integer(i64::MIN..=i64::MAX)?.into(), node),
            ParameterKind::Name | ParameterKind::Topic => node.key().map(drop),
            ParameterKind::Channels => Some(()),
        }
    }

    fn lies_in(&self, number: Decimal, node: &Node<'_>) -> Option<()> {
        let (from, to) = self.range;
        if from.is_none_or(|from| from <= number) && to.is_none_or(|to| number <= to) {
            return Some(());
        }
        let said =
            |word: &str, limit: Option<Decimal>| limit.map(|limit| format!(" {word} {limit}")).unwrap_or_default();
        node.fault(format!("expected a number{}{}, found {number}", said("from", from), said("to", to)));
        None
    }
}

impl fmt::Display for ParameterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ParameterKind::Span => "length of time",
            ParameterKind::Time => "time of day",
            ParameterKind::Text => "text",
            ParameterKind::Number => "number",
            ParameterKind::Whole => "whole number",
            ParameterKind::Name => "name",
            ParameterKind::Topic => "topic",
            ParameterKind::Channels => "list of channels or kinds",
        })
    }
}
