//! Contact points and the kinds of channel that they belong to.

mod email;
mod phone;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::Key;

/// What a channel is to the customer: the unit of consent, contact points, preference and engagement.
///
/// A shop may run two e-mail providers as two channels; the customer who unsubscribes from e-mail knows of one kind.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ChannelKind {
    /// E-mail, to an address.
    Email,
    /// SMS, to a phone number.
    Sms,
    /// WhatsApp, to a phone number.
    WhatsApp,
    /// A notification on a phone, to a device token.
    Push,
    /// A notification in a browser, to a subscription.
    WebPush,
    /// Shown inside the app or the site when the customer comes, by customer id.
    InApp,
    /// Kept in the customer's inbox in the app or the site, by customer id.
    Inbox,
    /// An advertising audience: a membership, not a message.
    Audience,
    /// Any other, by its own name, such as `telegram`.
    Other(Key),
}

impl ChannelKind {
    /// The name as playbooks and events write it.
    pub fn as_str(&self) -> &str {
        match self {
            ChannelKind::Email => "email",
            ChannelKind::Sms => "sms",
            ChannelKind::WhatsApp => "whatsapp",
            ChannelKind::Push => "push",
            ChannelKind::WebPush => "web_push",
            ChannelKind::InApp => "in_app",
            ChannelKind::Inbox => "inbox",
            ChannelKind::Audience => "audience",
            ChannelKind::Other(key) => key.as_str(),
        }
    }

    /// From its name, in any case and with `_`, `-` or a space between words; an unknown name is a kind of its own.
    pub fn from_name(name: &str) -> Self {
        let mut plain = String::with_capacity(name.len());
        for c in name.chars() {
            if c == ' ' || c == '-' {
                plain.push('_');
            } else {
                plain.extend(c.to_lowercase());
            }
        }
        match plain.as_str() {
            "email" | "e_mail" | "mail" => ChannelKind::Email,
            "sms" => ChannelKind::Sms,
            "whatsapp" | "whats_app" => ChannelKind::WhatsApp,
            "push" | "mobile_push" | "push_notification" | "ios_push" | "android_push" => ChannelKind::Push,
            "web_push" | "webpush" => ChannelKind::WebPush,
            "in_app" | "inapp" => ChannelKind::InApp,
            "inbox" => ChannelKind::Inbox,
            "audience" => ChannelKind::Audience,
            _ => ChannelKind::Other(Key::new(plain)),
        }
    }

    /// Whether a contact point of this kind is the token of a device: a customer may have several, a message may go to all
    /// of them, and one that its provider rejects is dropped.
    pub fn has_devices(&self) -> bool {
        matches!(self, ChannelKind::Push | ChannelKind::WebPush)
    }

    /// Whether a channel of this kind finds the customer by id and needs no contact point.
    pub fn reaches_by_id(&self) -> bool {
        matches!(self, ChannelKind::InApp | ChannelKind::Inbox | ChannelKind::Audience)
    }
}

impl fmt::Display for ChannelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ChannelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ChannelKind {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

/// Where a customer is reached: parsed once, printed masked (promise 2.5).
///
/// ```
/// use throughline::ContactPoint;
/// let point = ContactPoint::email("Anna@Example.com")?;
/// assert_eq!(point.as_str(), "Anna@example.com");
/// assert_eq!(point.to_string(), "A***@example.com");
/// # Ok::<(), throughline::ParseContactError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ContactPoint(Arc<str>);

impl ContactPoint {
    /// An e-mail address, as people have them: a local part of at most 64 octets, an `@`, and a domain with a dot, of at
    /// most 254 octets in all. That mail arrives there, only mail can tell.
    ///
    /// - The local part has letters and digits of any script, dots, and ``!#$%&'*+-/=?^_`{|}~``; its case is kept.
    /// - The domain has labels of at most 63 octets with letters and digits of any script and hyphens within, the last one
    ///   not a number; it is put in lower case and else left as it is written, not turned into Punycode.
    /// - Spaces around it are dropped. What else RFC 5322 allows is refused: quotes, comments, brackets, a name before it;
    ///   so are control characters and invisible ones.
    ///
    /// # Errors
    /// When the text is not of that form.
    pub fn email(text: &str) -> Result<Self, ParseContactError> {
        let wrong = ParseContactError { wanted: "an e-mail address such as anna@example.com" };
        email::parse(text).map(|address| ContactPoint(address.into())).ok_or(wrong)
    }

    /// A phone number in E.164: `+` or `00`, and 8 to 15 digits, the first of them not 0.
    ///
    /// Spaces, dots, dashes, slashes and brackets are dropped, and so are `tel:` before it and a `(0)` that is dialled at
    /// home only. Digits may be full-width or Arabic. Nothing else may stand there, such as an extension.
    ///
    /// # Errors
    /// When the text is not of that form, for example without its country code.
    pub fn phone(text: &str) -> Result<Self, ParseContactError> {
        let wrong = ParseContactError { wanted: "a phone number in E.164 such as +4930123456" };
        phone::parse(text).map(|number| ContactPoint(number.into())).ok_or(wrong)
    }

