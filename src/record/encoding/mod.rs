//! The stored form of a record: what a host keeps, and what a later release has to read.
//!
//! # The layout, format 1
//!
//! One byte [`MAGIC`], one byte of the format's version, and then the fields below without gaps. Nothing follows them.
//!
//! ## Words
//!
//! | Word | Bytes |
//! |---|---|
//! | number | LEB128: seven bits a byte, the lowest first, the top bit set on all but the last |
//! | signed | a number: 0, -1, 1, -2, ... as 0, 1, 2, 3, ... (zig-zag) |
//! | byte, bytes | as they are; ids of 128 bits with the highest byte first, hashes with the lowest byte first |
//! | count | a number, of what follows |
//! | text | a number `n`. Even: a new text of `n / 2` bytes of UTF-8 follows and enters the table. Odd: the text of entry `n / 2` |
//! | hash | a number `n`. 0: eight bytes follow and enter the table. Else: the hash of entry `n - 1` |
//! | time | a number: in its lowest two bits a unit (milliseconds 0, seconds 1, minutes 2, hours 3: the longest that fits), above them how many, as a signed |
//! | instant | a number `n`. 0: the earliest, 1: the latest instant. Else `n - 2` as time: the difference to the instant written before that was neither; the first one counts from 1970 |
//! | span | a number `n`. 0: for ever. Else `n - 1` as time |
//! | kind | a byte: email, sms, whatsapp, push, web_push, in_app, inbox, audience are 0 to 7; 8: any other, its name follows as text |
//! | value | a byte, and what it says: 1 false; 2 true; 3 a signed; 4 a decimal; 5 a text; 6 a list: count, values; 7 a map: count, and of each its name as text, value |
//! | decimal | a byte: the places, and 128 more if it is negative; the digits, without trailing zeros, as a number of up to 96 bits |
//! | flags | a number whose bits say which of the optional fields follow. An unknown bit is refused |
//!
//! The table holds each text and each hash of a record once, in the order of their first use. Entry 0 is the hash 0,
//! and the entries 1 to 40 are the names that most records hold: `Product Viewed`, `Product Added`, `Product Removed`,
//! `Product List Viewed`, `Products Searched`, `Cart Viewed`, `Checkout Started`, `Order Completed`, `Order Refunded`,
//! `Order Cancelled`, `Signed Up`, `identify`, `page`, `screen`, `order_id`, `product_id`, `category`, `total`,
//! `revenue`, `currency`, `value`, `price`, `quantity`, `products`, `name`, `email`, `phone`, `first_name`,
//! `last_name`, `country`, `locale`, `timezone`, `brand`, `sku`, `variant`, `coupon`, `birthday`, `offers`, `news`,
//! `newsletter`. A text can be named by its hash too. So a name is written once, and a contact point, a journey or a
//! run that was named before costs a byte or two.
//!
//! ## Record
//!
//! | Field | As |
//! |---|---|
//! | id | 16 bytes |
//! | what follows | flags: user id 1, visitors 2, points 4, place 8, preferred 16, attributes 32, consents 64, history 128, returns 256, runs 512, holds 1024, contacts 2048, channels 4096, memberships 8192, events seen 16384, not live 32768, figures 65536, aliases 131072, anonymous 262144, merged 524288, absorbed 1048576, judged 2097152, dropped 4194304, erased 8388608, timers 16777216 |
//! | first seen, last seen, last step, segments due | instants |
//! | user id | text |
//! | visitors | count; texts |
//! | aliases | count; texts |
//! | points | count; of each: text, kind, byte (1: with a device; plus twice the block: hard bounce 1, invalid 2, host 3, erased 4, opt-out 5, complaint 6), fresh instant; the device: byte (with an id 1, plus twice the kind: unknown 0, ios 1, android 2, web 3, other 4), other kind's name text, id hash |
//! | dropped | count; of each token that was dropped its hash and the instant up to which it stays so |
//! | place | flags (zone 1, locale 2, country 4); said instant; texts in that order |
//! | preferred | kind |
//! | attributes | count; of each: name text, value, said instant, since instant |
//! | anonymous | count; of each attribute that was said before the customer was known its place, from 0, as a number |
//! | consents | count; of each: kind; byte (topic 1, point 2, expires 4, counts 64, proved 128, plus eight times what it says: 0 revoked, granted express 1, implied by purchase 2, by inquiry 3, soft opt-in 4, legitimate interest 5, signed up 6, confirmed 7); topic text; point hash; at instant; expiry instant; of a sign-up the instant until which it waits; the instant from which it counts, if a merge raised it (of a sign-up: what follows its confirmation); of one that is proved flags (source 1, evidence 2), source text, evidence text, which is not empty |
//! | merged | the latest merge, instant |
//! | history | count; series |
//! | runs | count; runs |
//! | holds | count; of each: flags (about 1); journey hash, key hash, run hash; about hash; began, ended instants; after span |
//! | contacts | count; contacts |
//! | channels | count; of each: kind, flags (engaged 1), sent number, engaged number, last engaged instant |
//! | memberships | count; of each: hash of the segment, its lowest bit 1 if the customer is inside; until instant |
//! | events seen | count of periods; of each: signed difference to the period before, number of ids; then 6 bytes of each id: 48 bits, the lowest byte first |
//! | figures | see below |
//! | absorbed | count; of each record that became part of this one the id, 16 bytes |
//! | judged | 8 bytes: by which definitions of segments the memberships were found |
//! | erased | the latest erasure, instant |
//! | timers | count; of each: flags (done 1, next 2); journey hash; the date that is done, in days since 1970-01-01, signed; the next one: days after that, signed (from 0 where none is done), instant |
//! | not live | byte 1: moved, 16 bytes of the other record's id. Byte 2: awaiting, or to be erased after that, 3, or unless it is a user's then, 5; count of the open links, of each 8 bytes; the same of those that ended. Byte 4: erased, count of the hashes of user ids, of each 16 bytes; the same of strong identifiers |
//!
//! "Returns" is a bit alone: whether an order on record was ever taken back.
//!
//! ## Series
//!
//! Name text; occurrences ever, number; first ever, latest dropped: instants; count of times. If there are any: byte
//! (the unit of all steps, as above); the first as instant; of each later one the number of units since the one
//! before. The latest counts as the instant written before.
//!
//! Then the count of columns; of each: property text; byte (packed as numbers 0, texts 1, any 2); count of rows; rows:
//!
//! - numbers: byte `d` from 0 to 4; of each row a number: 0 no value, else 1 + the signed value in units of
//!   10^(d - 4);
//! - texts: of each row a number: 0 no value, else 1 + its length; its bytes of UTF-8, outside of the table;
//! - any: of each row a byte 0 for no value, else a value.
//!
//! ## Run
//!
//! Flags (key 1, about 2, wake 4, data 8, pending 16, awaiting 32, note 64); journey text; version number; run hash;
//! key text; about hash; began instant; step, visit, attempt numbers; since instant; note text; wake instant; data
//! (count; of each: name text, value); sent number; pending: flags (only 1, cascade 2); message text; only (count;
//! texts); cascade (count; bytes: engagements); first, retry instants. "Awaiting" is a bit alone.
//!
//! ## Contact
//!
//! Flags (run 1, point 2, claims 4, engaged 8, doubt 16, cascading 32, devices 64); byte (status: queued 0, in flight 1, accepted
//! 2, refused 3, parked 4, cancelled 5, expired 6, held out 7, bounced 8); id, 16 bytes; message; channel; content hash; run
//! (journey text, run hash, visit hash); point hash; decided, deadline instants; tries number; claims (first, last
//! instants); queued or in flight: instant; engaged (byte: open 0, click 1, reply 2, visit 3, conversion 4; instant);
//! devices: count; of each: flags (claims 1, doubt 2), status byte, the envelope's id in 16 bytes, point hash, tries
//! number, claims, queued or in flight: instant. "Doubt" and "cascading" are bits alone.
//!
//! A message is a number `n`: 0, and it follows: id text, topic text, flags (transactional 1, counts 2), dedupe span.
//! Else the `n`th message written. A channel likewise: id text, kind.
//!
//! ## Figures
//!
//! Flags (currency 1, lines 2, sums 4, consideration 8, decision 16, affinities 32, habits 64); the shop's currency, 3
//! letters; lines; sums net, then gross; the latest sign of consideration, of decision: instants; affinities; habits.
//!
//! Lines: count of times and times, as of a series; byte `d` from 0 to 4; of each line a byte (order 0, refund 1, cancellation
//! 2; named 4, priced 8, in the shop's currency 16, in another 32), the order's hash in 6 bytes, the lowest first, the
//! amount as signed in units of 10^(d - 4), the other currency's 3 letters.
//!
//! A sum: flags (first 1, last 2, previous 4); orders, priced, left out: numbers; money in ten-thousandths, signed; first,
//! last, previous instants.
//!
//! Affinities: half-life in days, number; period, signed; count; of each: byte (category 0, brand 1), name text, score
//! number. Habits: flags (one of each of 24 hours) and of each that is set its number; count of devices; of each:
//! name text; delivered, engaged, clicked numbers.
//!
//! # What may change
//!
//! Nothing of format 1. A release that keeps more writes format 2 and goes on reading 1, by a `match` on the version.

