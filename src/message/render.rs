//! From a message to what one customer gets.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;

use super::context::Context;
use super::limit;
use super::template::{Form, Template, TemplateError};
use super::variant::{Need, Wording};
use super::{AudienceAction, Brand, Content, EmailContent, Message, Notification, WhatsAppContent};
use crate::channel::ChannelSpec;
use crate::customer::{ContentKey, Customer, MessageClass};
use crate::primitives::{ChannelId, ChannelKind, Fields, Instant};

/// What a rendering may read.
#[derive(Clone, Copy)]
pub struct RenderInput<'a> {
    /// To whom.
    pub who: &'a dyn Customer,
    /// The properties of the event that started the run.
    pub trigger: Option<&'a Fields>,
    /// In whose name.
    pub brand: &'a Brand,
    /// At which moment.
    pub now: Instant,
    /// In which language (BCP 47); otherwise the customer's own.
    pub locale: Option<&'a str>,
    /// The customer's own unsubscribe link; otherwise the brand's.
    pub unsubscribe_url: Option<&'a str>,
}

impl<'a> RenderInput<'a> {
    /// For a message outside journeys, in the customer's own language.
    pub fn new(who: &'a dyn Customer, brand: &'a Brand, now: Instant) -> Self {
        RenderInput { who, trigger: None, brand, now, locale: None, unsubscribe_url: None }
    }

    /// The customer's own unsubscribe link, else the brand's.
    pub(super) fn unsubscribe_link(&self) -> Option<&'a str> {
        self.unsubscribe_url.or_else(|| self.brand.link("unsubscribe"))
    }
}

impl std::fmt::Debug for RenderInput<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RenderInput").field("who", &self.who.id()).field("now", &self.now).finish_non_exhaustive()
    }
}

/// A message as one customer gets it on one channel.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Rendered {
    /// What is handed over.
    pub content: Content,
    /// The parts of an SMS; 1 elsewhere.
    pub parts: u32,
    /// Whether text was cut to fit the channel's limits.
    pub cut: bool,
    /// What the hand-over costs, in the playbook's currency (promise 7.6).
    pub cost: Decimal,
}

/// Why a message could not be rendered for a channel. It repeats nothing of the customer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[serde(tag = "render_error", rename_all = "snake_case")]
#[non_exhaustive]
pub enum RenderError {
    /// The message has no variant for this channel.
    #[error("no variant for the channel {channel}")]
    NoVariant {
        /// The channel.
        channel: ChannelId,
    },
    /// A template failed.
    #[error("{template}, line {line}: {reason}")]
    Template {
        /// The template, by its place in the playbook.
        template: String,
        /// The line in it, from 1.
        line: usize,
        /// What went wrong, in the template's own words.
        reason: String,
    },
    /// A text without which the message cannot go came out empty.
    #[error("{template} came out empty")]
    Empty {
        /// The template, by its place in the playbook.
        template: String,
    },
    /// The message cannot be made to fit the channel's limits.
    #[error("{field} does not fit in {limit}")]
    TooLong {
        /// What does not fit.
        field: String,
        /// The limit, with its unit.
        limit: String,
    },
}

/// A rendered text, on its way into the content.
pub(super) struct Line {
    pub(super) name: Arc<str>,
    pub(super) form: Form,
    pub(super) text: String,
}

impl Message {
    /// Renders the message for a channel and fits it to the channel's limits (promises 9.2, 9.4).
    ///
    /// # Errors
    /// When there is no variant for the channel, when a template reads what is not there, when a required text comes out
    /// empty, and when the message cannot be made to fit. The channel is then rejected and the next best one tried.
    pub fn render(&self, spec: &ChannelSpec, input: &RenderInput<'_>) -> Result<Rendered, RenderError> {
        let variant = self.variant(spec).ok_or_else(|| RenderError::NoVariant { channel: spec.id().clone() })?;
        let wording = variant.wording(input.locale.or_else(|| input.who.locale()));
        let context = Context::new(&wording.given, input);
        let mut texts = self.texts(wording, &context)?;
        let mut parameters = Vec::with_capacity(wording.parameters.len());
        for template in &wording.parameters {
            match self.text(template, &context)? {
                text if text.is_empty() => return Err(RenderError::Empty { template: template.place.to_string() }),
                text => parameters.push(text),
            }
        }
        let mut cut = limit::graphemes(&mut texts, &spec.limits)?;
        let mut content = self.content(spec, texts, parameters, input);
        let parts = match &mut content {
            Content::Sms { text } => {
                let fitted = limit::parts(text, &spec.limits)?;
                cut |= fitted.cut;
                fitted.parts
            }
            _ => 1,
        };
        cut |= limit::bytes(&mut content, &spec.limits)?;
        Ok(Rendered { content, parts, cut, cost: spec.tariff.price(input.who.country(), parts) })
    }

