//! How many parts a text message takes, and how to keep it from taking more (promise 9.2).
//!
//! Alphabet and sizes are those of 3GPP TS 23.038 (GSM 7-bit default alphabet with its extension table) and TS 23.040
//! (a message carries 140 octets, and each part of a longer one loses 6 of them to the header that joins the parts).

use std::borrow::Cow;

use serde::Serialize;

/// How the characters of a text message are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SmsEncoding {
    /// Seven bits a character; characters of the extension table take two of them. A unit is a septet.
    Gsm7,
    /// Sixteen bits a character; those beyond the basic plane, such as most emoji, take two. A unit is a code unit.
    Ucs2,
}

impl SmsEncoding {
    /// How many units fit into a message that is sent as one part.
    pub const fn single(self) -> usize {
        match self {
            SmsEncoding::Gsm7 => 160,
            SmsEncoding::Ucs2 => 70,
        }
    }

    /// How many units fit into each part of a message that is sent as several.
    pub const fn joined(self) -> usize {
        match self {
            SmsEncoding::Gsm7 => 153,
            SmsEncoding::Ucs2 => 67,
        }
    }

    /// The encoding that a text needs: one character outside the GSM alphabet is enough to need UCS-2.
    pub fn of(text: &str) -> Self {
        if text.chars().all(|c| gsm7_units(c) > 0) { SmsEncoding::Gsm7 } else { SmsEncoding::Ucs2 }
    }

    fn units(self, c: char) -> usize {
        match self {
            SmsEncoding::Gsm7 => gsm7_units(c),
            SmsEncoding::Ucs2 => c.len_utf16(),
        }
    }
}

/// What a text costs as a text message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct SmsParts {
    /// The encoding that the text needs.
    pub encoding: SmsEncoding,
    /// The length of the text, in units of the encoding.
    pub units: usize,
    /// The number of parts that are sent and paid for; one for an empty text.
    pub parts: usize,
    /// How many more units the last part takes.
    pub room: usize,
}

/// Counts the parts of a text message.
///
/// An escape pair or a surrogate pair is never split, so a part can end a unit short, and a text can take one part more
/// than its length alone would tell.
///
/// ```
/// use throughline::message::sms::{SmsEncoding, count};
/// let plain = count("Your order is on its way.");
/// assert_eq!((plain.encoding, plain.units, plain.parts), (SmsEncoding::Gsm7, 25, 1));
/// // One curly apostrophe makes every character cost more than twice as much.
/// assert_eq!(count(&"We’re open! ".repeat(6)).parts, 2);
/// assert_eq!(count(&"€".repeat(80)).units, 160);
/// ```
pub fn count(text: &str) -> SmsParts {
    let encoding = SmsEncoding::of(text);
    let units = text.chars().map(|c| encoding.units(c)).sum();
    if units <= encoding.single() {
        return SmsParts { encoding, units, parts: 1, room: encoding.single() - units };
    }
    let (mut parts, mut used) = (1, 0);
    for c in text.chars() {
        let size = encoding.units(c);
        if used + size > encoding.joined() {
            parts += 1;
            used = 0;
        }
        used += size;
    }
    SmsParts { encoding, units, parts, room: encoding.joined() - used }
}

/// How many septets a character takes in the GSM alphabet: 1, 2 if it is in the extension table, 0 if it has none.
fn gsm7_units(c: char) -> usize {
    match c {
        '\u{c}' | '^' | '{' | '}' | '\\' | '[' | '~' | ']' | '|' | '€' => 2,
        '`' => 0,
        ' '..='~' | '\n' | '\r' => 1,
        '£' | '¥' | 'è' | 'é' | 'ù' | 'ì' | 'ò' | 'Ç' | 'Ø' | 'ø' | 'Å' | 'å' | 'Æ' | 'æ' | 'ß' | 'É' | '¤' | '¡' => {
            1
        }
        'Ä' | 'Ö' | 'Ñ' | 'Ü' | '§' | '¿' | 'ä' | 'ö' | 'ñ' | 'ü' | 'à' => 1,
        'Δ' | 'Φ' | 'Γ' | 'Λ' | 'Ω' | 'Π' | 'Ψ' | 'Σ' | 'Θ' | 'Ξ' => 1,
        _ => 0,
    }
}

/// Writes a text in the GSM alphabet if nothing but typography keeps it out: curly quotes, dashes, ellipses, special
/// spaces, full-width letters, letters in two parts (`e` and a combining accent), and characters that do not show.
///
/// A text that needs UCS-2 all the same, for an emoji or another script, comes back as it is: there is nothing to save,
/// and `...` would cost more than `…`. No letter loses its accent.
///
/// ```
/// use throughline::message::sms::transliterate;
/// assert_eq!(transliterate("“Don’t wait” – today only…"), "\"Don't wait\" - today only...");
/// assert_eq!(transliterate("«Сегодня…»"), "«Сегодня…»");
/// ```
pub fn transliterate(text: &str) -> Cow<'_, str> {
    if SmsEncoding::of(text) == SmsEncoding::Gsm7 {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if gsm7_units(c) > 0 {
            plain.push(c);
        } else if let Some(whole) = plain.chars().next_back().and_then(|base| composed(base, c)) {
            plain.pop();
            plain.push(whole);
        } else if let Some(ascii) = full_width(c) {
            plain.push(ascii);
        } else if let Some(same) = typographic(c) {
            plain.push_str(same);
        } else {
            return Cow::Borrowed(text);
        }
    }
    Cow::Owned(plain)
}

