//! The pages of the shelf say what its templates are.

use std::fmt::Write;
use std::path::Path;

use serde_json::json;
use throughline::{JourneyTemplate, Playbook};

use crate::CHANNELS;
use crate::walk::{book, with, written};

/// What stands below this line is written by this test.
const MARK: &str =
    "<!-- From here on the page is written by `THROUGHLINE_PAGES=write cargo test --test shelf pages`. -->";

/// The part of a page that follows from the template.
fn tail(template: &JourneyTemplate) -> String {
    let name = template.name();
    let mut out =
        format!("{MARK}\n\n# Parameters\n\n| parameter | takes | default | what it is |\n|---|---|---|---|\n");
    for parameter in template.parameters() {
        let default = match (parameter.default().map(written), parameter.example().map(written)) {
            (Some(default), _) => format!("`{default}`"),
            (None, Some(example)) => format!("required, such as `{example}`"),
            (None, None) => "all".to_owned(),
        };
        writeln!(out, "| `{}` | {} | {default} | {} |", parameter.name(), parameter.kind(), parameter.about()).unwrap();
    }
    let json = book(&CHANNELS, json!({name: {"use": name, "with": with(name, json!({}))}}));
    let playbook = Playbook::from_json(&json.to_string()).unwrap();
    out.push_str("\n# Messages\n\n| message | channels |\n|---|---|\n");
    for message in playbook.messages() {
        let channels = playbook.channels().iter().filter(|spec| message.speaks(spec));
        let channels: Vec<String> = channels.map(|spec| format!("`{}`", spec.id())).collect();
        writeln!(out, "| `{}` | {} |", message.id(), channels.join(", ")).unwrap();
    }
    out.push_str("\n# Diagram\n");
    for journey in playbook.journeys() {
        write!(out, "\n```mermaid\n{}```\n", journey.diagram().unwrap().to_mermaid()).unwrap();
    }
    out
}

#[test]
fn pages_name_every_parameter_and_show_the_diagram_as_it_is() {
    let shelf = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/journey/shelf");
    for template in JourneyTemplate::all() {
        let path = shelf.join(format!("{}.md", template.name()));
        let page = std::fs::read_to_string(&path).unwrap();
        let (said, told) = page.split_at(page.find(MARK).unwrap_or(page.len()));
        let tail = tail(&template);
        if std::env::var_os("THROUGHLINE_PAGES").is_some() {
            std::fs::write(&path, format!("{}\n\n{tail}", said.trim_end())).unwrap();
            continue;
        }
        assert!(said.starts_with(&format!("{}\n", template.about())), "{path:?}");
        assert!(said.lines().count() >= 10, "{path:?} explains nothing");
        assert_eq!(told, tail, "{path:?}: write it anew as its mark says");
        assert_eq!(template.page(), page);
    }
}

#[test]
fn pages_of_the_shelf_are_listed_in_the_guide() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = std::fs::read_to_string(root.join("src/guide/shelf.md")).unwrap();
    for template in JourneyTemplate::all() {
        let line = format!("| [`{0}`](crate::guide::shelf::{0}) | {1} |", template.name(), template.about());
        assert!(list.contains(&line), "the guide's list lacks\n{line}");
    }
    let sheets = std::fs::read_dir(root.join("src/journey/shelf")).unwrap();
    let sheets =
        sheets.filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|end| end == "json")).count();
    assert_eq!(sheets, JourneyTemplate::all().count());
}
