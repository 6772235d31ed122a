//! Contact points are parsed once: what is taken, in which form it is kept, and what is refused.

mod shop;

use proptest::prelude::*;
use serde_json::json;
use shop::{Shop, book};
use throughline::{ChannelKind, ContactPoint, Event, ParseContactError};

fn email(text: &str) -> Option<String> {
    ContactPoint::email(text).ok().map(|point| point.as_str().to_owned())
}

fn phone(text: &str) -> Option<String> {
    ContactPoint::phone(text).ok().map(|point| point.as_str().to_owned())
}

fn phone_in(text: &str, country: &str) -> Option<String> {
    ContactPoint::phone_in(text, country).ok().map(|point| point.as_str().to_owned())
}

#[test]
fn an_email_address_is_kept_as_it_is_written_with_its_domain_in_lower_case() {
    let long = |local: usize, label: usize| format!("{}@{}.example", "a".repeat(local), "b".repeat(label));
    for (text, kept) in [
        ("Anna.Smith+news@Shop.Example", "Anna.Smith+news@shop.example"),
        (" anna@shop.example\n", "anna@shop.example"),
        ("o'brien@mail.shop.example", "o'brien@mail.shop.example"),
        ("!#$%&'*+-/=?^_`{|}~@shop.example", "!#$%&'*+-/=?^_`{|}~@shop.example"),
        // Given out by Japanese carriers, against RFC 5322.
        ("dots..here.@docomo.example", "dots..here.@docomo.example"),
        ("jürgen@BÜCHER.example", "jürgen@bücher.example"),
        ("अन्ना@दुकान.भारत", "अन्ना@दुकान.भारत"),
        ("a@xn--bcher-kva.example", "a@xn--bcher-kva.example"),
        ("a@1.example.x1", "a@1.example.x1"),
        (&long(64, 63), &long(64, 63)),
    ] {
        assert_eq!(email(text).as_deref(), Some(kept), "{text}");
    }
    let whole = |labels: usize| format!("a@{}example", "b23456789.".repeat(labels));
    assert!(email(&whole(24)).is_some() && whole(24).len() == 249 && email(&whole(25)).is_none());
}

#[test]
fn what_is_no_email_address_is_refused() {
    let long = |local: usize, label: usize| format!("{}@{}.example", "a".repeat(local), "b".repeat(label));
    for text in [
        "",
        "@",
        "anna",
        "anna@",
        "@shop.example",
        "anna@shop",
        "anna@.example",
        "anna@shop..example",
        "anna@shop.example.",
        "anna@-shop.example",
        "anna@shop-.example",
        "anna@shop_1.example",
        "anna@127.0.0.1",
        "anna@[127.0.0.1]",
        "an na@shop.example",
        "an\u{a0}na@shop.example",
        "a@b@shop.example",
        "\"anna\"@shop.example",
        "anna(home)@shop.example",
        "Anna <anna@shop.example>",
        "anna@shop.example, bert@shop.example",
        "anna@shop.example;",
        "mailto:anna@shop.example",
        "an\\na@shop.example",
        "anna\0@shop.example",
        "anna\u{200b}@shop.example",
        "anna@sh\u{202e}op.example",
        &long(65, 9),
        &long(9, 64),
    ] {
        assert_eq!(email(text), None, "{text:?}");
    }
}

#[test]
fn a_phone_number_is_kept_in_e164_however_it_is_written() {
    for text in [
        "+4930123456",
        "+49 (30) 123-456",
        "+49 30 / 12 34 56",
        "+49.30.123456",
        "0049 30 123456",
        "+49 (0)30 123456",
        "0049 (0) 30 123456",
        " tel:+49-30-123-456",
        "+49\u{a0}30\u{202f}123\u{2011}456",
        "＋４９ ３０ １２３４５６",
        "+٤٩ ٣٠ ١٢٣٤٥٦",
        "+۴۹۳۰۱۲۳۴۵۶",
    ] {
        assert_eq!(phone(text).as_deref(), Some("+4930123456"), "{text}");
    }
    for text in [
        "",
        "+",
        "030 123456",
        "4930123456",
        "+0301234567",
        "+1234567",
        "+1234567890123456",
        "+49 30 123x456",
        "+49 30 123456 ext. 7",
        "+49+30123456",
        "++4930123456",
        "000 49 30 123456",
        "+4930123456;ext=7",
        "+49 30 1234⁵6",
    ] {
        assert_eq!(phone(text), None, "{text:?}");
    }
    assert!(phone(&format!("+49{}30123456", " ".repeat(5_000))).is_none(), "it is bounded");
}