/// The letter of the GSM alphabet that a letter and a combining mark make.
fn composed(base: char, mark: char) -> Option<char> {
    let whole = match (base, mark) {
        ('a', '\u{300}') => 'à',
        ('e', '\u{300}') => 'è',
        ('i', '\u{300}') => 'ì',
        ('o', '\u{300}') => 'ò',
        ('u', '\u{300}') => 'ù',
        ('e', '\u{301}') => 'é',
        ('E', '\u{301}') => 'É',
        ('n', '\u{303}') => 'ñ',
        ('N', '\u{303}') => 'Ñ',
        ('a', '\u{308}') => 'ä',
        ('o', '\u{308}') => 'ö',
        ('u', '\u{308}') => 'ü',
        ('A', '\u{308}') => 'Ä',
        ('O', '\u{308}') => 'Ö',
        ('U', '\u{308}') => 'Ü',
        ('a', '\u{30a}') => 'å',
        ('A', '\u{30a}') => 'Å',
        ('C', '\u{327}') => 'Ç',
        _ => return None,
    };
    Some(whole)
}

/// The ASCII character that a full-width one is the wide form of.
fn full_width(c: char) -> Option<char> {
    match c {
        // Its plain form, the grave accent, is not in the GSM alphabet.
        '\u{ff40}' => Some('\''),
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0),
        _ => None,
    }
}