    /// What it says to this customer, as far as "the same content never twice" goes (promise 8.1): its content key and
    /// the key's text, by default `{message id}:{run key}`.
    ///
    /// # Errors
    /// When the template of the content key reads what is not there.
    pub fn content_key(&self, run_key: &str, input: &RenderInput<'_>) -> Result<(ContentKey, String), RenderError> {
        let text = match &self.content_key {
            None => format!("{}:{run_key}", self.tag.id),
            Some((template, given)) => match self.text(template, &Context::new(given, input))? {
                text if text.is_empty() => return Err(RenderError::Empty { template: template.place.to_string() }),
                text => text,
            },
        };
        Ok((ContentKey::new(&text), text))
    }

    fn texts(&self, wording: &Wording, context: &Context<'_>) -> Result<Vec<Line>, RenderError> {
        let mut texts = Vec::with_capacity(wording.texts.len());
        for text in &wording.texts {
            let (name, form) = (text.name.clone(), text.template.form);
            match self.text(&text.template, context)? {
                blank if blank.trim().is_empty() && text.need == Need::Optional => {}
                blank if blank.trim().is_empty() => {
                    return Err(RenderError::Empty { template: text.template.place.to_string() });
                }
                text => texts.push(Line { name, form, text }),
            }
        }
        match texts.as_slice() {
            [] => Err(RenderError::Empty { template: wording.place.to_string() }),
            _ => Ok(texts),
        }
    }

    fn text(&self, template: &Template, context: &Context<'_>) -> Result<String, RenderError> {
        self.templates.render_for(template, context).map_err(|TemplateError { line, reason }| RenderError::Template {
            template: template.place.to_string(),
            line,
            reason,
        })
    }

    fn content(
        &self,
        spec: &ChannelSpec,
        mut texts: Vec<Line>,
        parameters: Vec<String>,
        input: &RenderInput<'_>,
    ) -> Content {
        if matches!(spec.kind(), ChannelKind::Other(_)) {
            return Content::Other(texts.into_iter().map(|line| (line.name.to_string(), line.text)).collect());
        }
        let mut take = |name: &str| {
            let line = texts.iter_mut().find(|line| &*line.name == name)?;
            Some(std::mem::take(&mut line.text))
        };
        match spec.kind() {
            ChannelKind::Email => {
                let sender = input.brand.sender(spec.id(), spec.kind());
                Content::Email(Box::new(EmailContent {
                    subject: take("subject").unwrap_or_default(),
                    preheader: take("preheader"),
                    html: take("html"),
                    text: take("text"),
                    from_name: sender.and_then(|sender| sender.name.as_ref()).map(ToString::to_string),
                    from_address: sender.and_then(|sender| sender.address.as_ref()).map(ToString::to_string),
                    unsubscribe_url: input
                        .unsubscribe_link()
                        .filter(|_| self.class() == MessageClass::Marketing)
                        .map(str::to_owned),
                }))
            }
            ChannelKind::Sms => Content::Sms { text: take("text").unwrap_or_default() },
            ChannelKind::Push => Content::Push(notification(take)),
            ChannelKind::WebPush => Content::WebPush(notification(take)),
            ChannelKind::InApp => Content::InApp(notification(take)),
            ChannelKind::Inbox => Content::Inbox(notification(take)),
            ChannelKind::WhatsApp => Content::WhatsApp(Box::new(WhatsAppContent {
                template: take("template"),
                language: take("language"),
                parameters,
                text: take("text"),
            })),
            ChannelKind::Audience => {
                Content::Audience { audience: take("audience").unwrap_or_default(), action: AudienceAction::Add }
            }
            ChannelKind::Other(_) => Content::Other(BTreeMap::new()),
        }
    }
}

fn notification(mut take: impl FnMut(&str) -> Option<String>) -> Box<Notification> {
    Box::new(Notification {
        title: take("title"),
        body: take("body").unwrap_or_default(),
        image: take("image"),
        link: take("link"),
        button: take("button"),
    })
}