    /// A phone number as it is written in a country, by its ISO 3166 code or name. One with its country's code is taken as
    /// [`phone`](Self::phone) does; any other as one of this country, if the country is one of the 54 whose numbers
    /// can be told by their length and what is dialled before them.
    ///
    /// ```
    /// use throughline::ContactPoint;
    /// assert_eq!(ContactPoint::phone_in("030 123456", "DE")?, ContactPoint::phone("+49 30 123456")?);
    /// assert_eq!(ContactPoint::phone_in("(212) 555-0123", "United States")?, ContactPoint::phone("+12125550123")?);
    /// assert!(ContactPoint::phone_in("30 123456", "DE").is_err());
    /// # Ok::<(), throughline::ParseContactError>(())
    /// ```
    ///
    /// # Errors
    /// When the text is not of that form.
    pub fn phone_in(text: &str, country: &str) -> Result<Self, ParseContactError> {
        let wrong = ParseContactError { wanted: "a phone number of that country, or in E.164 such as +4930123456" };
        phone::parse_in(text, country).map(|number| ContactPoint(number.into())).ok_or(wrong)
    }

    /// A phone number that the numbering plan of its country has, by Google's libphonenumber; without its country's code
    /// one of this country. For where a number is typed in: no other function asks the plans.
    ///
    /// ```
    /// use throughline::ContactPoint;
    /// let number = ContactPoint::validated_phone("030 303986300", Some("DE"))?;
    /// assert_eq!(number.as_str(), "+4930303986300");
    /// // As long as a number of the United States, and none of them.
    /// assert!(ContactPoint::phone("+1 111 555 0123").is_ok());
    /// assert!(ContactPoint::validated_phone("+1 111 555 0123", None).is_err());
    /// # Ok::<(), throughline::ParseContactError>(())
    /// ```
    ///
    /// # Errors
    /// When there is no such number.
    #[cfg(feature = "phone")]
    pub fn validated_phone(text: &str, country: Option<&str>) -> Result<Self, ParseContactError> {
        let wrong = ParseContactError { wanted: "a phone number that its country's numbering plan has" };
        phone::validated(text, country).map(|number| ContactPoint(number.into())).ok_or(wrong)
    }

    /// A device token, a subscription, a handle: any text of at most 4,096 bytes that is not empty and has no control
    /// characters. Spaces around it are dropped.
    ///
    /// # Errors
    /// When the text is not of that form.
    pub fn token(text: &str) -> Result<Self, ParseContactError> {
        let token = text.trim();
        if token.is_empty() || token.len() > 4_096 || token.contains(char::is_control) {
            return Err(ParseContactError { wanted: "a token of at most 4,096 bytes that is not empty" });
        }
        Ok(ContactPoint(token.into()))
    }

    /// The plain text, for the provider.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A stable hash, to recognise the point without holding it.
    pub fn hash(&self) -> u64 {
        Key::hash_of(&self.0)
    }
}

impl fmt::Display for ContactPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.0.chars().next().unwrap_or('*');
        match self.0.rsplit_once('@') {
            Some((_, domain)) => write!(f, "{first}***@{domain}"),
            None => {
                let count = self.0.chars().count();
                let tail: String = self.0.chars().skip(count.saturating_sub(2).max(6)).collect();
                write!(f, "{first}***{tail}")
            }
        }
    }
}

impl fmt::Debug for ContactPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ContactPoint {
    /// Masked: an envelope's own accessor gives the plain text, a log never does.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl FromStr for ContactPoint {
    type Err = ParseContactError;

    /// An e-mail address if it has an `@`, a phone number if it begins with `+`, else a token.
    fn from_str(text: &str) -> Result<Self, ParseContactError> {
        if text.contains('@') {
            Self::email(text)
        } else if text.trim_start().starts_with('+') {
            Self::phone(text)
        } else {
            Self::token(text)
        }
    }
}

/// Text that is not a contact point of the wanted form. It does not repeat the text, which may be personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {wanted}")]
pub struct ParseContactError {
    wanted: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contact_points_print_masked() {
        let mail = ContactPoint::email("anna.smith@shop.example").unwrap();
        let phone = ContactPoint::phone("+49 (30) 123-456").unwrap();
        assert_eq!(format!("{mail} {phone:?}"), "a***@shop.example +***56");
        assert_eq!(phone.as_str(), "+4930123456");
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        for text in ["", "anna", "a@b", "a b@c.de", "@c.de", "a@.de", "a@b..de", "<a@b.de>", "a@@b.de"] {
            assert!(ContactPoint::email(text).is_err(), "{text}");
        }
        for text in ["030123456", "+0301234567", "+12", "+49abc123456", "+1234567890123456"] {
            assert!(!ContactPoint::phone(text).unwrap_err().to_string().contains(text), "{text}");
        }
    }

    #[test]
    fn kinds_are_read_in_the_forms_that_segment_writes() {
        assert_eq!(ChannelKind::from_name("EMAIL"), ChannelKind::Email);
        assert_eq!(ChannelKind::from_name("Push Notification"), ChannelKind::Push);
        assert_eq!(ChannelKind::from_name("In-App"), ChannelKind::InApp);
        assert_eq!(ChannelKind::from_name("Telegram").as_str(), "telegram");
    }
}
