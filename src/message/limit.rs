//! Making a rendered message fit its channel (promise 9.2).

use std::borrow::Cow;

use super::content::Content;
use super::fit::{fit_bytes, fit_graphemes, fit_parts};
use super::render::{Line, RenderError};
use super::sms::{self, SmsEncoding};
use crate::channel::{Charset, Limits};

/// Fits single fields to their graphemes. Says whether any was cut.
pub(super) fn graphemes(lines: &mut [Line], limits: &Limits) -> Result<bool, RenderError> {
    let mut cut = false;
    if limits.graphemes.is_empty() {
        return Ok(cut);
    }
    for line in lines {
        let Some(most) = limits.graphemes_of(&line.name) else { continue };
        let fitted = fit_graphemes(&line.text, most);
        if *fitted == *line.text {
            continue;
        }
        if !line.form.can_be_cut() || !says_something(&line.text, &fitted) {
            return Err(too_long(&line.name, format!("{most} graphemes")));
        }
        line.text = fitted.into_owned();
        cut = true;
    }
    Ok(cut)
}

/// An SMS as it goes out.
pub(super) struct Sms {
    pub(super) parts: u32,
    pub(super) cut: bool,
}

/// Fits an SMS to its parts.
pub(super) fn parts(text: &mut String, limits: &Limits) -> Result<Sms, RenderError> {
    let trimmed = text.trim();
    let mut fitted: Cow<'_, str> = Cow::Borrowed(trimmed);
    if limits.charset == Charset::Plain && sms::count(trimmed).encoding != SmsEncoding::Gsm7 {
        let plain = sms::transliterate(trimmed);
        // A text with one Cyrillic word stays UCS-2 whatever becomes of its quotes.
        if sms::count(&plain).encoding == SmsEncoding::Gsm7 {
            fitted = Cow::Owned(plain.into_owned());
        }
    }
    let whole = fitted.into_owned();
    let most = limits.parts.and_then(|parts| usize::try_from(parts.get()).ok()).unwrap_or(usize::MAX);
    let kept = fit_parts(&whole, most);
    let cut = *kept != *whole;
    if cut && !says_something(&whole, &kept) {
        return Err(too_long("text", format!("{most} parts")));
    }
    let parts = u32::try_from(sms::count(&kept).parts).unwrap_or(u32::MAX);
    *text = kept.into_owned();
    Ok(Sms { parts, cut })
}

/// Fits a payload to its octets, by shortening its body. Says whether it was cut.
pub(super) fn bytes(content: &mut Content, limits: &Limits) -> Result<bool, RenderError> {
    let Some(room) = limits.room() else { return Ok(false) };
    let over = content.bytes().saturating_sub(room);
    if over == 0 {
        return Ok(false);
    }
    let wrong = || too_long("content", format!("{room} bytes"));
    let body = body(content).ok_or_else(wrong)?;
    // JSON writes no character in fewer octets than the text has, so what is cut from the text is cut from the payload.
    let kept = fit_bytes(body, body.len().saturating_sub(over)).into_owned();
    if !says_something(body, &kept) {
        return Err(wrong());
    }
    *body = kept;
    if content.bytes() > room { Err(wrong()) } else { Ok(true) }
}

/// The text that may be shortened.
fn body(content: &mut Content) -> Option<&mut String> {
    match content {
        Content::Push(notice) | Content::WebPush(notice) | Content::InApp(notice) | Content::Inbox(notice) => {
            Some(&mut notice.body)
        }
        Content::Sms { text } => Some(text),
        Content::Other(fields) => {
            let name = ["body", "text"].into_iter().find(|name| fields.contains_key(*name))?;
            fields.get_mut(name)
        }
        Content::Email(_) | Content::WhatsApp(_) | Content::Audience { .. } => None,
    }
}

/// Whether what was kept is worth sending: it has words, and the links of the whole: a reminder that leads nowhere, or
/// hides how to unsubscribe, is not the message any more.
fn says_something(whole: &str, kept: &str) -> bool {
    let links = |text: &str| text.matches("://").count();
    kept.chars().any(char::is_alphanumeric) && links(kept) == links(whole)
}

fn too_long(field: &str, limit: String) -> RenderError {
    RenderError::TooLong { field: field.to_owned(), limit }
}
