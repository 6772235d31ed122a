//! Phone numbers: E.164 however it is written, and national numbers of countries whose habits are known.

use crate::primitives::country::{calling_code, country_code};

/// The number with its plus; `None` for what is not international or no number.
pub(super) fn parse(text: &str) -> Option<String> {
    let digits = match written(text)? {
        Written { international: true, digits } => digits,
        Written { digits, .. } => digits.strip_prefix("00")?.to_owned(),
    };
    whole(&digits)
}

/// The same, where a number without its country's code is one of this country.
pub(super) fn parse_in(text: &str, country: &str) -> Option<String> {
    if let Some(number) = parse(text) {
        return Some(number);
    }
    let Written { international: false, digits } = written(text)? else { return None };
    let country = country_code(country)?;
    let Habit { trunk, needed, lengths: (least, most), .. } = HABITS.iter().find(|habit| habit.country == country)?;
    let national = match digits.strip_prefix(trunk) {
        Some(national) if !trunk.is_empty() => national,
        _ if *needed => return None,
        _ => &digits,
    };
    let fits = (*least..=*most).contains(&national.len());
    fits.then(|| whole(&format!("{}{national}", calling_code(country)?))).flatten()
}

/// The same, if the numbering plan of its country has such a number.
#[cfg(feature = "phone")]
pub(super) fn validated(text: &str, country: Option<&str>) -> Option<String> {
    let country = match country {
        Some(name) => Some(country_code(name)?.parse().ok()?),
        None => None,
    };
    // Longer than any number with what people write around it.
    let number = phonenumber::parse(country, Some(text).filter(|text| text.len() <= 80)?).ok()?;
    let whole = number.is_valid() && number.extension().is_none();
    whole.then(|| number.format().mode(phonenumber::Mode::E164).to_string()).and_then(|number| parse(&number))
}

/// What stands in a text: its digits, and whether a plus comes first.
struct Written {
    international: bool,
    digits: String,
}

fn written(text: &str) -> Option<Written> {
    let text = text.trim();
    let text = match text.get(..4) {
        Some(scheme) if scheme.eq_ignore_ascii_case("tel:") => text.get(4..)?,
        _ => text,
    };
    let international = text.starts_with(['+', '\u{ff0b}']);
    // +49 (0)30: what is dialled at home only.
    let abroad = international || text.starts_with("00");
    let (first, second) = text.split_once("(0)").filter(|_| abroad).unwrap_or((text, ""));
    let mut digits = String::with_capacity(16);
    for (n, c) in first.chars().chain(second.chars()).enumerate() {
        match c {
            '+' | '\u{ff0b}' if n == 0 => {}
            ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}' | '\u{2009}' | '\u{202f}' | '\u{2010}'..='\u{2015}' => {}
            // More than any number with its prefixes has.
            _ if digits.len() > 20 || n > 60 => return None,
            _ => digits.push(digit(c)?),
        }
    }
    Some(Written { international, digits })
}

/// The digits that phones of the world write.
fn digit(c: char) -> Option<char> {
    let from = |zero: char| char::from_digit(u32::from(c) - u32::from(zero), 10);
    match c {
        '0'..='9' => Some(c),
        '\u{ff10}'..='\u{ff19}' => from('\u{ff10}'),
        '\u{660}'..='\u{669}' => from('\u{660}'),
        '\u{6f0}'..='\u{6f9}' => from('\u{6f0}'),
        _ => None,
    }
}

/// ITU-T E.164: at most 15 digits, none of the codes begins with 0; the shortest international numbers in use have 8.
fn whole(digits: &str) -> Option<String> {
    ((8..=15).contains(&digits.len()) && !digits.starts_with('0')).then(|| format!("+{digits}"))
}

/// How a country's numbers are written at home.
struct Habit {
    country: &'static str,
    /// What is dialled before a number at home only.
    trunk: &'static str,
    /// Whether only that tells it from a number with the country's code but no plus.
    needed: bool,
    /// Fewest and most digits without the trunk prefix.
    lengths: (usize, usize),
}

const fn habit(country: &'static str, trunk: &'static str, least: usize, most: usize) -> Habit {
    Habit { country, trunk, needed: false, lengths: (least, most) }
}

const fn needing(country: &'static str, trunk: &'static str, least: usize, most: usize) -> Habit {
    Habit { country, trunk, needed: true, lengths: (least, most) }
}

/// From the ITU's list of dialling procedures and the national numbering plans. Countries whose numbers cannot be told
/// from others by so little are left out: theirs need the country's code.
static HABITS: [Habit; 54] = [
    habit("AE", "0", 8, 9),
    needing("AT", "0", 4, 13),
    habit("AU", "0", 9, 9),
    habit("BE", "0", 8, 9),
    habit("BG", "0", 8, 9),
    habit("CA", "1", 10, 10),
    habit("CH", "0", 9, 9),
    habit("CN", "0", 10, 11),
    habit("CY", "", 8, 8),
    habit("CZ", "", 9, 9),
    needing("DE", "0", 5, 12),
    habit("DK", "", 8, 8),
    habit("EE", "", 7, 8),
    habit("EG", "0", 9, 10),
    habit("ES", "", 9, 9),
    needing("FI", "0", 5, 12),
    habit("FR", "0", 9, 9),
    habit("GB", "0", 9, 10),
    habit("GR", "", 10, 10),
    habit("HK", "", 8, 8),
    habit("HR", "0", 8, 9),
    needing("HU", "06", 8, 9),
    needing("ID", "0", 8, 12),
    habit("IE", "0", 7, 9),
    habit("IL", "0", 8, 9),
    habit("IN", "0", 10, 10),
    habit("IS", "", 7, 7),
    habit("IT", "", 9, 11),
    habit("JP", "0", 9, 10),
    habit("KE", "0", 9, 9),
    needing("KR", "0", 8, 10),
    habit("LV", "", 8, 8),
    habit("MA", "0", 9, 9),
    habit("MT", "", 8, 8),
    needing("MY", "0", 8, 10),
    needing("NG", "0", 8, 10),
    habit("NL", "0", 9, 9),
    habit("NO", "", 8, 8),
    needing("NZ", "0", 8, 10),
    habit("PH", "0", 8, 10),
    habit("PK", "0", 10, 10),
    habit("PL", "", 9, 9),
    habit("PT", "", 9, 9),
    habit("RO", "0", 9, 9),
    habit("RU", "8", 10, 10),
    habit("SA", "0", 9, 9),
    habit("SE", "0", 7, 9),
    habit("SG", "", 8, 8),
    habit("TH", "0", 8, 9),
    habit("TR", "0", 10, 10),
    habit("UA", "0", 9, 9),
    habit("US", "1", 10, 10),
    needing("VN", "0", 9, 10),
    habit("ZA", "0", 9, 9),
];
