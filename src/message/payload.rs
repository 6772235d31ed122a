//! What an effect is called with: JSON whose texts may be templates.

use std::sync::Arc;

use super::context::{Context, Given};
use super::render::RenderInput;
use super::template::{Form, Template, TemplateReads, Templates, TemplatesBuilder};
use crate::primitives::fault::Node;
use crate::primitives::{Fields, Key, Value};

/// What an effect is called with. A text that is one placeholder and nothing else (`"{{ trigger.total }}"`) gives the value
/// itself, a number as a number; any other text is rendered as the templates of messages are.
#[derive(Debug, Clone)]
pub struct Payload {
    fields: Arc<[(Key, Part)]>,
    given: Given,
    reads: TemplateReads,
    templates: Templates,
}

#[derive(Debug, Clone)]
enum Part {
    Ready(Value),
    /// The value at a path of what the run kept.
    Trigger(Arc<[Key]>),
    /// An attribute of the customer.
    Customer(Key),
    Text(Template),
    List(Arc<[Part]>),
    Map(Arc<[(Key, Part)]>),
}

impl Payload {
    /// Reads an object of the playbook.
    pub(crate) fn decode(node: &Node<'_>) -> Option<Payload> {
        let (mut builder, mut reads) = (TemplatesBuilder::default(), TemplateReads::default());
        let fields = map(node, &mut builder, &mut reads)?;
        Some(Payload { fields, given: Given::new(&reads), reads, templates: builder.finish() })
    }

    /// The properties of the trigger, and the answers of earlier steps, that it reads.
    pub(crate) fn trigger_properties(&self) -> Vec<Key> {
        TemplateReads::keys(&self.reads.trigger)
    }

    /// What one customer's call is made with; `None` if a value that it reads is not known.
    pub(crate) fn render(&self, input: &RenderInput<'_>) -> Option<Fields> {
        let context = Context::new(&self.given, input);
        self.rendered(&self.fields, &context)
    }

    fn rendered(&self, parts: &[(Key, Part)], context: &Context<'_>) -> Option<Fields> {
        let mut fields = Fields::new();
        for (key, part) in parts {
            fields.insert(key.clone(), self.value(part, context)?);
        }
        Some(fields)
    }

    fn value(&self, part: &Part, context: &Context<'_>) -> Option<Value> {
        Some(match part {
            Part::Ready(value) => value.clone(),
            Part::Trigger(path) => context.input.trigger?.at(path)?.clone(),
            Part::Customer(key) => context.input.who.attribute(key)?.to_value(),
            Part::Text(template) => Value::text(self.templates.render_for(template, context).ok()?),
            Part::List(parts) => {
                Value::List(parts.iter().map(|part| self.value(part, context)).collect::<Option<_>>()?)
            }
            Part::Map(parts) => Value::Map(Box::new(self.rendered(parts, context)?)),
        })
    }
}

/// A host's own journey knows what it asks for.
impl From<Fields> for Payload {
    fn from(fields: Fields) -> Self {
        let reads = TemplateReads::default();
        Payload {
            fields: fields.iter().map(|(key, value)| (key.clone(), Part::Ready(value.clone()))).collect(),
            given: Given::new(&reads),
            reads,
            templates: Templates::default(),
        }
    }
}

fn map(node: &Node<'_>, builder: &mut TemplatesBuilder, reads: &mut TemplateReads) -> Option<Arc<[(Key, Part)]>> {
    let object = node.open_object()?;
    let (mut parts, mut whole) = (Vec::new(), true);
    for (name, node) in object.fields() {
        let part = part(&node, builder, reads);
        whole &= part.is_some();
        parts.extend(part.map(|part| (Key::new(name), part)));
    }
    whole.then(|| parts.into())
}

fn part(node: &Node<'_>, builder: &mut TemplatesBuilder, reads: &mut TemplateReads) -> Option<Part> {
    match node.json() {
        serde_json::Value::Object(_) => map(node, builder, reads).map(Part::Map),
        serde_json::Value::Array(_) => {
            let parts: Vec<Option<Part>> = node.list()?.iter().map(|node| part(node, builder, reads)).collect();
            parts.into_iter().collect::<Option<Arc<[Part]>>>().map(Part::List)
        }
        serde_json::Value::String(source) => {
            let template = builder.compile(node, source, Form::Text)?;
            reads.extend(&template.reads);
            Some(placeholder(source).unwrap_or(Part::Text(template)))
        }
        serde_json::Value::Null => {
            node.fault("`null` is no value; leave it out");
            None
        }
        json => Value::from_json(json).map(Part::Ready),
    }
}

/// A text that is nothing but one name.
fn placeholder(source: &str) -> Option<Part> {
    let path = source.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim();
    if !path.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.') {
        return None;
    }
    match path.split_once('.')? {
        ("trigger", path) => Some(Part::Trigger(path.split('.').map(Key::new).collect())),
        ("customer", name) if !name.contains('.') => Some(Part::Customer(Key::new(name))),
        _ => None,
    }
}
