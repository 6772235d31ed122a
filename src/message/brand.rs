//! One brand for all messages.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object as TemplateObject};

use super::template::{Form, Template, TemplateError, Templates, TemplatesBuilder};
use crate::primitives::fault::{FaultSink, Node, Object, nearest};
use crate::primitives::{ChannelId, ChannelKind, Faults};

/// As whom a channel speaks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sender {
    /// The name.
    pub name: Option<Arc<str>>,
    /// The address, number or handle.
    pub address: Option<Arc<str>>,
}

/// The brand: defined once, available to every template as `brand.*` (promise 9.3).
///
/// Templates read `brand.name`, `brand.logo`, `brand.tone`, `brand.legal`, `brand.colours.<name>`, `brand.links.<name>`,
/// `brand.sender.<channel>.name` and `.address`, and the two footers: `brand.footer` for plain text, `brand.footer_html`
/// for HTML. A footer is a template itself and may read `unsubscribe_url` and the rest of the brand. Cheap to clone.
///
/// ```
/// use throughline::Brand;
/// let brand = Brand::parse(r##"{"name": "Fern & Co", "colours": {"accent": "#0a7d4f"},
///     "footer": "{{ brand.name }}, 1 Leaf Lane. Unsubscribe: {{ unsubscribe_url }}"}"##)?;
/// assert_eq!(brand.name(), Some("Fern & Co"));
/// assert!(Brand::parse(r#"{"nmae": "Fern"}"#).is_err());
/// # Ok::<(), throughline::Faults>(())
/// ```
#[derive(Clone, Default)]
pub struct Brand(Arc<Parts>);

#[derive(Default)]
struct Parts {
    name: Option<Arc<str>>,
    logo: Option<Arc<str>>,
    tone: Option<Arc<str>>,
    legal: Option<Arc<str>>,
    senders: BTreeMap<Arc<str>, Sender>,
    colours: BTreeMap<Arc<str>, Arc<str>>,
    links: BTreeMap<Arc<str>, Arc<str>>,
    footer: Option<Template>,
    footer_html: Option<Template>,
    templates: Templates,
}

const FIELDS: [&str; 9] = ["name", "senders", "logo", "tone", "colours", "legal", "links", "footer", "footer_html"];

/// What templates call these fields.
const NAMES: [&str; 9] = ["name", "sender", "logo", "tone", "colours", "legal", "links", "footer", "footer_html"];

impl Brand {
    /// Reads a brand from JSON: `{"name": .., "senders": {"email": {"name": .., "address": ..}}, "logo": ..,
    /// "colours": {..}, "tone": .., "footer": .., "footer_html": .., "legal": .., "links": {"unsubscribe": ..}}`.
    ///
    /// # Errors
    /// All faults at once, each with its path.
    pub fn parse(json: &str) -> Result<Self, Faults> {
        let sink = FaultSink::default();
        let brand = match serde_json::from_str(json) {
            Ok(json) => decode_brand(&Node::root(&json, &sink)),
            Err(wrong) => {
                sink.report("$", wrong.to_string());
                Brand::default()
            }
        };
        if sink.is_empty() { Ok(brand) } else { Err(sink.into_faults()) }
    }

    /// The shop's name.
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The address of its logo.
    pub fn logo(&self) -> Option<&str> {
        self.0.logo.as_deref()
    }

    /// How it speaks; for whoever writes the texts.
    pub fn tone(&self) -> Option<&str> {
        self.0.tone.as_deref()
    }

    /// What the law wants in every message: the company's name and postal address.
    pub fn legal(&self) -> Option<&str> {
        self.0.legal.as_deref()
    }

    /// One of its colours by name, such as `#0a7d4f`.
    pub fn colour(&self, name: &str) -> Option<&str> {
        self.0.colours.get(name).map(|colour| &**colour)
    }

    /// Its colours.
    pub fn colours(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.colours.iter().map(|(name, colour)| (&**name, &**colour))
    }

    /// One of its links by name; `unsubscribe` is what templates read as `unsubscribe_url`, where a rendering has no
    /// link of the customer's own.
    pub fn link(&self, name: &str) -> Option<&str> {
        self.0.links.get(name).map(|link| &**link)
    }

    /// As whom a channel speaks: the sender under its id, else under its kind.
    pub fn sender(&self, id: &ChannelId, kind: &ChannelKind) -> Option<&Sender> {
        self.0.senders.get(id.as_str()).or_else(|| self.0.senders.get(kind.as_str()))
    }

    /// Whether its footer for plain text, or for HTML, has an unsubscribe link.
    pub(super) fn footer_unsubscribes(&self, html: bool) -> bool {
        let footer = if html { &self.0.footer_html } else { &self.0.footer };
        footer.as_ref().is_some_and(|footer| footer.reads.unsubscribes())
    }

    /// What is wrong with reading `brand.{path}`, if anything.
    pub(super) fn check_read(path: &str) -> Option<String> {
        let first = path.split('.').next().unwrap_or_default();
        if NAMES.contains(&first) {
            return None;
        }
        Some(match nearest(first, &NAMES) {
            Some(near) => format!("the brand has no `{first}`; did you mean `{near}`?"),
            None => format!("the brand has no `{first}`; known: {}", NAMES.join(", ")),
        })
    }

    pub(super) fn view(&self, unsubscribe_url: Option<minijinja::Value>) -> minijinja::Value {
        minijinja::Value::from_object(View { brand: self.clone(), unsubscribe_url, in_footer: false })
    }
}

