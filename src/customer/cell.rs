//! A value in sixteen bytes.

use rust_decimal::Decimal;

use crate::primitives::{Value, ValueRef};

/// A value, as it lies in a list of attributes.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    Bool(bool),
    Int(i64),
    Decimal { scale: u8, mantissa: i64 },
    Short(Short),
    Text { start: u32, len: u32 },
    Other(Box<Value>),
}

/// A text that needs no place elsewhere: its length, and its bytes with zeros behind, so that the same text is the same
/// bytes. Most of what rules compare is so short: countries, languages, tiers, plans.
#[derive(Clone, Copy)]
pub(crate) struct Short([u8; 1 + Short::LONGEST]);

impl Short {
    /// In bytes.
    const LONGEST: usize = 14;

    /// A text, if it is short.
    pub(crate) fn of(text: &str) -> Option<Short> {
        let mut bytes = [0; 1 + Short::LONGEST];
        let [len, room @ ..] = &mut bytes;
        room.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        *len = u8::try_from(text.len()).ok()?;
        Some(Short(bytes))
    }

    /// The same text is the same two words, which overlap by a byte so that each is read at once.
    #[inline]
    pub(crate) fn words(&self) -> [u64; 2] {
        [self.0.first_chunk(), self.0.last_chunk()].map(|chunk| chunk.map_or(0, |chunk| u64::from_le_bytes(*chunk)))
    }

    pub(crate) fn as_str(&self) -> &str {
        let [len, text @ ..] = &self.0;
        text.get(..usize::from(*len)).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default()
    }
}

/// Nothing of what it says (promise 2.5).
impl std::fmt::Debug for Short {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Short")
    }
}

impl Cell {
    /// Packs a value; a text that is not short goes behind the others.
    pub(super) fn pack(value: Value, texts: &mut String) -> Cell {
        match value {
            Value::Bool(b) => Cell::Bool(b),
            Value::Int(n) => Cell::Int(n),
            Value::Decimal(n) => match (i64::try_from(n.mantissa()), u8::try_from(n.scale())) {
                // Zero has a sign that the digits do not tell.
                (Ok(mantissa), Ok(scale)) if mantissa != 0 => Cell::Decimal { scale, mantissa },
                _ => Cell::Other(Box::new(value)),
            },
            Value::Text(ref text) => match (Short::of(text), u32::try_from(texts.len()), u32::try_from(text.len())) {
                (Some(short), ..) => Cell::Short(short),
                (None, Ok(start), Ok(len)) if start.checked_add(len).is_some() => {
                    texts.reserve_exact(text.len());
                    texts.push_str(text);
                    Cell::Text { start, len }
                }
                _ => Cell::Other(Box::new(value)),
            },
            Value::List(_) | Value::Map(_) => Cell::Other(Box::new(value)),
        }
    }

    /// The value, whose text may be among these.
    #[inline]
    pub(super) fn read<'a>(&'a self, texts: &'a str) -> ValueRef<'a> {
        match self {
            Cell::Bool(b) => ValueRef::Bool(*b),
            Cell::Int(n) => ValueRef::Int(*n),
            Cell::Decimal { scale, mantissa } => ValueRef::Decimal(unpacked(*mantissa, *scale)),
            Cell::Short(short) => ValueRef::Text(short.as_str()),
            Cell::Text { start, len } => {
                let start = *start as usize;
                ValueRef::Text(texts.get(start..start + *len as usize).unwrap_or_default())
            }
            Cell::Other(value) => (**value).as_ref(),
        }
    }
}

#[inline(never)]
fn unpacked(mantissa: i64, scale: u8) -> Decimal {
    Decimal::new(mantissa, u32::from(scale))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_value_takes_two_words() {
        assert_eq!(size_of::<Cell>(), 16);
    }

    proptest! {
        #[test]
        fn a_short_text_is_read_as_it_was_written(text in "[a-zß\\x00]{0,16}", other in "[a\\x00]{0,3}") {
            let short = Short::of(&text);
            prop_assert_eq!(short.is_some(), text.len() <= Short::LONGEST);
            prop_assert_eq!(short.map(|text| text.words()) == Short::of(&other).map(|text| text.words()), text == other);
            if let Some(short) = short {
                prop_assert_eq!(short.as_str(), text);
            }
        }
    }
}
