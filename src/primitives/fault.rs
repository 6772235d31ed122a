//! Faults of a definition, each with the place it stands at, gathered so that all are reported at once.

use std::cell::RefCell;
use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde_json::{Map, Value as Json};

use super::{Key, Span};

/// One thing that is wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// Where: a JSON path such as `$.journeys[0].steps.remind.message`.
    pub path: String,
    /// What is wrong there, and what to do.
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.problem)
    }
}

/// Everything that is wrong with a definition, in the order of the text.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// The faults one by one.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same at other places, where one is named for them.
    pub(crate) fn relocated(mut self, place: impl Fn(&Fault) -> Option<String>) -> Self {
        for fault in &mut self.0 {
            if let Some(path) = place(fault) {
                fault.path = path;
            }
        }
        self
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("1 fault")?,
            n => write!(f, "{n} faults")?,
        }
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl std::error::Error for Faults {}

/// Collects faults while a definition is decoded.
#[derive(Debug, Default)]
pub(crate) struct FaultSink(RefCell<Vec<Fault>>);

impl FaultSink {
    pub(crate) fn report(&self, path: impl Into<String>, problem: impl Into<String>) {
        self.0.borrow_mut().push(Fault { path: path.into(), problem: problem.into() });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    pub(crate) fn into_faults(self) -> Faults {
        Faults(self.0.into_inner())
    }
}

/// A place in a JSON tree. Every reader here reports what is wrong at its path and answers `None`, so that the caller
/// goes on and finds the next fault.
#[derive(Clone)]
pub(crate) struct Node<'a> {
    json: &'a Json,
    path: String,
    sink: &'a FaultSink,
    /// The playbook that it is a part of, if it is.
    playbook: Option<&'a Json>,
}

impl<'a> Node<'a> {
    pub(crate) fn root(json: &'a Json, sink: &'a FaultSink) -> Self {
        Node { json, path: "$".to_owned(), sink, playbook: None }
    }

    /// The root of a playbook, whose sections every node of it can look up.
    pub(crate) fn playbook(json: &'a Json, sink: &'a FaultSink) -> Self {
        Node { playbook: Some(json), ..Node::root(json, sink) }
    }

    /// A section of the playbook that this is a part of, for definitions that rest on another: its faults are reported
    /// where it stands itself.
    pub(crate) fn section(&self, name: &str) -> Option<&'a Json> {
        self.playbook?.get(name).filter(|json| !json.is_null())
    }

    pub(crate) fn json(&self) -> &'a Json {
        self.json
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn fault(&self, problem: impl Into<String>) {
        self.sink.report(self.path.clone(), problem);
    }

    /// Reports at another place of the same tree, for what only shows once the whole is read.
    pub(crate) fn fault_at(&self, path: &str, problem: impl Into<String>) {
        self.sink.report(path, problem);
    }

    fn wrong_type<T>(&self, wanted: &str) -> Option<T> {
        let found = match self.json {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Number(_) => "a number",
            Json::String(_) => "text",
            Json::Array(_) => "a list",
            Json::Object(_) => "an object",
        };
        self.fault(format!("expected {wanted}, found {found}"));
        None
    }

    /// An object that may have only the `known` fields.
    pub(crate) fn object(&self, known: &[&str]) -> Option<Object<'a>> {
        let object = self.open_object()?;
        for name in object.map.keys() {
            if !known.contains(&name.as_str()) {
                let hint = match nearest(name, known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("known here: {}", known.join(", ")),
                };
                self.sink.report(child(&self.path, name), format!("unknown field; {hint}"));
            }
        }
        Some(object)
    }

    /// An object whose field names are the user's own.
    pub(crate) fn open_object(&self) -> Option<Object<'a>> {
        match self.json {
            Json::Object(map) => Some(Object { map, node: self.clone() }),
            _ => self.wrong_type("an object"),
        }
    }

    pub(crate) fn list(&self) -> Option<Vec<Node<'a>>> {
        match self.json {
            Json::Array(list) => Some(
                list.iter()
                    .enumerate()
                    .map(|(n, json)| Node { json, path: format!("{}[{n}]", self.path), ..self.clone() })
                    .collect(),
            ),
            _ => self.wrong_type("a list"),
        }
    }

    pub(crate) fn text(&self) -> Option<&'a str> {
        match self.json {
            Json::String(text) => Some(text),
            _ => self.wrong_type("text"),
        }
    }

    /// Text that is not empty, as a name.
    pub(crate) fn key(&self) -> Option<Key> {
        match self.text()? {
            "" => {
                self.fault("expected a name, found empty text");
                None
            }
            name => Some(Key::new(name)),
        }
    }

    pub(crate) fn boolean(&self) -> Option<bool> {
        match self.json {
            Json::Bool(b) => Some(*b),
            _ => self.wrong_type("true or false"),
        }
    }

    pub(crate) fn integer(&self, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        match self.json.as_i64() {
            Some(n) if range.contains(&n) => Some(n),
            Some(n) => {
                self.fault(format!("expected a whole number from {} to {}, found {n}", range.start(), range.end()));
                None
            }
            None => self.wrong_type("a whole number"),
        }
    }

    /// A number, or text that is one (`"0.075"`), exactly.
    pub(crate) fn decimal(&self) -> Option<Decimal> {
        let text = match self.json {
            Json::Number(number) => number.to_string(),
            Json::String(text) => text.clone(),
            _ => return self.wrong_type("a number"),
        };
        match text.parse::<Decimal>().or_else(|_| Decimal::from_scientific(&text)) {
            Ok(number) => Some(number),
            Err(_) => {
                self.fault(format!("expected a number of at most 28 digits, found {text}"));
                None
            }
        }
    }

    /// A length of time above zero.
    pub(crate) fn span(&self) -> Option<Span> {
        let span: Span = self.parsed()?;
        if span <= Span::ZERO {
            self.fault("expected a length of time above zero");
            return None;
        }
        Some(span)
    }

    pub(crate) fn parsed<T>(&self) -> Option<T>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        let text = self.text()?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.fault(format!("{wrong}, found `{text}`"));
                None
            }
        }
    }

    /// One of a few words.
    pub(crate) fn one_of<T: Clone>(&self, words: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(value.clone());
        }
        let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let hint = nearest(text, &all).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        self.fault(format!("expected one of {}, found `{text}`{hint}", all.join(", ")));
        None
    }
}

