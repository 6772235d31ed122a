//! How one channel says a message, in each language (promise 9.1).

use std::sync::Arc;

use super::context::Given;
use super::template::{Form, Template, TemplateReads, TemplatesBuilder};
use crate::primitives::ChannelKind;
use crate::primitives::fault::{Node, Object};

/// Whether a field must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// It is written, and does not come out empty.
    Always,
    /// Where it is written, it does not come out empty.
    Given,
    /// It may come out empty, and is then left out.
    Optional,
}

/// A text field of a kind of channel.
struct Shape {
    name: &'static str,
    form: Form,
    need: Need,
}

const fn shape(name: &'static str, form: Form, need: Need) -> Shape {
    Shape { name, form, need }
}

const EMAIL: &[Shape] = &[
    shape("subject", Form::Line, Need::Always),
    shape("preheader", Form::Line, Need::Optional),
    shape("html", Form::Html, Need::Given),
    shape("text", Form::Text, Need::Given),
];
const SMS: &[Shape] = &[shape("text", Form::Text, Need::Always)];
const NOTIFICATION: &[Shape] = &[
    shape("title", Form::Line, Need::Always),
    shape("body", Form::Text, Need::Always),
    shape("image", Form::Link, Need::Optional),
    shape("link", Form::Link, Need::Optional),
    shape("button", Form::Line, Need::Optional),
];
const IN_APP: &[Shape] = &[
    shape("title", Form::Line, Need::Optional),
    shape("body", Form::Text, Need::Always),
    shape("image", Form::Link, Need::Optional),
    shape("link", Form::Link, Need::Optional),
    shape("button", Form::Line, Need::Optional),
];
const WHATSAPP: &[Shape] = &[
    shape("template", Form::Link, Need::Given),
    shape("language", Form::Link, Need::Optional),
    shape("text", Form::Text, Need::Given),
];
const AUDIENCE: &[Shape] = &[shape("audience", Form::Link, Need::Always)];

/// The fields of a kind; `None` for one never heard of, whose fields are its own.
fn shapes(kind: &ChannelKind) -> Option<&'static [Shape]> {
    Some(match kind {
        ChannelKind::Email => EMAIL,
        ChannelKind::Sms => SMS,
        ChannelKind::Push | ChannelKind::WebPush => NOTIFICATION,
        ChannelKind::InApp | ChannelKind::Inbox => IN_APP,
        ChannelKind::WhatsApp => WHATSAPP,
        ChannelKind::Audience => AUDIENCE,
        ChannelKind::Other(_) => return None,
    })
}

/// Of which a wording needs one at least.
fn either(kind: &ChannelKind) -> Option<[&'static str; 2]> {
    match kind {
        ChannelKind::Email => Some(["html", "text"]),
        ChannelKind::WhatsApp => Some(["template", "text"]),
        _ => None,
    }
}

/// One text of a wording.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) name: Arc<str>,
    pub(super) need: Need,
    pub(super) template: Template,
}

/// The texts of a variant in one language.
#[derive(Debug, Clone)]
pub(super) struct Wording {
    pub(super) texts: Vec<Text>,
    /// What fills the places of a WhatsApp template.
    pub(super) parameters: Vec<Template>,
    pub(super) given: Given,
    /// Its place in the playbook.
    pub(super) place: Arc<str>,
}

impl Wording {
    pub(super) fn text(&self, name: &str) -> Option<&Template> {
        self.texts.iter().find(|text| &*text.name == name).map(|text| &text.template)
    }

    pub(super) fn templates(&self) -> impl Iterator<Item = &Template> {
        self.texts.iter().map(|text| &text.template).chain(&self.parameters)
    }
}

/// How one channel, or one kind of channel, says a message.
#[derive(Debug, Clone)]
pub(super) struct Variant {
    /// The channel's id or kind, as the playbook writes it.
    pub(super) name: Arc<str>,
    pub(super) kind: ChannelKind,
    default: Wording,
    /// By language tag in lower case.
    locales: Vec<(Box<str>, Wording)>,
}

impl Variant {
    /// The wording for a language: `fr-CA`, then `fr`, then the default.
    pub(super) fn wording(&self, locale: Option<&str>) -> &Wording {
        if self.locales.is_empty() {
            return &self.default;
        }
        let tag = plain_tag(locale.unwrap_or_default());
        let mut rest = tag.as_str();
        loop {
            if let Some((_, wording)) = self.locales.iter().find(|(known, _)| **known == *rest) {
                return wording;
            }
            match rest.rsplit_once('-') {
                Some((shorter, _)) => rest = shorter,
                None => return &self.default,
            }
        }
    }

