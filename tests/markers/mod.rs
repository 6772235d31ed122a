//! Texts that stand for personal data, and the forms in which one might be found again.
#![allow(dead_code, reason = "each test binary uses a part of it")]

/// Every personal field of an event, each with a text of its own. None is a part of another.
pub const MARKERS: [(&str, &str); 22] = [
    ("user", "qz-user-7K1"),
    ("visitor", "qz-visitor-7K2"),
    ("former", "qz-former-7K3"),
    ("message id", "qz-message-7K4"),
    ("mailbox", "qz.mailbox.7K5"),
    ("phone", "4915199887766"),
    ("token", "qz-token-of-a-device-7K7"),
    ("name", "qz-name-7K8"),
    ("trait", "qz-trait-7K9"),
    ("nested trait", "qz-nested-7L1"),
    ("order", "qz-order-7L2"),
    ("category", "qz-category-7L3"),
    ("brand", "qz-brand-7L4"),
    ("product", "qz-product-7L5"),
    ("search", "qz-search-7L6"),
    ("zone", "qz-zone-7L7"),
    ("locale", "qz-locale-7L8"),
    ("country", "qz-country-7L9"),
    ("device", "qz-device-7M1"),
    ("context", "qz-context-7M2"),
    ("card", "qz-card-7M3"),
    ("handle", "qz-handle-of-a-messenger-7M4"),
];

/// The text of a field.
pub fn marker(field: &str) -> &'static str {
    MARKERS.iter().find(|(name, _)| *name == field).unwrap_or_else(|| panic!("no marker for {field}")).1
}

/// Which markers are in the bytes, and how: plain in any case, in base64 at any offset, hex, percent or UTF-16.
pub fn found(bytes: &[u8]) -> Vec<String> {
    let lower = bytes.to_ascii_lowercase();
    let mut found = Vec::new();
    for (field, marker) in MARKERS {
        for (form, text, any_case) in forms(marker) {
            let hay = if any_case { &lower } else { bytes };
            let text = if any_case { text.to_ascii_lowercase() } else { text };
            if hay.windows(text.len()).any(|window| window == text) {
                found.push(format!("{field} ({form})"));
            }
        }
    }
    found
}

fn forms(marker: &str) -> Vec<(&'static str, Vec<u8>, bool)> {
    let hex: String = marker.bytes().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = marker.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let utf16 = |order: fn(u16) -> [u8; 2]| marker.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    let mut forms = vec![
        ("plain", marker.as_bytes().to_vec(), true),
        ("hex", hex.into_bytes(), true),
        ("percent", percent.into_bytes(), true),
        ("UTF-16", utf16(u16::to_le_bytes), true),
        ("UTF-16, high byte first", utf16(u16::to_be_bytes), true),
    ];
    // Wherever it stands in a longer text, the middle of its base64 is one of three.
    for before in 0..3_usize {
        let text: Vec<u8> = std::iter::repeat_n(0, before).chain(marker.bytes()).collect();
        let whole = base64(&text);
        let from = (before * 8).div_ceil(6);
        let until = text.len() * 8 / 6;
        forms.push(("base64", whole[from..until].to_vec(), false));
    }
    forms
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u32| DIGITS[bits as usize & 63];
    bytes
        .chunks(3)
        .flat_map(|chunk| {
            let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
            [digit(bits >> 18), digit(bits >> 12), digit(bits >> 6), digit(bits)]
        })
        .collect()
}

#[test]
fn every_form_of_a_marker_is_found() {
    let marker = marker("user");
    for before in ["", "a", "ab", "abc"] {
        let text = format!("{before}{marker} and more");
        for form in [
            text.clone().into_bytes(),
            text.to_uppercase().into_bytes(),
            base64(text.as_bytes()),
            text.bytes().map(|byte| format!("{byte:02X}")).collect::<String>().into_bytes(),
            text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>().into_bytes(),
            text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        ] {
            assert!(found(&form).iter().all(|found| found.starts_with("user")) && !found(&form).is_empty());
        }
    }
    assert!(found(b"nothing").is_empty());
}
