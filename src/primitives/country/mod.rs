//! Countries: by the names that shops write, by telephone number, and with the zones that they use (promise 1.2).
//!
//! A country is its ISO 3166-1 code of two capital letters.

mod calling;
mod table;

use std::collections::HashMap;
use std::sync::LazyLock;

use self::calling::CALLING_CODES;
use self::table::COUNTRIES;
use super::zone::Zone;

static BY_NAME: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let names = |country: &'static table::Country| country.names.split(" | ").map(|name| (name, country.alpha2));
    COUNTRIES.iter().flat_map(names).collect()
});

static BY_CALLING_CODE: LazyLock<HashMap<u32, &'static str>> = LazyLock::new(|| {
    CALLING_CODES.iter().flat_map(|(country, codes)| codes.iter().map(|code| (*code, *country))).collect()
});

/// The zones that a country (two letters, in any case) uses; none for an unknown one.
///
/// Of zones that keep the same time today one stands for all, so a country has several only where its clocks differ.
/// Source: the IANA time-zone database 2025b.
///
/// ```
/// use throughline::country::zones_of_country;
/// assert_eq!(zones_of_country("DE").iter().map(|zone| zone.name()).collect::<Vec<_>>(), ["Europe/Berlin"]);
/// assert_eq!(zones_of_country("id").len(), 3);
/// assert!(zones_of_country("ZZ").is_empty());
/// ```
pub fn zones_of_country(iso2: &str) -> &'static [Zone] {
    find(iso2).map_or(&[], |country| country.zones)
}

/// The country that a telephone number in E.164 form (`+` and digits) belongs to; `None` for codes that no country has.
///
/// The longest matching prefix decides. Of the numbers under +1, those of Canada, the Caribbean and the Pacific are
/// told apart by area code, and all others, toll-free ones too, count as the United States. Sources: the ITU's list of
/// calling codes and the area codes of the North American Numbering Plan.
///
/// ```
/// use throughline::country::country_of_phone;
/// assert_eq!(country_of_phone("+14165550123"), Some("CA"));
/// assert_eq!(country_of_phone("+12125550123"), Some("US"));
/// assert_eq!(country_of_phone("+77012345678"), Some("KZ"));
/// ```
pub fn country_of_phone(e164: &str) -> Option<&'static str> {
    let digits = e164.strip_prefix('+')?;
    if digits.is_empty() || digits.starts_with('0') || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // No prefix in the table has more than seven digits.
    let mut prefix: u32 = digits.get(..7).unwrap_or(digits).parse().ok()?;
    while prefix > 0 {
        if let Some(country) = BY_CALLING_CODE.get(&prefix) {
            return Some(country);
        }
        prefix /= 10;
    }
    None
}

/// The code of a country that is given as a code (of two or three letters) or by an English name, in any case, with or
/// without accents and punctuation.
///
/// The names are the short ones of ISO 3166-1 and those in everyday use.
///
/// ```
/// use throughline::country::country_code;
/// for text in ["GB", "gbr", "United Kingdom", "U.K.", "the united kingdom"] {
///     assert_eq!(country_code(text), Some("GB"));
/// }
/// assert_eq!(country_code("EIRE"), Some("IE"));
/// assert_eq!(country_code("Côte d’Ivoire"), Some("CI"));
/// assert_eq!(country_code("Unspecified"), None);
/// ```
pub fn country_code(text: &str) -> Option<&'static str> {
    let text = text.trim();
    let by_code = match text.len() {
        2 => find(text),
        3 => COUNTRIES.iter().find(|country| country.alpha3.eq_ignore_ascii_case(text)),
        _ => None,
    };
    by_code.map(|country| country.alpha2).or_else(|| BY_NAME.get(plain_name(text).as_str()).copied())
}

/// The code by which a country is called, by its ISO 3166 alpha-2 code. Countries that share one have it in common.
pub(crate) fn calling_code(iso2: &str) -> Option<u32> {
    let own = CALLING_CODES.iter().find(|(country, _)| *country == iso2)?.1.first()?;
    // Some are told apart by digits that follow the code.
    let codes = CALLING_CODES.iter().flat_map(|(_, codes)| codes.iter().copied());
    let mut shorter = std::iter::successors(Some(*own), |code| (*code > 9).then_some(code / 10)).collect::<Vec<_>>();
    shorter.reverse();
    shorter.into_iter().find(|code| codes.clone().any(|known| known == *code))
}

fn find(iso2: &str) -> Option<&'static table::Country> {
    let [a, b] = *iso2.as_bytes() else { return None };
    let code = [a.to_ascii_uppercase(), b.to_ascii_uppercase()];
    let at = COUNTRIES.binary_search_by(|country| country.alpha2.as_bytes().cmp(&code)).ok()?;
    COUNTRIES.get(at)
}

