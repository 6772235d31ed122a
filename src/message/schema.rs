//! The JSON Schemas of a message and of the brand.

use serde_json::{Value as Json, json};

use crate::primitives::schema::{
    Schema, amount, any_of, boolean, integer, list, map, name, object, refer, span, text, words,
};

/// The section `brand`.
pub(crate) fn brand() -> Json {
    object([
        ("name", text()),
        ("senders", map(object([("name", text()), ("address", text())]))),
        ("logo", text()),
        ("tone", text()),
        ("colours", map(text())),
        ("legal", text()),
        ("links", map(text())),
        ("footer", text()),
        ("footer_html", text()),
    ])
}

/// One of the section `messages`.
pub(crate) fn message() -> Json {
    let blocked = || words(["next_channel", "wait", "skip", "end_run"]);
    object([
        ("topic", name()),
        ("class", words(["marketing", "transactional"])),
        ("priority", integer(i32::MIN.into()..=i32::MAX.into())),
        ("dedupe", span()),
        ("value", amount()),
        ("caps", object([("obey", boolean()), ("count", boolean())])),
        ("when_capped", blocked()),
        ("when_closed", blocked()),
        ("valid_for", span()),
        ("content_key", text()),
        ("channels", list(text())),
        ("variants", variants()),
    ])
    .needs(["variants"])
}

/// What a channel is called by its kind has the texts of the kind; of any other name it is not known here which kind it is.
fn variants() -> Json {
    let kinds = ["email", "sms", "push", "web_push", "in_app", "inbox", "whatsapp", "audience"];
    let by_kind: serde_json::Map<String, Json> =
        kinds.into_iter().map(|kind| (kind.to_owned(), localised(refer(&texts_of(kind))))).collect();
    let mut seen = Vec::new();
    for kind in kinds {
        let texts = texts_of(kind);
        if !seen.contains(&texts) {
            seen.push(texts);
        }
    }
    let all = seen.iter().map(|texts| refer(texts)).chain([map(text())]);
    json!({
        "type": "object", "minProperties": 1,
        "properties": by_kind, "additionalProperties": localised(any_of(all)),
    })
}

fn texts_of(kind: &str) -> String {
    let kind = match kind {
        "web_push" => "push",
        "inbox" => "in_app",
        other => other,
    };
    format!("{kind}_texts")
}

/// Texts, or `{"locales": {"fr": texts, "default": texts}}`.
fn localised(texts: Json) -> Json {
    let locales = json!({"type": "object", "additionalProperties": texts, "required": ["default"]});
    any_of([object([("locales", locales)]).needs(["locales"]), texts])
}

/// What the kinds of channels say.
pub(crate) fn definitions() -> Vec<(&'static str, Json)> {
    let shown =
        || object([("title", text()), ("body", text()), ("image", text()), ("link", text()), ("button", text())]);
    let email = object([("subject", text()), ("preheader", text()), ("html", text()), ("text", text())]);
    let whatsapp = object([("template", text()), ("language", text()), ("text", text()), ("parameters", list(text()))]);
    vec![
        ("email_texts", email.needs(["subject"])),
        ("sms_texts", object([("text", text())]).needs(["text"])),
        ("push_texts", shown().needs(["title", "body"])),
        ("in_app_texts", shown().needs(["body"])),
        ("whatsapp_texts", whatsapp),
        ("audience_texts", object([("audience", text())]).needs(["audience"])),
    ]
}
