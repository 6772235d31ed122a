//! The section `shelf`: ready-made journeys become definitions like any other before they are decoded.

use serde_json::{Map, Value as Json, json};

use crate::journey::{JourneyTemplate, Offered, expand};
use crate::primitives::fault::{FaultSink, Node};
use crate::primitives::{Fault, Faults};

/// Which definitions came from which use.
#[derive(Debug, Default)]
pub(super) struct Made(Vec<(String, String)>);

/// The builder's templates stand among the JSON's, so that both are made together.
pub(super) fn add(json: &mut Json, templates: &[(String, JourneyTemplate)], sink: &FaultSink) {
    let Some(sections) = json.as_object_mut().filter(|_| !templates.is_empty()) else { return };
    let shelf = sections.entry("shelf").or_insert_with(|| json!({}));
    if shelf.is_null() {
        *shelf = json!({});
    }
    let Some(shelf) = shelf.as_object_mut() else { return };
    for (name, template) in templates {
        if shelf.insert(name.clone(), template.entry()).is_some() {
            sink.report(format!("$.shelf.{name}"), "the builder uses a template under this name too; keep one");
        }
    }
}

/// Takes the section out and puts what it makes among the other sections.
pub(super) fn make(json: &mut Json, sink: &FaultSink) -> Made {
    let mut made = Made::default();
    let Some(shelf) = json.as_object_mut().and_then(|sections| sections.remove("shelf")).filter(|json| !json.is_null())
    else {
        return made;
    };
    let root = json!({ "shelf": shelf });
    let Some(uses) = Node::root(&root, sink).open_object().and_then(|root| root.get("shelf")?.open_object()) else {
        return made;
    };
    let offered = Offered::by(json);
    let fragments: Vec<_> =
        uses.fields().filter_map(|(name, node)| Some((expand(name, &node, &offered)?, node))).collect();
    for (fragment, node) in fragments {
        for (section, definitions) in fragment.sections {
            made.put(json, section, definitions, &node);
        }
    }
    made
}

impl Made {
    fn put(&mut self, json: &mut Json, section: &str, definitions: Map<String, Json>, node: &Node<'_>) {
        let Some(sections) = json.as_object_mut().filter(|_| !definitions.is_empty()) else { return };
        let known = sections.entry(section).or_insert_with(|| json!({}));
        if known.is_null() {
            *known = json!({});
        }
        // Whatever else it is has its own fault.
        let Some(known) = known.as_object_mut() else { return };
        for (id, definition) in definitions {
            if known.contains_key(&id) {
                node.fault(format!("makes `{id}`, which `{section}` has already: use the template under another name"));
                continue;
            }
            self.0.push((format!("$.{section}.{id}"), format!("{}.{section}.{id}", node.path())));
            known.insert(id, definition);
        }
    }

    /// Tells faults in what was made where the playbook's author can see them.
    pub(super) fn tell(&self, faults: Faults) -> Faults {
        faults.relocated(|fault: &Fault| {
            self.0.iter().find_map(|(made, place)| {
                let inside = fault.path.strip_prefix(made.as_str())?;
                (inside.is_empty() || inside.starts_with(['.', '['])).then(|| format!("{place}{inside}"))
            })
        })
    }
}