mod codes;
mod contacts;
mod figures;
mod history;
mod profile;
mod read;
mod runs;
mod write;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::CustomerState;
use crate::customer::{ChannelTag, MessageTag};
use crate::primitives::{ChannelId, JourneyId, Key, MessageId};
use read::Reader;
use write::Writer;

/// The first byte of every stored record: not the first of any JSON, nor of any UTF-8 text.
pub const MAGIC: u8 = 0xB7;

/// The version that [`CustomerState::encode`] writes.
pub const FORMAT: u8 = 1;

/// How deep a value's lists and maps may nest: as deep as a JSON reader goes.
const MOST_NESTED: u32 = 128;

/// Hands out shared copies of names and definitions while a record is read, so that a million records in memory hold
/// one copy of each instead of a million. Every method may answer `None`: then the record holds a copy of its own.
///
/// `()` shares nothing.
///
/// # Contract
/// An answer is used only if it is equal to what was stored: a record says what was sent under the definitions of its
/// time, whatever has become of them.
pub trait Names {
    /// The name of an event, a property or an attribute.
    fn key(&self, name: &str) -> Option<Key> {
        let _ = name;
        None
    }

    /// A journey's name.
    fn journey(&self, name: &str) -> Option<JourneyId> {
        let _ = name;
        None
    }