impl PartialEq for Brand {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (&*self.0, &*other.0);
        let texts = |parts: &Parts| [&parts.name, &parts.logo, &parts.tone, &parts.legal].map(Clone::clone);
        let footers = |parts: &Parts| {
            [&parts.footer, &parts.footer_html].map(|footer| footer.as_ref().map(|footer| footer.source.clone()))
        };
        Arc::ptr_eq(&self.0, &other.0)
            || (texts(a) == texts(b)
                && (&a.senders, &a.colours, &a.links) == (&b.senders, &b.colours, &b.links)
                && footers(a) == footers(b))
    }
}

impl fmt::Debug for Brand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Brand")
            .field("name", &self.0.name)
            .field("senders", &self.0.senders)
            .field("colours", &self.0.colours)
            .field("links", &self.0.links)
            .finish_non_exhaustive()
    }
}

/// The brand as templates see it. The footers are rendered when they are read.
struct View {
    brand: Brand,
    unsubscribe_url: Option<minijinja::Value>,
    in_footer: bool,
}

impl View {
    fn footer(&self, footer: Option<&Template>) -> Option<minijinja::Value> {
        let footer = footer.filter(|_| !self.in_footer)?;
        let inner = View { brand: self.brand.clone(), unsubscribe_url: self.unsubscribe_url.clone(), in_footer: true };
        let context = [
            ("brand", minijinja::Value::from_object(inner)),
            ("unsubscribe_url", self.unsubscribe_url.clone().unwrap_or_default()),
        ];
        let text = self.brand.0.templates.render(footer, || minijinja::Value::from_pairs(context));
        Some(match text {
            // An HTML footer is finished HTML; escaping it again would show its tags.
            Ok(text) if footer.form == Form::Html => minijinja::Value::from_safe_string(text),
            Ok(text) => minijinja::Value::from(text),
            Err(TemplateError { line, reason }) => minijinja::Value::from(minijinja::Error::new(
                minijinja::ErrorKind::InvalidOperation,
                format!("{}, line {line}: {reason}", footer.place),
            )),
        })
    }
}

impl TemplateObject for View {
    fn get_value(self: &Arc<Self>, key: &minijinja::Value) -> Option<minijinja::Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<minijinja::Value> {
        fn texts(map: &BTreeMap<Arc<str>, Arc<str>>) -> Option<minijinja::Value> {
            Some(minijinja::Value::from_pairs(map.iter().map(|(name, text)| (&**name, text))))
        }
        let parts = &*self.brand.0;
        match key {
            "name" => parts.name.as_ref().map(minijinja::Value::from),
            "logo" => parts.logo.as_ref().map(minijinja::Value::from),
            "tone" => parts.tone.as_ref().map(minijinja::Value::from),
            "legal" => parts.legal.as_ref().map(minijinja::Value::from),
            "colours" => texts(&parts.colours),
            "links" => texts(&parts.links),
            "sender" => Some(minijinja::Value::from_pairs(parts.senders.iter().map(|(channel, sender)| {
                let fields = [("name", &sender.name), ("address", &sender.address)];
                let given = fields.into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?)));
                (&**channel, minijinja::Value::from_pairs(given))
            }))),
            "footer" => self.footer(parts.footer.as_ref()),
            "footer_html" => self.footer(parts.footer_html.as_ref()),
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(&NAMES)
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("brand")
    }
}

/// The object `brand`.
pub(crate) fn decode_brand(node: &Node<'_>) -> Brand {
    let Some(object) = node.object(&FIELDS) else { return Brand::default() };
    let text = |name: &str| object.get(name).and_then(|node| node.text()).map(Arc::<str>::from);
    let mut builder = TemplatesBuilder::default();
    let mut footer = |name: &str, form: Form| {
        let node = object.get(name)?;
        let template = builder.compile(&node, node.text()?, form)?;
        check_footer(&node, &template);
        Some(template)
    };
    let (plain, html) = (footer("footer", Form::Text), footer("footer_html", Form::Html));
    Brand(Arc::new(Parts {
        name: text("name"),
        logo: text("logo"),
        tone: text("tone"),
        legal: text("legal"),
        senders: senders(&object),
        colours: texts(&object, "colours"),
        links: texts(&object, "links"),
        footer: plain,
        footer_html: html,
        templates: builder.finish(),
    }))
}

/// A footer is the same for every customer, but for the link.
fn check_footer(node: &Node<'_>, template: &Template) {
    let reads = &template.reads;
    if !reads.customer.is_empty() || !reads.trigger.is_empty() {
        node.fault("a footer may read `brand` and `unsubscribe_url` only");
    }
    if reads.brand.iter().any(|path| path.starts_with("footer")) {
        node.fault("a footer cannot hold a footer");
    }
}

fn senders(object: &Object<'_>) -> BTreeMap<Arc<str>, Sender> {
    let senders = object.get("senders").and_then(|node| node.open_object());
    let entries = senders.iter().flat_map(Object::fields).filter_map(|(channel, node)| {
        let sender = node.object(&["name", "address"])?;
        let text = |name: &str| sender.get(name).and_then(|node| node.text()).map(Arc::<str>::from);
        Some((Arc::from(channel), Sender { name: text("name"), address: text("address") }))
    });
    entries.collect()
}

fn texts(object: &Object<'_>, name: &str) -> BTreeMap<Arc<str>, Arc<str>> {
    let map = object.get(name).and_then(|node| node.open_object());
    map.iter().flat_map(Object::fields).filter_map(|(name, node)| Some((name.into(), node.text()?.into()))).collect()
}
