//! What a template is given: the attributes, properties and brand fields that it names, and nothing else (promise 9.4).

use std::cell::OnceCell;
use std::fmt;
use std::sync::Arc;

use minijinja::Value as TemplateValue;
use minijinja::value::Object;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::render::RenderInput;
use super::template::TemplateReads;
use crate::primitives::{Fields, Instant, Key, ValueRef};

/// What a set of templates reads, looked up once.
#[derive(Debug, Clone)]
pub(super) struct Given {
    customer: Arc<[Key]>,
    trigger: Arc<[Key]>,
    brand: bool,
}

impl Given {
    pub(super) fn new(reads: &TemplateReads) -> Self {
        Given {
            customer: TemplateReads::keys(&reads.customer).into(),
            trigger: TemplateReads::keys(&reads.trigger).into(),
            brand: !reads.brand.is_empty(),
        }
    }

    fn context(&self, input: &RenderInput<'_>) -> TemplateValue {
        let unsubscribe_url = input.unsubscribe_link().map(TemplateValue::from);
        TemplateValue::from_object(Root {
            customer: names(&self.customer, |key| input.who.attribute(key)),
            trigger: names(&self.trigger, |key| Some(input.trigger?.get(key)?.as_ref())),
            brand: self.brand.then(|| input.brand.view(unsubscribe_url.clone())),
            unsubscribe_url,
            locale: input.locale.or_else(|| input.who.locale()).map(TemplateValue::from),
            now: input.now,
        })
    }
}

/// What the templates of one rendering are given, looked up when the first of them needs the engine.
pub(super) struct Context<'a> {
    pub(super) input: &'a RenderInput<'a>,
    given: &'a Given,
    value: OnceCell<TemplateValue>,
}

impl<'a> Context<'a> {
    pub(super) fn new(given: &'a Given, input: &'a RenderInput<'a>) -> Self {
        Context { input, given, value: OnceCell::new() }
    }

    pub(super) fn value(&self) -> TemplateValue {
        self.value.get_or_init(|| self.given.context(self.input)).clone()
    }
}

fn names<'v>(keys: &Arc<[Key]>, value: impl Fn(&Key) -> Option<ValueRef<'v>>) -> TemplateValue {
    let values = keys.iter().map(|key| value(key).map(template_value)).collect();
    TemplateValue::from_object(Names { keys: keys.clone(), values })
}

fn template_value(value: ValueRef<'_>) -> TemplateValue {
    match value {
        ValueRef::Bool(b) => b.into(),
        ValueRef::Int(n) => n.into(),
        ValueRef::Decimal(n) => number(n),
        ValueRef::Text(text) => text.into(),
        ValueRef::List(list) => list.iter().map(|value| template_value(value.as_ref())).collect(),
        ValueRef::Map(map) => map_value(map),
    }
}

fn map_value(map: &Fields) -> TemplateValue {
    // By name: a loop over a map gives the same text whatever order another crate asks of the engine's maps.
    let mut fields: Vec<_> = map.iter().collect();
    fields.sort_by(|a, b| a.0.as_str().cmp(b.0.as_str()));
    TemplateValue::from_pairs(fields.into_iter().map(|(key, value)| (key.as_str(), template_value(value.as_ref()))))
}

/// Templates calculate in floats. A number that a float would not show as it is goes in as text.
fn number(n: Decimal) -> TemplateValue {
    let n = n.normalize();
    match n.to_f64() {
        Some(float) if float.to_string() == n.to_string() => float.into(),
        _ => n.to_string().into(),
    }
}

struct Root {
    customer: TemplateValue,
    trigger: TemplateValue,
    brand: Option<TemplateValue>,
    unsubscribe_url: Option<TemplateValue>,
    locale: Option<TemplateValue>,
    now: Instant,
}

impl Object for Root {
    fn get_value(self: &Arc<Self>, key: &TemplateValue) -> Option<TemplateValue> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<TemplateValue> {
        match key {
            "customer" => Some(self.customer.clone()),
            "trigger" => Some(self.trigger.clone()),
            "brand" => self.brand.clone(),
            "unsubscribe_url" => self.unsubscribe_url.clone(),
            "locale" => self.locale.clone(),
            "now" => Some(self.now.to_string().into()),
            _ => None,
        }
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("context")
    }
}

/// Values by the names that the templates use; a handful, so that a walk beats a map.
struct Names {
    keys: Arc<[Key]>,
    values: Vec<Option<TemplateValue>>,
}

impl Object for Names {
    fn get_value(self: &Arc<Self>, key: &TemplateValue) -> Option<TemplateValue> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<TemplateValue> {
        let at = self.keys.iter().position(|known| known.as_str() == key)?;
        self.values.get(at)?.clone()
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("names")
    }
}
