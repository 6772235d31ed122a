//! The shelf: every branch of every template walked to its end, and what a playbook is told that uses one wrongly.

mod baskets;
mod begin;
mod bonds;
mod faults;
mod news;
mod orders;
mod pages;
#[path = "../shop/mod.rs"]
mod shop;
mod walk;

use serde_json::{Value as Json, json};
use throughline::{JourneyTemplate, ParameterKind, Playbook, Value};
use walk::{book, faults, filled, gone, journeys, ways, with, written};

/// Every kind of channel that the shelf has texts for.
const CHANNELS: [&str; 8] = ["email", "sms", "push", "web_push", "in_app", "inbox", "whatsapp", "messenger"];

#[test]
fn every_way_of_every_template_is_walked() {
    let walks = [begin::ALL, baskets::ALL, orders::ALL, news::ALL, bonds::ALL];
    walks.into_iter().flatten().for_each(|walk| walk());
    for template in JourneyTemplate::all() {
        for (name, steps) in journeys(template.name()) {
            let gone = gone(&name);
            let missing: Vec<_> = ways(&steps).into_iter().filter(|way| !gone.contains(way)).collect();
            assert!(missing.is_empty(), "{name}: nobody went {missing:?}");
        }
    }
}

/// Another value of a parameter's kind.
fn another(kind: ParameterKind) -> Value {
    match kind {
        ParameterKind::Span => "4h".into(),
        ParameterKind::Time => "07:45".into(),
        ParameterKind::Text => "5 % \"off\" & {{ nothing }} {% more %} 'x' \\ \u{7}\n</p>".into(),
        ParameterKind::Number => "2.5".into(),
        ParameterKind::Whole => 3.into(),
        ParameterKind::Name => "Something Else".into(),
        ParameterKind::Topic => "another_topic".into(),
        ParameterKind::Channels => Value::List(["email".into(), "push".into()].into()),
        kind => panic!("a kind without another value: {kind}"),
    }
}

#[test]
fn every_template_compiles_with_its_defaults_and_with_every_parameter_changed() {
    let empty = book(&CHANNELS, json!({})).to_string();
    for template in JourneyTemplate::all() {
        let name = template.name();
        let compile = |template: &JourneyTemplate, of: &str| {
            let built = Playbook::builder().with_template(name, template.clone()).build(&empty);
            let playbook = built.unwrap_or_else(|faults| panic!("{name}, {of}: {faults}"));
            assert!(playbook.warnings().is_empty(), "{name}: {:?}", playbook.warnings());
            format!("{playbook:?}")
        };
        let template = filled(template);
        let plain = compile(&template, "defaults");
        let said = template.to_json().unwrap();
        for parameter in template.parameters() {
            let changed = template.clone().with(parameter.name(), another(parameter.kind()));
            let compiled = compile(&changed, parameter.name());
            let differs = match parameter.kind() {
                ParameterKind::Channels => compiled != plain,
                _ => changed.to_json().unwrap() != said,
            };
            assert!(differs, "{name}: `{}` changes nothing", parameter.name());
        }
        // In JSON as in code.
        let json = book(&CHANNELS, json!({name: {"use": name, "with": with(name, json!({}))}}));
        assert_eq!(format!("{:?}", Playbook::from_json(&json.to_string()).unwrap()), plain, "{name}");
    }
}

#[test]
fn every_template_needs_no_more_than_one_of_its_channels() {
    for template in JourneyTemplate::all() {
        let name = template.name();
        let fit: Vec<&str> = CHANNELS
            .into_iter()
            .filter(|channel| {
                faults(&[channel], json!({name: {"use": name, "with": with(name, json!({}))}})).is_empty()
            })
            .collect();
        assert!(fit.contains(&"email") || name == "social_subscriber", "{name}: {fit:?}");
        assert!(fit.contains(&"push") || name == "permission_renewal", "{name}: {fit:?}");
        for channel in CHANNELS.into_iter().filter(|channel| !fit.contains(channel)) {
            let told = faults(&[channel], json!({name: {"use": name, "with": with(name, json!({}))}}));
            assert!(
                told.iter().all(|fault| fault.starts_with(&format!("$.shelf.{name}: no channel is left"))),
                "{told:?}"
            );
        }
    }
}

#[test]
fn what_a_template_makes_can_be_taken_into_the_playbook_instead() {
    for template in JourneyTemplate::all() {
        let name = template.name();
        let taken: Json = serde_json::from_str(&filled(template).to_json().unwrap()).unwrap();
        let mut json = book(&CHANNELS, json!({}));
        json.as_object_mut().unwrap().remove("shelf");
        json.as_object_mut().unwrap().extend(taken.as_object().unwrap().clone());
        let by_hand = Playbook::from_json(&json.to_string()).unwrap_or_else(|faults| panic!("{name}: {faults}"));
        let used = book(&CHANNELS, json!({name: {"use": name, "with": with(name, json!({}))}}));
        let used = Playbook::from_json(&used.to_string()).unwrap();
        let drawn = |playbook: &Playbook| {
            playbook.journeys().map(|journey| journey.diagram().unwrap().to_mermaid()).collect::<String>()
        };
        assert_eq!(drawn(&by_hand), drawn(&used), "{name}");
        assert_eq!(by_hand.messages().len(), used.messages().len());
    }
    assert_eq!(
        written(JourneyTemplate::named("cart_abandonment").unwrap().parameters()[0].default().unwrap()),
        json!("7d")
    );
}
