//! A rendered message.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A rendered message, by what it is to the customer. It is personal: `Debug` shows the kind and the sizes.
///
/// It serializes to JSON and back, so that an outbox can hold it: `{"sms":{"text":"Hello"}}`.
///
/// ```
/// use throughline::Content;
/// let content = Content::Sms { text: "Hello Anna".into() };
/// assert_eq!(format!("{content:?}"), "sms(text: 10 bytes)");
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Content {
    /// E-mail.
    Email(Box<EmailContent>),
    /// SMS.
    Sms {
        /// The text.
        text: String,
    },
    /// A notification on a phone.
    Push(Box<Notification>),
    /// A notification in a browser.
    WebPush(Box<Notification>),
    /// Shown inside the app or the site.
    InApp(Box<Notification>),
    /// Kept in the customer's inbox.
    Inbox(Box<Notification>),
    /// WhatsApp: a template with parameters, or text where the customer's window is open; one of the two.
    #[serde(rename = "whatsapp")]
    WhatsApp(Box<WhatsAppContent>),
    /// Membership in an advertising audience.
    Audience {
        /// The audience's name with the advertiser.
        audience: String,
        /// What to do with the customer.
        action: AudienceAction,
    },
    /// A channel never heard of: its fields by name.
    Other(BTreeMap<String, String>),
}

/// An e-mail.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EmailContent {
    /// One line.
    pub subject: String,
    /// One line that mail programs show after the subject.
    pub preheader: Option<String>,
    /// The HTML body; values in it are escaped.
    pub html: Option<String>,
    /// The plain body.
    pub text: Option<String>,
    /// The sender's name, from the brand.
    pub from_name: Option<String>,
    /// The sender's address, from the brand.
    pub from_address: Option<String>,
    /// For `List-Unsubscribe` and `List-Unsubscribe-Post` (promise 9.5); with every marketing e-mail that has a link.
    pub unsubscribe_url: Option<String>,
}

/// A notification, or a message shown in the app.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Notification {
    /// One line.
    pub title: Option<String>,
    /// The text.
    pub body: String,
    /// The address of an image.
    pub image: Option<String>,
    /// Where a tap leads.
    pub link: Option<String>,
    /// What the button says, where there is one.
    pub button: Option<String>,
}

/// A WhatsApp message.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WhatsAppContent {
    /// The approved template's name.
    pub template: Option<String>,
    /// The template's language, such as `en_US`.
    pub language: Option<String>,
    /// What fills the template's places, in order.
    pub parameters: Vec<String>,
    /// Free text, allowed while the customer's 24-hour window is open.
    pub text: Option<String>,
}

/// What to do with a customer and an audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AudienceAction {
    /// Put the customer in.
    Add,
    /// Take the customer out: after an exit, a purchase, a revocation.
    Remove,
}

impl Content {
    /// The kind of channel that it is for, as playbooks write it; `other` for a channel never heard of.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Content::Email(_) => "email",
            Content::Sms { .. } => "sms",
            Content::Push(_) => "push",
            Content::WebPush(_) => "web_push",
            Content::InApp(_) => "in_app",
            Content::Inbox(_) => "inbox",
            Content::WhatsApp(_) => "whatsapp",
            Content::Audience { .. } => "audience",
            Content::Other(_) => "other",
        }
    }

    /// The octets of the whole content as JSON: what limits of payloads are held against.
    pub fn bytes(&self) -> usize {
        serde_json::to_vec(self).map_or(usize::MAX, |json| json.len())
    }

    /// Its texts by name, in a fixed order.
    pub fn texts(&self) -> Vec<(&str, &str)> {
        fn some<'a>(list: &[(&'a str, Option<&'a String>)]) -> Vec<(&'a str, &'a str)> {
            list.iter().filter_map(|(name, text)| Some((*name, text.as_ref()?.as_str()))).collect()
        }
        match self {
            Content::Email(email) => some(&[
                ("subject", Some(&email.subject)),
                ("preheader", email.preheader.as_ref()),
                ("html", email.html.as_ref()),
                ("text", email.text.as_ref()),
            ]),
            Content::Sms { text } => vec![("text", text)],
            Content::Push(notice) | Content::WebPush(notice) | Content::InApp(notice) | Content::Inbox(notice) => {
                some(&[
                    ("title", notice.title.as_ref()),
                    ("body", Some(&notice.body)),
                    ("image", notice.image.as_ref()),
                    ("link", notice.link.as_ref()),
                    ("button", notice.button.as_ref()),
                ])
            }
            Content::WhatsApp(whatsapp) => {
                let mut texts = some(&[("template", whatsapp.template.as_ref()), ("text", whatsapp.text.as_ref())]);
                texts.extend(whatsapp.parameters.iter().map(|text| ("parameter", text.as_str())));
                texts
            }
            Content::Audience { audience, .. } => vec![("audience", audience)],
            Content::Other(fields) => fields.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect(),
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.kind_name())?;
        for (n, (name, text)) in self.texts().iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            write!(f, "{comma}{name}: {} bytes", text.len())?;
        }
        f.write_str(")")
    }
}

macro_rules! masked {
    ($($name:ident as $content:expr;)*) => {$(
        impl fmt::Debug for $name {
            /// Sizes only.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&$content(Box::new(self.clone())), f)
            }
        }
    )*};
}

masked! {
    EmailContent as Content::Email;
    Notification as Content::Push;
    WhatsAppContent as Content::WhatsApp;
}
