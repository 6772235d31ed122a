//! A sheet with its parameters filled in: segments, messages and journeys under the names of one use.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::fill::Filling;
use super::narrow::Narrowing;
use super::offered::{Offered, hint};
use super::parameter::{ParameterKind, TemplateParameter};
use super::sheets::{SHEETS, Sheet};
use crate::primitives::fault::{Node, Object};

/// The sections that a template adds to.
const SECTIONS: [&str; 3] = ["segments", "messages", "journeys"];

/// What one use of a template adds to a playbook.
#[derive(Debug)]
pub(crate) struct Fragment {
    /// Sections with the definitions in them.
    pub(crate) sections: Vec<(&'static str, Map<String, Json>)>,
}

impl Fragment {
    pub(super) fn into_json(self) -> Json {
        let filled = self.sections.into_iter().filter(|(_, section)| !section.is_empty());
        Json::Object(filled.map(|(name, section)| (name.to_owned(), Json::Object(section))).collect())
    }
}

/// Makes what an entry of the section `shelf` says, under the entry's name. `None` if a fault was reported.
pub(crate) fn expand(name: &str, node: &Node<'_>, offered: &Offered<'_>) -> Option<Fragment> {
    let entry = node.object(&["use", "with"])?;
    let mut sound = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if !sound {
        node.fault("its parts are named after this name: write letters, digits, `_` and `-`");
    }
    let names: Vec<(&str, &Sheet)> = SHEETS.iter().map(|sheet| (sheet.name, sheet)).collect();
    let sheet = entry.need("use").and_then(|node| node.one_of(&names))?;
    let text: Json = serde_json::from_str(sheet.json).ok()?;
    let parameters = TemplateParameter::all(&text);
    let chosen = Chosen::read(sheet.name, &parameters, &entry, offered)?;
    sound &= chosen.sound;
    let filling = Filling { name, values: &chosen.values };
    let mut sections = SECTIONS.map(|section| (section, filling.section(&text, section))).to_vec();
    let narrowing = Narrowing { offered: chosen.only.as_ref().unwrap_or(offered), narrowed: chosen.only.is_some() };
    for (section, definitions) in &mut sections {
        match *section {
            "messages" => {
                // What the playbook says in its own words goes before.
                definitions.retain(|id, _| !offered.says_itself(id));
                for (id, message) in definitions.iter_mut() {
                    sound &= narrowing.message(id, message, node);
                }
                let written = text.get("messages").and_then(Json::as_object).into_iter().flatten();
                for (id, written) in written.map(|(id, written)| (filling.text(id), written)) {
                    let said = definitions.get(&id);
                    sound &= said.is_none_or(|said| offered.has_what_is_read(&id, said, written, node));
                }
            }
            "journeys" => definitions.values_mut().for_each(|journey| narrowing.journey(journey)),
            _ => {}
        }
    }
    sound.then_some(Fragment { sections })
}

/// The values that a use gives, and the defaults of what it leaves out.
struct Chosen<'a> {
    values: BTreeMap<&'a str, Json>,
    /// The channels, if the use names any.
    only: Option<Offered<'a>>,
    /// Whether no fault was reported.
    sound: bool,
}

impl<'a> Chosen<'a> {
    fn read(
        template: &str,
        parameters: &'a [TemplateParameter],
        entry: &Object<'_>,
        offered: &Offered<'a>,
    ) -> Option<Self> {
        let mut chosen = Chosen { values: BTreeMap::new(), only: None, sound: true };
        let with = match entry.get("with") {
            Some(with) => Some(with.open_object()?),
            None => None,
        };
        for (given, node) in with.iter().flat_map(|with| with.fields()).filter(|(_, node)| !node.json().is_null()) {
            let Some(parameter) = parameters.iter().find(|parameter| parameter.name() == given) else {
                let known: Vec<&str> = parameters.iter().map(TemplateParameter::name).collect();
                let hint = hint(given, &known);
                node.fault(format!("`{template}` has no parameter `{given}`; {hint}"));
                chosen.sound = false;
                continue;
            };
            if parameter.kind() == ParameterKind::Channels {
                chosen.only = offered.only(&node);
                chosen.sound &= chosen.only.is_some();
            } else {
                chosen.sound &= parameter.takes(&node).is_some();
                chosen.values.insert(parameter.name(), node.json().clone());
            }
        }
        for parameter in parameters.iter().filter(|parameter| parameter.kind() != ParameterKind::Channels) {
            if chosen.values.contains_key(parameter.name()) {
                continue;
            }
            match parameter.default() {
                Some(default) => drop(chosen.values.insert(parameter.name(), serde_json::to_value(default).ok()?)),
                None => {
                    entry.node().fault(missing(template, parameter));
                    chosen.sound = false;
                }
            }
        }
        Some(chosen)
    }
}

fn missing(template: &str, parameter: &TemplateParameter) -> String {
    let example = parameter.example().and_then(|example| serde_json::to_string(example).ok());
    let such = example.map(|example| format!(", such as {example}")).unwrap_or_default();
    format!("`{template}` needs the parameter `{}` in `with`: {}{such}", parameter.name(), parameter.about())
}
