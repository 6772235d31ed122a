//! The words of the layout, read.

use std::sync::{Arc, LazyLock};

use rust_decimal::Decimal;

use super::codes::{Code, KNOWN_NAMES, OTHER_KIND, kind_of, unit_of};
use super::{DecodeError, DecodeProblem, MOST_NESTED, Names};
use crate::customer::{ChannelTag, MessageTag};
use crate::primitives::{ChannelKind, CustomerId, Fields, Instant, JourneyId, Key, Span, Value};

pub(super) type Result<T> = std::result::Result<T, DecodeError>;

/// Reads one record. What it allocates is bounded by the bytes that are left.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    clock: i64,
    names: &'a dyn Names,
    /// What follows the table of an empty record.
    table: Vec<Entry>,
    pub(super) messages: Vec<Arc<MessageTag>>,
    pub(super) channels: Vec<Arc<ChannelTag>>,
}

struct Entry {
    hash: u64,
    text: Option<Arc<str>>,
    /// Once it was read as a name: one copy serves the record.
    key: Option<Key>,
}

/// The table of an empty record.
static FIRST: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let names = KNOWN_NAMES.iter().map(|name| {
        let text: Arc<str> = Arc::from(*name);
        Entry { hash: Key::hash_of(name), text: Some(text.clone()), key: Some(Key::new(text)) }
    });
    std::iter::once(Entry { hash: 0, text: None, key: None }).chain(names).collect()
});

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], names: &'a dyn Names) -> Self {
        Reader { bytes, at: 0, clock: 0, names, table: Vec::new(), messages: Vec::new(), channels: Vec::new() }
    }

    pub(super) fn names(&self) -> &'a dyn Names {
        self.names
    }

    /// Where the next word stands.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn expected<T>(&self, at: usize, what: &'static str) -> Result<T> {
        Err(DecodeError { at, problem: DecodeProblem::Expected(what) })
    }

    fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    pub(super) fn end(&self) -> Result<()> {
        if self.left() == 0 { Ok(()) } else { self.expected(self.at, "the end of the record") }
    }

    pub(super) fn raw(&mut self, count: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(count);
        match end.and_then(|end| self.bytes.get(self.at..end)) {
            Some(bytes) => {
                self.at += count;
                Ok(bytes)
            }
            None => Err(DecodeError { at: self.at, problem: DecodeProblem::CutOff }),
        }
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let at = self.at;
        let bytes = self.raw(N)?;
        bytes.try_into().or_else(|_| self.expected(at, "bytes"))
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    fn wide(&mut self, bits: u32) -> Result<u128> {
        let at = self.at;
        let mut number = 0_u128;
        let mut shift = 0;
        loop {
            let byte = self.byte()?;
            let part = u128::from(byte & 0x7f);
            // What is shifted beyond the width would be lost.
            if shift >= bits || (bits - shift < 7 && part >> (bits - shift) != 0) {
                return self.expected(at, "a smaller number");
            }
            number |= part << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
            shift += 7;
        }
    }

    /// A number of the wanted width.
    pub(super) fn number<T: TryFrom<u64>>(&mut self) -> Result<T> {
        let at = self.at;
        let number = self.wide(u64::BITS)? as u64;
        T::try_from(number).or_else(|_| self.expected(at, "a smaller number"))
    }

    /// How many follow, of at least so many bytes each. What follows is there, so room for it may be made.
    pub(super) fn count(&mut self, bytes_each: usize) -> Result<usize> {
        let at = self.at;
        let count = self.number()?;
        if count > self.left() / bytes_each.max(1) {
            return Err(DecodeError { at, problem: DecodeProblem::CutOff });
        }
        Ok(count)
    }

    /// A list of items of at least so many bytes each.
    pub(super) fn list<T>(
        &mut self,
        bytes_each: usize,
        mut item: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let count = self.count(bytes_each)?;
        // Lists of lists could each announce all bytes that are left: room is made as the items come.
        let mut list = Vec::with_capacity(count.min(16));
        for _ in 0..count {
            list.push(item(self)?);
        }
        list.shrink_to_fit();
        Ok(list)
    }

    pub(super) fn signed(&mut self) -> Result<i64> {
        Ok(unzigzag(self.number()?))
    }

    pub(super) fn flags<const N: usize>(&mut self) -> Result<[bool; N]> {
        let at = self.at;
        let bits: u64 = self.number()?;
        if bits >> N != 0 {
            return self.expected(at, "flags of this format");
        }
        let mut flag = 0;
        Ok([(); N].map(|()| {
            flag += 1;
            bits >> (flag - 1) & 1 == 1
        }))
    }

    pub(super) fn code<C: Code>(&mut self) -> Result<C> {
        let at = self.at;
        let code = self.byte()?;
        self.coded(at, code)
    }

    /// The meaning of a code that stands at a byte.
    pub(super) fn coded<C: Code>(&self, at: usize, code: u8) -> Result<C> {
        C::of(code).map_or_else(|| self.expected(at, C::WHAT), Ok)
    }

    pub(super) fn id(&mut self) -> Result<CustomerId> {
        Ok(CustomerId::from_u128(u128::from_be_bytes(self.array()?)))
    }

    fn known(&self, index: usize) -> Option<&Entry> {
        FIRST.get(index).or_else(|| self.table.get(index.checked_sub(FIRST.len())?))
    }

    fn entry(&mut self) -> Result<usize> {
        let at = self.at;
        let number: u64 = self.number()?;
        if number & 1 == 1 {
            let index = usize::try_from(number >> 1).unwrap_or(usize::MAX);
            return match self.known(index) {
                Some(Entry { text: Some(_), .. }) => Ok(index),
                _ => self.expected(at, "a text that was written before"),
            };
        }
        let text = self.utf8(usize::try_from(number >> 1).unwrap_or(usize::MAX))?;
        self.table.push(Entry { hash: Key::hash_of(text), text: Some(text.into()), key: None });
        Ok(FIRST.len() + self.table.len() - 1)
    }

    /// So many bytes of text.
    pub(super) fn utf8(&mut self, length: usize) -> Result<&'a str> {
        let at = self.at;
        let bytes = self.raw(length)?;
        std::str::from_utf8(bytes).or_else(|wrong| self.expected(at + wrong.valid_up_to(), "UTF-8"))
    }

    pub(super) fn text(&mut self) -> Result<Arc<str>> {
        let at = self.at;
        let entry = self.entry()?;
        let text = self.known(entry).and_then(|entry| entry.text.clone());
        text.map_or_else(|| self.expected(at, "a text"), Ok)
    }

    /// The name of an event, a property or an attribute.
    pub(super) fn key(&mut self) -> Result<Key> {
        let at = self.at;
        let index = self.entry()?;
        let (text, key) = match self.known(index) {
            Some(Entry { key: Some(key), .. }) => return Ok(key.clone()),
            Some(Entry { text: Some(text), .. }) => (text.clone(), self.names.key(text)),
            _ => return self.expected(at, "a name"),
        };
        let key = key.filter(|key| key.as_str() == &*text).unwrap_or_else(|| Key::new(text));
        if let Some(entry) = index.checked_sub(FIRST.len()).and_then(|own| self.table.get_mut(own)) {
            entry.key = Some(key.clone());
        }
        Ok(key)
    }

    pub(super) fn journey(&mut self) -> Result<JourneyId> {
        let text = self.text()?;
        let shared = self.names.journey(&text).filter(|id| id.as_str() == &*text);
        Ok(shared.unwrap_or_else(|| JourneyId::new(text)))
    }

    pub(super) fn hash(&mut self) -> Result<u64> {
        let at = self.at;
        let number: usize = self.number()?;
        match number.checked_sub(1) {
            None => {
                let hash = u64::from_le_bytes(self.array()?);
                self.table.push(Entry { hash, text: None, key: None });
                Ok(hash)
            }
            Some(index) => match self.known(index) {
                Some(entry) => Ok(entry.hash),
                None => self.expected(at, "a hash that was written before"),
            },
        }
    }

    pub(super) fn instant(&mut self) -> Result<Instant> {
        let at = self.at;
        match self.number()? {
            0_u64 => Ok(Instant::MIN),
            1 => Ok(Instant::MAX),
            step => {
                let step = self.units(at, (step - 2).into())?;
                self.tick(at, step)
            }
        }
    }

    /// The milliseconds of a number of units, whose code is in the lowest two bits.
    fn units(&self, at: usize, number: u128) -> Result<i64> {
        let count = u64::try_from(number >> 2).ok().map(unzigzag);
        let millis = unit_of(number as u8 & 3).zip(count).and_then(|(unit, count)| count.checked_mul(unit));
        millis.map_or_else(|| self.expected(at, "a shorter time"), Ok)
    }

    /// The instant so many milliseconds after the one read before.
    fn tick(&mut self, at: usize, step: i64) -> Result<Instant> {
        let millis = self.clock.checked_add(step);
        match millis.filter(|millis| (Instant::MIN.as_millis()..=Instant::MAX.as_millis()).contains(millis)) {
            Some(millis) => {
                self.clock = millis;
                Ok(Instant::from_millis(millis))
            }
            None => self.expected(at, "an instant before the year 10000"),
        }
    }

    /// Times in ascending order.
    pub(super) fn times(&mut self) -> Result<Vec<Instant>> {
        let count = self.count(1)?;
        let mut times = Vec::with_capacity(count);
        if count == 0 {
            return Ok(times);
        }
        let at = self.at;
        let code = self.byte()?;
        let Some(unit) = unit_of(code) else { return self.expected(at, "a unit of time") };
        let first = self.instant()?;
        self.clock = first.as_millis();
        times.push(first);
        for _ in 1..count {
            let at = self.at;
            let step: u64 = self.number()?;
            let step = i64::try_from(step).ok().and_then(|step| step.checked_mul(unit)).unwrap_or(i64::MAX);
            times.push(self.tick(at, step)?);
        }
        Ok(times)
    }

    pub(super) fn span(&mut self) -> Result<Span> {
        let at = self.at;
        // A span of so many milliseconds, its unit and the 1 take 67 bits.
        match self.wide(67)?.checked_sub(1) {
            None => Ok(Span::MAX),
            Some(number) => Ok(Span::millis(self.units(at, number)?)),
        }
    }

    pub(super) fn kind(&mut self) -> Result<ChannelKind> {
        let at = self.at;
        match self.byte()? {
            OTHER_KIND => Ok(ChannelKind::Other(self.key()?)),
            code => kind_of(code).map_or_else(|| self.expected(at, "a kind of channel"), Ok),
        }
    }

    pub(super) fn value(&mut self) -> Result<Value> {
        let at = self.at;
        let tag = self.byte()?;
        self.tagged(at, tag, 0)
    }

    /// The value whose tag stands at a byte and was read already.
    pub(super) fn tagged(&mut self, at: usize, tag: u8, depth: u32) -> Result<Value> {
        Ok(match tag {
            1 => Value::Bool(false),
            2 => Value::Bool(true),
            3 => Value::Int(self.signed()?),
            4 => Value::Decimal(self.decimal()?),
            5 => Value::Text(self.text()?),
            6 => Value::List(self.list(1, |from| from.nested(depth + 1))?.into()),
            7 => Value::Map(Box::new(self.fields(depth + 1)?)),
            _ => return self.expected(at, "a value"),
        })
    }

    fn nested(&mut self, depth: u32) -> Result<Value> {
        let at = self.at;
        // A list of lists of lists would use up the stack.
        if depth > MOST_NESTED {
            return self.expected(at, "values nested less deeply");
        }
        let tag = self.byte()?;
        self.tagged(at, tag, depth)
    }

    pub(super) fn fields(&mut self, depth: u32) -> Result<Fields> {
        Ok(self.list(2, |from| Ok((from.key()?, from.nested(depth)?)))?.into_iter().collect())
    }

    fn decimal(&mut self) -> Result<Decimal> {
        let at = self.at;
        let sign_and_scale = self.byte()?;
        let (negative, scale) = (sign_and_scale & 0x80 != 0, u32::from(sign_and_scale & 0x7f));
        if scale > Decimal::MAX_SCALE {
            return self.expected(at, "at most 28 decimal places");
        }
        let digits = self.wide(96)?;
        Ok(Decimal::from_parts(digits as u32, (digits >> 32) as u32, (digits >> 64) as u32, negative, scale))
    }
}

pub(super) fn unzigzag(n: u64) -> i64 {
    (n >> 1) as i64 ^ -((n & 1) as i64)
}