/// A name as the table spells it: words of lower-case ASCII with one space between, without the article.
fn plain_name(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'a'..='z' | '0'..='9' => name.push(c),
            'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => name.push('a'),
            'ç' => name.push('c'),
            'è' | 'é' | 'ê' | 'ë' => name.push('e'),
            'ì' | 'í' | 'î' | 'ï' => name.push('i'),
            'ñ' => name.push('n'),
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' => name.push('o'),
            'ù' | 'ú' | 'û' | 'ü' => name.push('u'),
            '&' => name.push_str(" and "),
            // Letters that came in two parts: the accent goes, the letter has been kept.
            '\u{300}'..='\u{36f}' => {}
            _ => name.push(' '),
        }
    }
    let words = name.split_ascii_whitespace().map(|word| if word == "st" { "saint" } else { word });
    let words: Vec<_> = words.collect();
    words.strip_prefix(&["the"]).unwrap_or(&words).join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::{Instant, Span};

    #[test]
    fn the_table_is_whole_and_every_country_can_be_found_by_all_its_names() {
        assert_eq!(COUNTRIES.len(), 250); // ISO's 249 and Kosovo
        assert!(COUNTRIES.is_sorted_by(|a, b| a.alpha2 < b.alpha2));
        for country in COUNTRIES {
            assert_eq!(country.zones.is_empty(), ["BV", "HM"].contains(&country.alpha2), "{}", country.alpha2);
            for name in country.names.split(" | ").chain([country.alpha2, country.alpha3]) {
                assert_eq!(country_code(name), Some(country.alpha2), "{name}");
            }
        }
        let names: usize = COUNTRIES.iter().map(|country| country.names.split(" | ").count()).sum();
        assert_eq!(BY_NAME.len(), names, "two countries share a name");
    }

    #[test]
    fn promise_1_2_a_country_has_several_zones_only_where_its_clocks_differ() {
        let start: Instant = "2025-06-01".parse().unwrap();
        for country in COUNTRIES {
            for (n, one) in country.zones.iter().enumerate() {
                for other in &country.zones[n + 1..] {
                    let differ = (0..730)
                        .any(|day| one.offset(start + Span::days(day)) != other.offset(start + Span::days(day)));
                    assert!(differ, "{}: {one} and {other}", country.alpha2);
                }
            }
        }
        let several = |iso2| zones_of_country(iso2).len() > 1;
        assert!(
            ["US", "CA", "BR", "AU", "RU", "MX", "ID", "ES", "PT", "NZ", "CL", "MN", "CD"].into_iter().all(several)
        );
        assert!(!["DE", "GB", "FR", "IN", "JP", "AR", "TR", "PL", "IE"].into_iter().any(several));
    }

    #[test]
    fn names_as_shops_write_them() {
        for (text, country) in [
            ("USA", "US"),
            ("U.S.A.", "US"),
            (" united states ", "US"),
            ("RSA", "ZA"),
            ("Channel Islands", "JE"),
            ("Czech Republic", "CZ"),
            ("Bosnia & Herzegovina", "BA"),
            ("St. Vincent and the Grenadines", "VC"),
            ("Curac\u{327}ao", "CW"),
            ("Korea (Republic of)", "KR"),
            ("Guinea-Bissau", "GW"),
            ("TÜRKİYE", "TR"),
            ("The Bahamas", "BS"),
        ] {
            assert_eq!(country_code(text), Some(country), "{text}");
        }
        for text in ["", "the", "European Community", "Unspecified", "ZZ", "日本", "é"] {
            assert_eq!(country_code(text), None, "{text}");
        }
    }

    #[test]
    fn promise_1_2_the_country_of_a_number_is_that_of_its_longest_prefix() {
        for (number, country) in [
            ("+4930123456", "DE"),
            ("+447700300123", "JE"),
            ("+447700900123", "GB"),
            ("+447400123456", "GB"),
            ("+390669812345", "VA"),
            ("+390612345678", "IT"),
            ("+18095550123", "DO"),
            ("+17875550123", "PR"),
            ("+18005550123", "US"),
            ("+79161234567", "RU"),
            ("+3581812345", "AX"),
            ("+61891641234", "CX"),
            ("+61212345678", "AU"),
            ("+38344123456", "XK"),
        ] {
            assert_eq!(country_of_phone(number), Some(country), "{number}");
        }
        for number in ["", "+", "4930123456", "+0123", "+49 30", "+80012345678", "+88213300655", "+٤٩"] {
            assert_eq!(country_of_phone(number), None, "{number}");
        }
    }

    #[test]
    fn every_calling_code_belongs_to_one_country_of_the_table() {
        let codes: usize = CALLING_CODES.iter().map(|(_, codes)| codes.len()).sum();
        assert_eq!(BY_CALLING_CODE.len(), codes);
        assert!(BY_CALLING_CODE.keys().all(|code| *code < 10_000_000));
        for (country, _) in CALLING_CODES {
            assert!(find(country).is_some(), "{country}");
        }
    }
}