/// What stands for a typographic character in the GSM alphabet; by the names and compatibility mappings of Unicode.
fn typographic(c: char) -> Option<&'static str> {
    let same = match c {
        // Quotation marks, primes and free-standing accents.
        '«' | '»' | '“'..='‟' | '″' | '‶' | 'ʺ' | 'ˮ' | '❝' | '❞' | '〝'..='〟' => "\"",
        '‘' | '’' | '‛' | '′' | '‵' | 'ʹ' | 'ʻ'..='ʽ' | 'ˈ' | '´' | '`' | 'ˊ' | 'ˋ' | '❛' | '❜' => {
            "'"
        }
        '‹' => "<",
        '›' => ">",
        // Dashes, bullets and lines.
        '‐'..='―' | '−' | '⁃' | '•' | '﹘' | '﹣' | '⎼' | '⎽' => "-",
        '‗' => "_",
        '∣' | '⎸' | '⎹' | '⏐' | '⎜' | '⎟' => "|",
        '⁄' | '∕' | '⧸' | '÷' => "/",
        '∖' | '⧵' | '⧹' | '﹨' => "\\",
        // Stops.
        '‚' | '、' | '､' | '﹐' | '﹑' | '\u{fe10}' | '\u{fe11}' => ",",
        '。' | '｡' | '﹒' | '․' | '\u{fe12}' => ".",
        '…' | '\u{fe19}' => "...",
        '‥' => "..",
        '⁏' | '﹔' | '\u{fe14}' => ";",
        'ː' | '˸' | '⦂' | '꞉' | '∶' | '﹕' | '\u{fe13}' => ":",
        'ǃ' | '﹗' | '\u{fe15}' => "!",
        '‼' => "!!",
        '⁇' => "??",
        '⁈' => "?!",
        '⁉' => "!?",
        '﹖' | '\u{fe16}' => "?",
        // Brackets.
        '❨' | '❪' | '﹙' | '⟮' | '⦅' | '｟' => "(",
        '❩' | '❫' | '﹚' | '⟯' | '⦆' | '｠' => ")",
        '❴' | '﹛' => "{",
        '❵' | '﹜' => "}",
        // Signs.
        '⁎' | '∗' | '⊛' | '⧆' | '﹡' | '✢'..='✥' | '✱'..='✳' | '✺'..='✽' | '❃' | '❉'..='❋' => {
            "*"
        }
        '˖' | '﹢' => "+",
        '﹤' => "<",
        '﹥' => ">",
        '꞊' | '﹦' => "=",
        'ˆ' => "^",
        '˜' | '˷' | '∼' => "~",
        '﹟' => "#",
        '﹩' => "$",
        '﹪' => "%",
        '﹠' => "&",
        '﹫' => "@",
        '×' => "x",
        '™' => "TM",
        '©' => "(c)",
        '®' => "(R)",
        '¼' => "1/4",
        '½' => "1/2",
        '¾' => "3/4",
        '⅓' => "1/3",
        '⅔' => "2/3",
        // Ligatures and small capitals.
        'ﬀ' => "ff",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        'ﬃ' => "ffi",
        'ﬄ' => "ffl",
        'ᴀ' => "A",
        'ʙ' => "B",
        'ᴄ' => "C",
        'ᴅ' => "D",
        'ᴇ' => "E",
        'ꜰ' => "F",
        'ɢ' => "G",
        'ʜ' => "H",
        'ɪ' => "I",
        'ᴊ' => "J",
        'ᴋ' => "K",
        'ʟ' => "L",
        'ᴍ' => "M",
        'ɴ' => "N",
        'ᴏ' => "O",
        'ᴘ' => "P",
        'ʀ' => "R",
        'ꜱ' => "S",
        'ᴛ' => "T",
        'ᴜ' => "U",
        'ᴠ' => "V",
        'ᴡ' => "W",
        'ʏ' => "Y",
        'ᴢ' => "Z",
        // Spaces.
        '\t' | '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => " ",
        '\u{b}' | '\u{85}' | '\u{2028}' | '\u{2029}' => "\n",
        // What does not show: controls, soft hyphens, breaks that are only allowed or forbidden, directions.
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' => "",
        '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => "",
        _ => return None,
    };
    Some(same)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::SmsEncoding::*;
    use super::*;

    fn parts(text: &str) -> (SmsEncoding, usize, usize) {
        let counted = count(text);
        (counted.encoding, counted.units, counted.parts)
    }

    #[test]
    fn promise_9_2_the_limits_of_one_part_and_of_several() {
        for (unit, encoding, single, joined) in [("a", Gsm7, 160, 153), ("я", Ucs2, 70, 67)] {
            assert_eq!(parts(&unit.repeat(single)), (encoding, single, 1));
            assert_eq!(parts(&unit.repeat(single + 1)), (encoding, single + 1, 2));
            assert_eq!(parts(&unit.repeat(joined * 2)), (encoding, joined * 2, 2));
            assert_eq!(parts(&unit.repeat(joined * 2 + 1)), (encoding, joined * 2 + 1, 3));
            assert_eq!(count(&unit.repeat(joined * 2 + 1)).room, joined - 1);
        }
        assert_eq!(parts(""), (Gsm7, 0, 1));
    }

    #[test]
    fn promise_9_2_extension_characters_cost_two_and_are_not_split() {
        assert_eq!(parts(&"€".repeat(80)), (Gsm7, 160, 1));
        assert_eq!(parts(&"€".repeat(81)), (Gsm7, 162, 2));
        // 76 pairs fill 152 of 153 septets: the last one of the part stays empty.
        assert_eq!(parts(&"€".repeat(152)), (Gsm7, 304, 2));
        assert_eq!(parts(&"€".repeat(153)), (Gsm7, 306, 3));
    }

    #[test]
    fn promise_9_2_surrogate_pairs_are_not_split() {
        assert_eq!(parts(&"🎁".repeat(35)), (Ucs2, 70, 1));
        assert_eq!(parts(&"🎁".repeat(66)), (Ucs2, 132, 2));
        assert_eq!(parts(&"🎁".repeat(67)), (Ucs2, 134, 3));
    }

    #[test]
    fn letters_in_two_parts_become_one() {
        assert_eq!(transliterate("Cafe\u{301} fu\u{308}r A\u{30a}sa"), "Café für Åsa");
        assert_eq!(transliterate("a\u{301}"), "a\u{301}");
    }

    #[test]
    fn nothing_is_changed_where_nothing_is_saved() {
        for text in ["plain", "€5 [x]", "It’s 🎁 time…", "“ő”", ""] {
            assert!(matches!(transliterate(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn all_that_is_mapped_is_in_the_gsm_alphabet() {
        for c in '\0'..=char::MAX {
            let text = c.to_string();
            let plain = transliterate(&text);
            assert!(plain == text || SmsEncoding::of(&plain) == Gsm7, "{c:?} became {plain:?}");
        }
    }

    proptest! {
        #[test]
        fn promise_9_2_parts_agree_with_packing_unit_by_unit(text in "[ab€\\[ñя🎁]{0,400}") {
            // The units with their pairs marked, cut up as late as is allowed.
            let gsm7 = !text.contains(['я', '🎁']);
            let paired = |c: char| if gsm7 { c == '€' || c == '[' } else { c == '🎁' };
            let units = text.chars().flat_map(|c| if paired(c) { vec![true, false] } else { vec![false] });
            let units: Vec<bool> = units.collect();
            let (single, joined) = if gsm7 { (160, 153) } else { (70, 67) };
            let mut parts = 1;
            if units.len() > single {
                let mut rest = &units[..];
                while rest.len() > joined {
                    rest = &rest[if rest[joined - 1] { joined - 1 } else { joined }..];
                    parts += 1;
                }
            }
            let counted = count(&text);
            prop_assert_eq!((counted.units, counted.parts), (units.len(), parts));
        }
    }
}