#[test]
fn a_national_number_is_one_of_its_country() {
    for (text, country, number) in [
        ("030 123456", "DE", "+4930123456"),
        ("0151 23456789", "de", "+4915123456789"),
        ("+41 44 123 45 67", "DE", "+41441234567"),
        ("(212) 555-0123", "US", "+12125550123"),
        ("1-212-555-0123", "United States", "+12125550123"),
        ("604 555 0123", "CA", "+16045550123"),
        ("020 7946 0018", "GB", "+442079460018"),
        ("07700 900123", "United Kingdom", "+447700900123"),
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("612 34 56 78", "FR", "+33612345678"),
        ("06 1234567", "IT", "+39061234567"),
        ("612 345 678", "ES", "+34612345678"),
        ("06 20 123 4567", "HU", "+36201234567"),
        ("8 (912) 345-67-89", "RU", "+79123456789"),
        ("090-1234-5678", "JP", "+819012345678"),
        ("98765 43210", "IN", "+919876543210"),
        ("138 1234 5678", "CN", "+8613812345678"),
        ("010-1234-5678", "KR", "+821012345678"),
    ] {
        assert_eq!(phone_in(text, country).as_deref(), Some(number), "{text} {country}");
    }
    // With the country's code but no plus, too short, too long, of a country of which no more is known.
    for (text, country) in [
        ("49 30 123456", "DE"),
        ("30 123456", "DE"),
        ("33 6 12 34 56 78", "FR"),
        ("34 612 345 678", "ES"),
        ("91 98765 43210", "IN"),
        ("555-0123", "US"),
        ("0 212 555 0123", "US"),
        ("11 5555-0123", "BR"),
        ("030 123456", "XX"),
        ("030 123456", ""),
        ("030 12345a", "DE"),
        ("", "DE"),
    ] {
        assert_eq!(phone_in(text, country), None, "{text} {country}");
    }
}

#[test]
fn the_number_of_a_customer_is_one_of_their_country() {
    let numbers = |events: Vec<Event>| {
        let mut shop = Shop::new(book(json!({})));
        for (n, event) in events.into_iter().enumerate() {
            shop.event(&format!("2026-03-01T00:00:0{n}Z"), event);
        }
        let points = shop.state.profile.points.of_kind(&ChannelKind::WhatsApp);
        points.map(|point| point.point.as_str().to_owned()).collect::<Vec<_>>()
    };
    let number = || Event::identify().with_trait("phone", "030 123456");
    let country = |name: &str| Event::identify().with_trait("country", name);
    assert_eq!(numbers(vec![number()]), [""; 0]);
    assert_eq!(numbers(vec![number().with_trait("country", "Germany")]), ["+4930123456"]);
    assert_eq!(numbers(vec![country("DE"), number()]), ["+4930123456"]);
    let by_context =
        r#"{"type": "identify", "userId": "a", "traits": {"phone": "030 123456"}, "context": {"country": "DE"}}"#;
    assert_eq!(numbers(vec![country("US"), Event::from_json(by_context).unwrap()]), ["+4930123456"]);
}

#[test]
fn promise_2_5_an_error_does_not_repeat_what_was_refused() {
    let wrong: Vec<ParseContactError> = [ContactPoint::email, ContactPoint::phone, ContactPoint::token]
        .into_iter()
        .filter_map(|parse| parse("\u{0}secret\u{0}").err())
        .collect();
    assert_eq!(wrong.len(), 3);
    assert!(wrong.iter().all(|wrong| !format!("{wrong} {wrong:?}").contains("secret")));
}

/// Text that is nearly a contact point, and any other.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-zA-Z.+'@İẞÅé \u{200b}-]{0,70}@[a-zA-Z.İẞΣé0-9-]{0,70}",
        "[+0-9 ().٤९＋/-]{0,30}",
        "(tel:)?(\\+|00)[0-9 ()]{6,18}",
    ]
}

proptest! {
    #[test]
    fn what_was_parsed_once_parses_to_the_same_and_is_bounded(text in text(), country in "[A-Z]{2}|DE|US|HU") {
        type Parse = fn(&str) -> Result<ContactPoint, ParseContactError>;
        let parses: [(Parse, usize); 3] = [(ContactPoint::email, 254), (ContactPoint::phone, 16), (ContactPoint::token, 4_096)];
        for (parse, longest) in parses {
            if let Ok(point) = parse(&text) {
                prop_assert!(point.as_str().len() <= longest);
                prop_assert_eq!(parse(point.as_str()), Ok(point.clone()));
            }
        }
        if let Ok(point) = ContactPoint::phone_in(&text, &country) {
            prop_assert_eq!(ContactPoint::phone(point.as_str()), Ok(point.clone()));
            prop_assert_eq!(ContactPoint::phone_in(point.as_str(), "US"), Ok(point.clone()));
            if let Ok(whole) = ContactPoint::phone(&text) {
                prop_assert_eq!(whole, point);
            }
        }
        // Masked: no more than the first letter, the domain, the last two digits.
        if let Ok(point) = ContactPoint::phone(&text) {
            prop_assert!(point.to_string().len() <= 6);
        }
    }
}

#[cfg(feature = "phone")]
proptest! {
    #[test]
    fn a_validated_number_is_a_number(text in text(), country in proptest::option::of("[A-Z]{2}|DE|US|GB")) {
        if let Ok(point) = ContactPoint::validated_phone(&text, country.as_deref()) {
            prop_assert_eq!(ContactPoint::phone(point.as_str()), Ok(point.clone()));
            prop_assert_eq!(ContactPoint::validated_phone(point.as_str(), None), Ok(point));
        }
    }
}
