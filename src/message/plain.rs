//! The short way for templates that only fill in values, which most are: no engine, a quarter of its time.
//!
//! It gives what the engine gives, or nothing: whatever it does not know, and every error, is left to the engine.

use super::render::RenderInput;
use crate::primitives::{Key, ValueRef};

/// A template of text and placeholders such as `{{ customer.first_name | default('friend') }}`.
#[derive(Debug, Clone)]
pub(super) struct Plain {
    pieces: Box<[Piece]>,
    html: bool,
    length: usize,
}

#[derive(Debug, Clone)]
enum Piece {
    Text(Box<str>),
    Value { of: Root, key: Key, otherwise: Option<Box<str>> },
    UnsubscribeUrl,
}

#[derive(Debug, Clone, Copy)]
enum Root {
    Customer,
    Trigger,
}

impl Plain {
    /// Of a source that the engine has compiled; `None` where it is more than placeholders.
    pub(super) fn of(source: &str, html: bool) -> Option<Plain> {
        // The engine drops a line break at the end.
        if source.contains("{%") || source.contains("{#") || source.ends_with('\n') {
            return None;
        }
        let mut pieces = Vec::new();
        let mut rest = source;
        while let Some((text, tail)) = rest.split_once("{{") {
            let (tag, tail) = tail.split_once("}}")?;
            pieces.extend((!text.is_empty()).then(|| Piece::Text(text.into())));
            pieces.push(placeholder(tag)?);
            rest = tail;
        }
        pieces.extend((!rest.is_empty()).then(|| Piece::Text(rest.into())));
        Some(Plain { length: source.len() + 16 * pieces.len(), pieces: pieces.into(), html })
    }

    /// The rendered text; `None` where the engine has to say.
    pub(super) fn render(&self, input: &RenderInput<'_>) -> Option<String> {
        let mut out = String::with_capacity(self.length);
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::UnsubscribeUrl => self.push(&mut out, input.unsubscribe_link()?),
                Piece::Value { of, key, otherwise } => {
                    let value = match of {
                        Root::Customer => input.who.attribute(key),
                        Root::Trigger => input.trigger.and_then(|fields| fields.get(key)).map(|value| value.as_ref()),
                    };
                    match (value, otherwise) {
                        (Some(ValueRef::Text(text)), _) => self.push(&mut out, text),
                        (Some(ValueRef::Int(n)), _) => out.push_str(&n.to_string()),
                        (None, Some(text)) => self.push(&mut out, text),
                        _ => return None,
                    }
                }
            }
        }
        Some(out)
    }

    fn push(&self, out: &mut String, text: &str) {
        if !self.html || !text.contains(['<', '>', '&', '"', '\'', '/']) {
            out.push_str(text);
            return;
        }
        for c in text.chars() {
            match c {
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '&' => out.push_str("&amp;"),
                '"' => out.push_str("&quot;"),
                '\'' => out.push_str("&#x27;"),
                '/' => out.push_str("&#x2f;"),
                c => out.push(c),
            }
        }
    }
}

/// `customer.name`, `trigger.name`, `unsubscribe_url`, the first two also with a `default` of plain text.
fn placeholder(tag: &str) -> Option<Piece> {
    let (path, filter) = match tag.split_once('|') {
        Some((path, filter)) => (path.trim(), Some(filter.trim())),
        None => (tag.trim(), None),
    };
    if path == "unsubscribe_url" && filter.is_none() {
        return Some(Piece::UnsubscribeUrl);
    }
    let (of, name) = match path.split_once('.')? {
        ("customer", name) => (Root::Customer, name),
        ("trigger", name) => (Root::Trigger, name),
        _ => return None,
    };
    let otherwise = match filter {
        None => None,
        Some(filter) => {
            let text = filter.strip_prefix("default(")?.strip_suffix(')')?.trim();
            let text = text.strip_prefix('\'')?.strip_suffix('\'')?;
            (!text.contains(['\'', '\\'])).then_some(())?;
            Some(text.into())
        }
    };
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && name.bytes().next().is_some_and(|b| !b.is_ascii_digit());
    plain.then(|| Piece::Value { of, key: Key::new(name), otherwise })
}