    pub(super) fn wordings(&self) -> impl Iterator<Item = &Wording> {
        self.locales.iter().map(|(_, wording)| wording).chain([&self.default])
    }

    /// Reads a variant: its texts, or `{"locales": {"fr": texts, "default": texts}}`.
    pub(super) fn decode(
        name: &str,
        kind: &ChannelKind,
        node: &Node<'_>,
        builder: &mut TemplatesBuilder,
    ) -> Option<Variant> {
        let object = node.open_object()?;
        let mut locales = Vec::new();
        let default = match object.get("locales") {
            None => wording(kind, node, builder)?,
            Some(tags) => {
                // One set of texts beside the languages would leave open which of them is the default.
                node.object(&["locales"])?;
                let tags = tags.open_object()?;
                for (tag, node) in tags.fields().filter(|(tag, _)| *tag != "default") {
                    if !is_tag(tag) {
                        node.fault(format!("`{tag}` is no language tag such as `fr` or `fr-CA`"));
                    } else if let Some(wording) = wording(kind, &node, builder) {
                        locales.push((plain_tag(tag).into_boxed_str(), wording));
                    }
                }
                wording(kind, &tags.need("default")?, builder)?
            }
        };
        Some(Variant { name: name.into(), kind: kind.clone(), default, locales })
    }
}

/// Language tags are compared in lower case with `-` between their parts.
fn plain_tag(tag: &str) -> String {
    tag.trim().chars().map(|c| if c == '_' { '-' } else { c.to_ascii_lowercase() }).collect()
}

fn is_tag(tag: &str) -> bool {
    tag.split(['-', '_']).all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}

fn wording(kind: &ChannelKind, node: &Node<'_>, builder: &mut TemplatesBuilder) -> Option<Wording> {
    let (object, texts) = match shapes(kind) {
        Some(shapes) => known_texts(kind, shapes, node, builder)?,
        None => other_texts(node, builder)?,
    };
    let parameters = match (kind, object.get("parameters")) {
        (ChannelKind::WhatsApp, Some(list)) => {
            if object.get("template").is_none() {
                list.fault("parameters fill the places of a `template`, and there is none");
            }
            let nodes = list.list().unwrap_or_default();
            nodes.iter().filter_map(|node| builder.compile(node, node.text()?, Form::Line)).collect()
        }
        _ => Vec::new(),
    };
    let mut reads = TemplateReads::default();
    texts.iter().map(|text: &Text| &text.template).chain(&parameters).for_each(|one| reads.extend(&one.reads));
    Some(Wording { texts, parameters, given: Given::new(&reads), place: node.path().into() })
}

fn known_texts<'a>(
    kind: &ChannelKind,
    shapes: &'static [Shape],
    node: &Node<'a>,
    builder: &mut TemplatesBuilder,
) -> Option<(Object<'a>, Vec<Text>)> {
    let mut known: Vec<&str> = shapes.iter().map(|shape| shape.name).collect();
    if *kind == ChannelKind::WhatsApp {
        known.push("parameters");
    }
    let object = node.object(&known)?;
    let mut texts = Vec::with_capacity(shapes.len());
    for shape in shapes {
        let field = match shape.need {
            Need::Always => object.need(shape.name),
            Need::Given | Need::Optional => object.get(shape.name),
        };
        let template = field.and_then(|node| {
            let source = node.text()?;
            if shape.need != Need::Optional && source.trim().is_empty() {
                node.fault("this text is empty");
            }
            builder.compile(&node, source, shape.form)
        });
        texts.extend(template.map(|template| Text { name: shape.name.into(), need: shape.need, template }));
    }
    if let Some([one, other]) = either(kind)
        && object.get(one).or(object.get(other)).is_none()
    {
        node.fault(format!("one of `{one}` and `{other}` is needed"));
    }
    Some((object, texts))
}

/// A kind never heard of has the fields that the text gives it; one called `html` is escaped.
fn other_texts<'a>(node: &Node<'a>, builder: &mut TemplatesBuilder) -> Option<(Object<'a>, Vec<Text>)> {
    let object = node.open_object()?;
    let mut texts = Vec::new();
    let mut fields = 0;
    for (name, node) in object.fields() {
        fields += 1;
        let form = match name {
            "html" => Form::Html,
            "title" | "subject" => Form::Line,
            "link" | "url" | "image" => Form::Link,
            _ => Form::Text,
        };
        let template = node.text().and_then(|source| builder.compile(&node, source, form));
        texts.extend(template.map(|template| Text { name: name.into(), need: Need::Optional, template }));
    }
    if fields == 0 {
        node.fault("a variant needs at least one text");
    }
    Some((object, texts))
}