/// An object under decoding.
#[derive(Clone)]
pub(crate) struct Object<'a> {
    map: &'a Map<String, Json>,
    node: Node<'a>,
}

impl<'a> Object<'a> {
    pub(crate) fn node(&self) -> &Node<'a> {
        &self.node
    }

    /// The field, if it is there and not null.
    pub(crate) fn get(&self, name: &str) -> Option<Node<'a>> {
        let json = self.map.get(name).filter(|json| !json.is_null())?;
        Some(Node { json, path: child(&self.node.path, name), ..self.node.clone() })
    }

    /// The field; a fault if it is missing.
    pub(crate) fn need(&self, name: &str) -> Option<Node<'a>> {
        let field = self.get(name);
        if field.is_none() {
            self.node.fault(format!("the field `{name}` is missing"));
        }
        field
    }

    /// All fields in the order of their names.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&'a str, Node<'a>)> + '_ {
        self.map
            .iter()
            .map(|(name, json)| (name.as_str(), Node { json, path: child(&self.node.path, name), ..self.node.clone() }))
    }
}

/// A field's path: `.name` where that is readable, `["a name"]` elsewhere.
fn child(path: &str, name: &str) -> String {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if plain { format!("{path}.{name}") } else { format!("{path}[{}]", Json::from(name)) }
}

/// The known name within two edits of a misspelt one.
pub(crate) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    known
        .iter()
        .map(|k| (distance(name, k), k.chars().next() != name.chars().next(), *k))
        .filter(|(d, ..)| *d <= 2 && 2 * *d <= name.len())
        .min()
        .map(|(.., k)| k)
}

fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(64).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, cb) in row.iter_mut().skip(1).zip(&b) {
            let next = (*cell + 1).min(left + 1).min(diagonal + usize::from(ca != *cb));
            diagonal = std::mem::replace(cell, next);
            left = next;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_reported_at_once_with_their_paths() {
        let json: Json = serde_json::from_str(r#"{"wiat": "1d", "count": -1, "list": [{"a b": 1}]}"#).unwrap();
        let sink = FaultSink::default();
        let object = Node::root(&json, &sink).object(&["wait", "count", "list"]).unwrap();
        assert_eq!(object.need("wait").map(|_| ()), None);
        assert_eq!(object.get("count").unwrap().integer(0..=9), None);
        object.get("list").unwrap().list().unwrap()[0].object(&["a"]);
        let faults: Vec<String> = sink.into_faults().iter().map(Fault::to_string).collect();
        assert_eq!(
            faults,
            [
                "$.wiat: unknown field; did you mean `wait`?",
                "$: the field `wait` is missing",
                "$.count: expected a whole number from 0 to 9, found -1",
                "$.list[0][\"a b\"]: unknown field; known here: a",
            ]
        );
    }
}
