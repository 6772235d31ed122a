//! Topics that are named where none is meant to be new (promise 6.1).

use serde_json::Value as Json;

use crate::primitives::fault::{Node, Object, nearest};

/// Reports topics of frequency caps that no message has: such a cap would never hold.
pub(super) fn check(playbook: &Object<'_>) {
    // Of messages with faults as well.
    let messages = playbook.get("messages").filter(|node| node.json().is_object()).and_then(|node| node.open_object());
    let known: Vec<&str> =
        messages.iter().flat_map(Object::fields).filter_map(|(_, node)| topic(node.json())).collect();
    for node in named(playbook).filter(|_| !known.is_empty()).unwrap_or_default() {
        if let Some(name) = node.json().as_str().filter(|name| !known.contains(name)) {
            let hint = nearest(name, &known).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            node.fault(format!("no message has the topic `{name}`{hint}"));
        }
    }
}

/// The topic of a message, as it is decoded.
fn topic(message: &Json) -> Option<&str> {
    match message.get("topic").filter(|topic| !topic.is_null()) {
        Some(topic) => topic.as_str(),
        None if message.get("class").is_some_and(|class| class == "transactional") => Some("transactional"),
        None => Some("marketing"),
    }
}

/// Lists of another form are reported where they are read.
fn named<'a>(playbook: &Object<'a>) -> Option<Vec<Node<'a>>> {
    let policy = playbook.get("policy").filter(|node| node.json().is_object())?.open_object()?;
    let caps = policy.get("frequency_caps").filter(|node| node.json().is_array())?.list()?;
    let caps = caps.iter().filter(|node| node.json().is_object()).filter_map(Node::open_object);
    let topics = caps.filter_map(|cap| cap.get("topics")).filter(|node| node.json().is_array());
    Some(topics.filter_map(|node| node.list()).flatten().collect())
}
