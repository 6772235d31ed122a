//! E-mail addresses: the form in which people have them.

/// The address as it is kept, its domain in lower case; `None` for what is no address.
pub(super) fn parse(text: &str) -> Option<String> {
    let (local, domain) = text.trim().rsplit_once('@')?;
    // RFC 5321, 4.5.3.1: 64 octets before the @, and 254 of a whole path without its brackets.
    if local.is_empty() || local.len() > 64 || domain.len() > 254 || !local.chars().all(of_local) {
        return None;
    }
    let domain = domain.to_lowercase();
    let last = domain.rsplit('.').next()?;
    let named = domain.contains('.') && !last.bytes().all(|b| b.is_ascii_digit());
    let whole = local.len() + 1 + domain.len();
    (named && whole <= 254 && domain.split('.').all(is_label)).then(|| format!("{local}@{domain}"))
}

/// RFC 5322's `atext`, dots wherever they stand (some providers gave such addresses out), and letters of any script (RFC
/// 6531).
fn of_local(c: char) -> bool {
    match c {
        '.' | '!' | '#' | '$' | '%' | '&' | '\'' | '*' | '+' | '-' | '/' | '=' | '?' | '^' | '_' | '`' | '{' | '|'
        | '}' | '~' => true,
        c if c.is_ascii() => c.is_ascii_alphanumeric(),
        c => is_visible(c),
    }
}

/// A label of a domain: letters, digits and hyphens, in any script, as it is written and not in Punycode.
fn is_label(label: &str) -> bool {
    let of_label = |c: char| if c.is_ascii() { c.is_ascii_alphanumeric() || c == '-' } else { is_visible(c) };
    (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-') && label.chars().all(of_label)
}

/// Neither space nor control, nor one of the invisible characters that make two addresses look the same.
fn is_visible(c: char) -> bool {
    let invisible = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !c.is_whitespace() && !c.is_control() && !invisible
}
