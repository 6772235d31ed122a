//! What strays from the brand or from the law: warnings, not faults (promise 9.3).

use super::brand::Brand;
use super::template::Template;
use super::variant::Variant;
use crate::customer::MessageClass;
use crate::primitives::{ChannelKind, Fault};

/// What strays in the variants of a message.
pub(super) fn check(class: MessageClass, variants: &[Variant], brand: &Brand) -> Vec<Fault> {
    let mut warnings = Vec::new();
    for wording in variants.iter().filter(|variant| variant.kind == ChannelKind::Email).flat_map(Variant::wordings) {
        let (html, text) = (wording.text("html"), wording.text("text"));
        if class == MessageClass::Marketing {
            warnings.extend(
                [(html, true), (text, false)].into_iter().filter_map(|(body, html)| unsubscribe(body?, html, brand)),
            );
        }
        warnings.extend(html.and_then(|html| colours(html, brand)));
    }
    warnings
}

/// Marketing e-mail names a way out, in each of its bodies.
fn unsubscribe(body: &Template, html: bool, brand: &Brand) -> Option<Fault> {
    let reads = &body.reads;
    let by_footer = |name: &str, html: bool| reads.brand.contains(name) && brand.footer_unsubscribes(html);
    if reads.unsubscribes() || by_footer("footer", false) || by_footer("footer_html", true) {
        return None;
    }
    let footer = if html { "brand.footer_html" } else { "brand.footer" };
    let problem = format!(
        "marketing e-mail without an unsubscribe link: write `{{{{ unsubscribe_url }}}}`, or `{{{{ {footer} }}}}` with \
         a footer that has it"
    );
    Some(Fault { path: body.place.to_string(), problem })
}

/// Colours that the brand does not have; greys belong to everybody.
fn colours(html: &Template, brand: &Brand) -> Option<Fault> {
    let own: Vec<String> = brand.colours().filter_map(|(_, colour)| long_colour(colour.strip_prefix('#')?)).collect();
    if own.is_empty() {
        return None;
    }
    let mut strange: Vec<String> = Vec::new();
    for (at, _) in html.source.match_indices('#') {
        let before = html.source.get(..at).unwrap_or_default().trim_end();
        let after = html.source.get(at + 1..).unwrap_or_default();
        let digits: String = after.chars().take_while(char::is_ascii_alphanumeric).collect();
        // `color: #abc` is a colour, `href="#abc"` and `&#123;` are not.
        let Some(colour) = before.ends_with(':').then(|| long_colour(&digits)).flatten() else { continue };
        let grey = colour.get(..2) == colour.get(2..4) && colour.get(2..4) == colour.get(4..6);
        if !grey && !own.contains(&colour) && !strange.contains(&colour) {
            strange.push(colour);
        }
    }
    let list = strange.iter().map(|colour| format!("#{colour}")).collect::<Vec<_>>().join(", ");
    (!strange.is_empty()).then(|| Fault {
        path: html.place.to_string(),
        problem: format!("colours that are not the brand's: {list}; write `{{{{ brand.colours.name }}}}`"),
    })
}

/// Six hexadecimal digits in lower case, from three or six.
fn long_colour(digits: &str) -> Option<String> {
    let plain = digits.to_ascii_lowercase();
    if !plain.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    match plain.len() {
        3 => Some(plain.chars().flat_map(|c| [c, c]).collect()),
        6 => Some(plain),
        _ => None,
    }
}
