//! The GSM alphabet and the transliteration against an independent implementation's tables (promise 9.2).

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use throughline::message::sms::{SmsEncoding, count, transliterate};

fn read<T: serde::de::DeserializeOwned>(name: &str) -> Option<T> {
    let path = format!("{}/../shared/vectors/sms/{name}", env!("CARGO_MANIFEST_DIR"));
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: there is no {path}");
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}

#[test]
fn promise_9_2_the_gsm_alphabet_is_the_standard_one() {
    let Some(alphabet) = read::<BTreeMap<u32, Vec<u8>>>("unicode_to_gsm.json") else { return };
    for c in '\0'..=char::MAX {
        let counted = count(&c.to_string());
        match alphabet.get(&u32::from(c)) {
            Some(septets) => assert_eq!((counted.encoding, counted.units), (SmsEncoding::Gsm7, septets.len()), "{c:?}"),
            None => assert_eq!((counted.encoding, counted.units), (SmsEncoding::Ucs2, c.len_utf16()), "{c:?}"),
        }
    }
}

#[test]
fn typography_is_transliterated_as_others_do() {
    let Some(theirs) = read::<BTreeMap<String, String>>("smart_encoding_map.json") else { return };
    let others: Vec<_> = theirs.iter().filter(|(from, to)| transliterate(from) != to.as_str()).collect();
    println!("{} of {} the same", theirs.len() - others.len(), theirs.len());
    for (from, to) in others {
        let ours = transliterate(from);
        let c = from.chars().next().unwrap();
        println!("U+{:04X}: {ours:?} here, {to:?} there", u32::from(c));
        // They turn a combining mark into a character after its letter, write one space as two, have the single angle
        // quotation marks the wrong way round, and take vertical commas for apostrophes.
        let combining = matches!(c, '\u{300}'..='\u{36f}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}');
        assert!(combining || to.trim().is_empty() || "‹›\u{fe10}\u{fe11}".contains(c), "{c:?}");
    }
}
