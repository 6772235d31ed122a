//! Where a value stands inside properties: `total`, `cart.total`, `products.category`.

use std::fmt;

use crate::customer::Occurrence;
use crate::primitives::fault::Node;
use crate::primitives::{Key, Value, ValueRef};

/// Names from the outside in, written with dots. Through a list of objects a path leads to each member, so that
/// `products.category` of an order names the categories of all its lines.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Path {
    first: Key,
    rest: Box<[Key]>,
}

impl Path {
    pub(super) fn new(text: &str) -> Option<Path> {
        let mut names = text.split('.');
        let first = names.next().filter(|name| !name.is_empty())?;
        let rest = names.map(|name| (!name.is_empty()).then(|| Key::new(name))).collect::<Option<_>>()?;
        Some(Path { first: Key::new(first), rest })
    }

    pub(super) fn decode(node: &Node<'_>) -> Option<Path> {
        let path = Path::new(node.text()?);
        if path.is_none() {
            node.fault("expected a name, or names with dots between them such as `cart.total`");
        }
        path
    }

    /// The outermost name: the attribute, or the property that history keeps.
    pub(super) fn first(&self) -> &Key {
        &self.first
    }

    /// Whether nothing follows the outermost name.
    pub(super) fn is_name(&self) -> bool {
        self.rest.is_empty()
    }

    /// Whether this is the plain name.
    pub(super) fn is(&self, name: &str) -> bool {
        self.rest.is_empty() && self.first.as_str() == name
    }

    /// Whether `test` holds for any value that the rest of the path leads to from the value of the first name.
    pub(super) fn any_below(&self, value: ValueRef<'_>, test: &mut dyn FnMut(ValueRef<'_>) -> bool) -> bool {
        any_at(value, &self.rest, test)
    }

    /// The number of an occurrence: of several values that the path leads to, their sum.
    pub(super) fn number(&self, row: &Occurrence<'_>) -> Option<rust_decimal::Decimal> {
        let value = row.property(&self.first)?;
        if self.rest.is_empty() {
            return value.as_decimal();
        }
        let mut sum: Option<rust_decimal::Decimal> = None;
        self.any_below(value, &mut |value| {
            if let Some(number) = value.as_decimal() {
                sum = Some(sum.unwrap_or_default().saturating_add(number));
            }
            false
        });
        sum
    }
}

fn any_at(value: ValueRef<'_>, rest: &[Key], test: &mut dyn FnMut(ValueRef<'_>) -> bool) -> bool {
    let Some((name, below)) = rest.split_first() else { return test(value) };
    match value {
        ValueRef::Map(map) => map.get(name).is_some_and(|value| any_at(value.as_ref(), below, test)),
        ValueRef::List(list) => {
            list.iter().any(|member| matches!(member, Value::Map(_)) && any_at(member.as_ref(), rest, test))
        }
        _ => false,
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.first.as_str())?;
        self.rest.iter().try_for_each(|name| write!(f, ".{name}"))
    }
}