    /// What a contact log keeps of a message.
    fn message(&self, id: &MessageId) -> Option<Arc<MessageTag>> {
        let _ = id;
        None
    }

    /// What a contact log keeps of a channel.
    fn channel(&self, id: &ChannelId) -> Option<Arc<ChannelTag>> {
        let _ = id;
        None
    }
}

impl Names for () {}

/// Why bytes are no record, and at which byte that showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("byte {at}: {problem}")]
#[non_exhaustive]
pub struct DecodeError {
    /// The offset, from 0, of what cannot be read.
    pub at: usize,
    /// What is wrong there.
    pub problem: DecodeProblem,
}

/// What is wrong with a stored record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeProblem {
    /// The first byte is another: something else was stored.
    #[error("not a customer's record")]
    NotARecord,
    /// A newer release wrote it. Nothing is wrong with it; do not overwrite it.
    #[error("format {0} is newer than this release, which reads up to format {FORMAT}")]
    Newer(u8),
    /// The bytes end within it.
    #[error("the record is cut off")]
    CutOff,
    /// It is not of the form that it should have.
    #[error("expected {0}")]
    Expected(&'static str),
}

impl CustomerState {
    /// The stored form: a few hundred bytes for most customers.
    ///
    /// Equal states give equal bytes, on every machine. Lists and maps within values are kept to a depth of 128; no
    /// JSON reader goes deeper.
    ///
    /// ```
    /// use throughline::{CustomerId, CustomerState, Instant};
    /// let state = CustomerState::new(CustomerId::new("anna"), Instant::from_millis(0));
    /// let bytes = state.encode();
    /// assert_eq!(CustomerState::decode(&bytes, &())?, state);
    /// assert!(CustomerState::decode(b"{}", &()).is_err());
    /// # Ok::<(), throughline::DecodeError>(())
    /// ```
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer::new();
        to.byte(MAGIC);
        to.byte(FORMAT);
        to.record(self);
        to.finish()
    }

    /// Reads a stored form, of this release or of any before. `names` hands out shared copies; `&()` has none.
    ///
    /// The bytes need not be trusted: whatever they are, this neither panics nor takes memory out of proportion to
    /// their number.
    ///
    /// # Errors
    /// What is wrong, and at which byte.
    pub fn decode(bytes: &[u8], names: &dyn Names) -> Result<CustomerState, DecodeError> {
        let mut from = Reader::new(bytes, names);
        if from.byte()? != MAGIC {
            return Err(DecodeError { at: 0, problem: DecodeProblem::NotARecord });
        }
        match from.byte()? {
            1 => from.record(),
            0 => Err(DecodeError { at: 1, problem: DecodeProblem::NotARecord }),
            newer => Err(DecodeError { at: 1, problem: DecodeProblem::Newer(newer) }),
        }
    }
}
