//! The words of the layout, written.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::LazyLock;

use rust_decimal::Decimal;

use super::MOST_NESTED;
use super::codes::{Code, KNOWN_NAMES, kind_code, unit_for};
use crate::customer::{ChannelTag, MessageTag};
use crate::primitives::{ChannelKind, CustomerId, Fields, Instant, Key, Span, ValueRef};

/// Writes one record.
pub(super) struct Writer<'a> {
    bytes: Vec<u8>,
    /// The instant written last that was neither the earliest nor the latest.
    clock: i64,
    /// The table, by hash: looked up only, never walked, so that its own order does not show.
    table: HashMap<u64, Known<'a>>,
    entries: u64,
    pub(super) messages: Vec<&'a MessageTag>,
    pub(super) channels: Vec<&'a ChannelTag>,
}

/// Where a hash stands in the table, and the text of this hash.
#[derive(Clone, Copy)]
struct Known<'a> {
    at: u64,
    text: Option<(u64, &'a str)>,
}

/// The table of an empty record.
static FIRST: LazyLock<HashMap<u64, Known<'static>>> = LazyLock::new(|| {
    let names =
        KNOWN_NAMES.iter().zip(1..).map(|(name, at)| (Key::hash_of(name), Known { at, text: Some((at, *name)) }));
    std::iter::once((0, Known { at: 0, text: None })).chain(names).collect()
});

impl<'a> Writer<'a> {
    pub(super) fn new() -> Self {
        Writer {
            bytes: Vec::with_capacity(512),
            clock: 0,
            table: FIRST.clone(),
            entries: KNOWN_NAMES.len() as u64 + 1,
            messages: Vec::new(),
            channels: Vec::new(),
        }
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.bytes.shrink_to_fit();
        self.bytes
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn number(&mut self, number: impl Into<u128>) {
        let mut rest: u128 = number.into();
        while rest >= 0x80 {
            self.byte(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.byte(rest as u8);
    }

    pub(super) fn count(&mut self, count: usize) {
        self.number(count as u64);
    }

    pub(super) fn signed(&mut self, number: i64) {
        self.number(zigzag(number));
    }

    /// The bits of those that are set, the first the lowest; what they announce is written by the caller.
    pub(super) fn flags<const N: usize>(&mut self, flags: [bool; N]) {
        let bits = flags.iter().rev().fold(0_u64, |bits, flag| bits << 1 | u64::from(*flag));
        self.number(bits);
    }

    pub(super) fn code(&mut self, code: impl Code) {
        self.byte(code.code());
    }

    pub(super) fn id(&mut self, id: CustomerId) {
        self.raw(&id.as_u128().to_be_bytes());
    }

    pub(super) fn text(&mut self, text: &'a str) {
        let at = self.entries;
        match self.table.entry(Key::hash_of(text)) {
            Entry::Occupied(mut known) => match known.get().text {
                Some((at, same)) if same == text => return self.number(at << 1 | 1),
                Some(_) => {}
                None => known.get_mut().text = Some((at, text)),
            },
            Entry::Vacant(free) => {
                free.insert(Known { at, text: Some((at, text)) });
            }
        }
        self.entries += 1;
        self.number((text.len() as u64) << 1);
        self.raw(text.as_bytes());
    }

    pub(super) fn hash(&mut self, hash: u64) {
        match self.table.entry(hash) {
            Entry::Occupied(known) => {
                let at = known.get().at;
                self.number(at + 1);
            }
            Entry::Vacant(free) => {
                free.insert(Known { at: self.entries, text: None });
                self.entries += 1;
                self.byte(0);
                self.raw(&hash.to_le_bytes());
            }
        }
    }

    pub(super) fn instant(&mut self, at: Instant) {
        match at {
            Instant::MIN => self.byte(0),
            Instant::MAX => self.byte(1),
            _ => {
                // Instants reach less than 2^49 milliseconds from the epoch, so nothing here overflows.
                let millis = at.as_millis();
                self.number(in_units(millis - self.clock) + 2);
                self.clock = millis;
            }
        }
    }

    /// Times in ascending order.
    pub(super) fn times(&mut self, times: &[Instant]) {
        self.count(times.len());
        let Some(first) = times.first() else { return };
        let steps = || times.windows(2).map(|pair| if let [a, b] = pair { *b - *a } else { Span::ZERO }.as_millis());
        let (code, unit) = unit_for(steps());
        self.byte(code);
        self.instant(*first);
        steps().for_each(|step| self.number((step / unit).unsigned_abs()));
        self.clock = times.last().map_or(self.clock, |last| last.as_millis());
    }

    pub(super) fn span(&mut self, span: Span) {
        match span {
            Span::MAX => self.byte(0),
            span => self.number(in_units(span.as_millis()) + 1),
        }
    }

    pub(super) fn kind(&mut self, kind: &'a ChannelKind) {
        self.byte(kind_code(kind));
        if let ChannelKind::Other(name) = kind {
            self.text(name.as_str());
        }
    }

    pub(super) fn value(&mut self, value: ValueRef<'a>) {
        self.nested(value, 0);
    }

    fn nested(&mut self, value: ValueRef<'a>, depth: u32) {
        match value {
            ValueRef::Bool(false) => self.byte(1),
            ValueRef::Bool(true) => self.byte(2),
            ValueRef::Int(n) => {
                self.byte(3);
                self.signed(n);
            }
            ValueRef::Decimal(n) => {
                self.byte(4);
                self.decimal(n);
            }
            ValueRef::Text(text) => {
                self.byte(5);
                self.text(text);
            }
            ValueRef::List(_) | ValueRef::Map(_) if depth >= MOST_NESTED => {
                self.byte(6);
                self.count(0);
            }
            ValueRef::List(list) => {
                self.byte(6);
                self.count(list.len());
                list.iter().for_each(|value| self.nested(value.as_ref(), depth + 1));
            }
            ValueRef::Map(map) => {
                self.byte(7);
                self.fields(map, depth + 1);
            }
        }
    }

    pub(super) fn fields(&mut self, fields: &'a Fields, depth: u32) {
        self.count(fields.len());
        for (key, value) in fields.iter() {
            self.text(key.as_str());
            self.nested(value.as_ref(), depth);
        }
    }

    /// Equal numbers give equal bytes, and nothing in the house tells 2.5 from 2.50.
    fn decimal(&mut self, n: Decimal) {
        let n = n.normalize();
        let negative = n.mantissa() < 0;
        self.byte(n.scale() as u8 | if negative { 0x80 } else { 0 });
        self.number(n.mantissa().unsigned_abs());
    }
}

/// Milliseconds in the longest unit that fits, with the unit's code in the lowest two bits.
fn in_units(millis: i64) -> u128 {
    let (code, unit) = unit_for(std::iter::once(millis));
    u128::from(zigzag(millis / unit)) << 2 | u128::from(code)
}

pub(super) fn zigzag(n: i64) -> u64 {
    (n << 1 ^ n >> 63) as u64
}
