//! From JSON: what is malformed is refused with the field that is wrong (promise 3.4), what is unknown is kept.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::{Device, Event, EventKind, Subscription, SubscriptionStatus, Whereabouts};
use crate::primitives::{ChannelKind, Fields, Instant, Key, Topic};

/// Why an event was refused. It names the field and never repeats a value, which may be personal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field `{field}`: {problem}")]
#[non_exhaustive]
pub struct EventError {
    /// The field that is wrong, such as `timestamp` or `context.messaging_subscriptions[0].status`.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

impl EventError {
    pub(crate) fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        EventError { field: field.into(), problem: problem.into() }
    }
}

impl Event {
    /// Reads one event of the Segment Spec from its JSON text.
    ///
    /// ```
    /// use throughline::Event;
    /// let event = Event::from_json(
    ///     r#"{"type": "track", "event": "Product Added", "userId": "42", "messageId": "m-1",
    ///         "timestamp": "2026-03-07T20:00:00Z", "properties": {"product_id": "sku-7"}}"#,
    /// )?;
    /// assert_eq!(event.user_id.as_deref(), Some("42"));
    ///
    /// let wrong = Event::from_json(r#"{"type": "track", "userId": "42"}"#).unwrap_err();
    /// assert_eq!(wrong.to_string(), "field `event`: missing; a track call names its event");
    /// # Ok::<(), throughline::EventError>(())
    /// ```
    ///
    /// # Errors
    /// When the text is not JSON, not an object, or a field that the spec asks for is missing or of a wrong type.
    pub fn from_json(text: &str) -> Result<Event, EventError> {
        let json: Json = serde_json::from_str(text)
            .map_err(|wrong| EventError::new("", format!("not JSON at column {}", wrong.column())))?;
        Event::from_json_value(&json)
    }

    pub(crate) fn from_json_value(json: &Json) -> Result<Event, EventError> {
        let Json::Object(map) = json else { return Err(EventError::new("", "expected a JSON object")) };
        let kind = match map.get("type").map(Json::as_str) {
            Some(Some("track")) => EventKind::Track,
            Some(Some("identify")) => EventKind::Identify,
            Some(Some("page")) => EventKind::Page,
            Some(Some("screen")) => EventKind::Screen,
            Some(Some("alias")) => EventKind::Alias,
            Some(Some("group")) => EventKind::Group,
            Some(Some(_)) => {
                return Err(EventError::new("type", "expected track, identify, page, screen, alias or group"));
            }
            Some(None) => return Err(EventError::new("type", "expected text")),
            None => return Err(EventError::new("type", "missing; it says which call this is")),
        };
        let name = match kind {
            EventKind::Track => match map.get("event") {
                Some(Json::String(name)) if !name.is_empty() => Key::new(name.as_str()),
                Some(_) => return Err(EventError::new("event", "expected text that is not empty")),
                None => return Err(EventError::new("event", "missing; a track call names its event")),
            },
            EventKind::Identify => Key::new("identify"),
            EventKind::Page => Key::new("page"),
            EventKind::Screen => Key::new("screen"),
            EventKind::Alias => Key::new("alias"),
            EventKind::Group => Key::new("group"),
        };
        let mut event = Event::of(kind, name);
        event.id = identifier(map, "messageId")?;
        event.user_id = identifier(map, "userId")?.filter(|id| !is_placeholder(id));
        event.anonymous_id = identifier(map, "anonymousId")?.filter(|id| !is_placeholder(id));
        event.previous_id = identifier(map, "previousId")?.filter(|id| !is_placeholder(id));
        if kind == EventKind::Alias && event.previous_id.is_none() {
            return Err(EventError::new("previousId", "missing; an alias names the identifier that it joins"));
        }
        event.timestamp = timestamp(map)?;
        event.properties = object(map, "properties")?.map(Fields::from_json).unwrap_or_default();
        let context = object(map, "context")?;
        if let Some(traits) = object(map, "traits")? {
            event.subscriptions_in(traits.get("messaging_subscriptions"), "traits.messaging_subscriptions")?;
            event.traits = Fields::from_json(traits);
        } else if let Some(Json::Object(traits)) = context.and_then(|context| context.get("traits")) {
            event.traits = Fields::from_json(traits);
        }
        event.traits.remove(&Key::new("messaging_subscriptions"));
        // A trait may be a strong identifier: that is for the playbook to say.
        let named = event.user_id.is_some() || event.anonymous_id.is_some();
        if !named && (event.traits.is_empty() || kind == EventKind::Alias) {
            let problem = "one of `userId` and `anonymousId` must name a customer, and not by a placeholder";
            return Err(EventError::new("userId", problem));
        }
        if let Some(context) = context {
            event.subscriptions_in(context.get("messaging_subscriptions"), "context.messaging_subscriptions")?;
            event.place = place(context).map(Box::new);
            event.device = Device::read(context);
            event.context = Fields::from_json(context);
            for typed in ["traits", "messaging_subscriptions"] {
                event.context.remove(&Key::new(typed));
            }
        }
        event.find_receipt();
        event.consent_by_name()?;
        Ok(event)
    }

    /// Segment's form: `[{"key": ADDRESS, "type": "EMAIL", "status": "SUBSCRIBED", "groups": [{"name", "status"}]}]`.
    fn subscriptions_in(&mut self, json: Option<&Json>, field: &str) -> Result<(), EventError> {
        let Some(json) = json else { return Ok(()) };
        let Json::Array(list) = json else { return Err(EventError::new(field, "expected a list")) };
        for (n, entry) in list.iter().enumerate() {
            let place = format!("{field}[{n}]");
            let Some(kind) = entry.get("type").and_then(Json::as_str) else {
                return Err(EventError::new(format!("{place}.type"), "expected a channel such as EMAIL"));
            };
            let mut whole = Subscription::new(ChannelKind::from_name(kind), SubscriptionStatus::DidNotSubscribe);
            whole.point = entry.get("key").and_then(Json::as_str).map(Into::into);
            whole.read_terms(&|name| entry.get(name).and_then(Json::as_str), &place)?;
            let groups = entry.get("groups").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
            if let Some(status) = status(entry, &place)? {
                self.subscriptions.push(Subscription { status, ..whole.clone() });
            }
            for (g, group) in groups.iter().enumerate() {
                let place = format!("{place}.groups[{g}]");
                let Some(name) = group.get("name").and_then(Json::as_str) else {
                    return Err(EventError::new(format!("{place}.name"), "expected the name of a topic"));
                };
                if let Some(status) = status(group, &place)? {
                    // What the group does not say holds as the channel's entry says it.
                    let mut said = Subscription { status, topic: Some(Topic::new(name)), ..whole.clone() };
                    said.read_terms(&|name| group.get(name).and_then(Json::as_str), &place)?;
                    self.subscriptions.push(said);
                }
            }
        }
        Ok(())
    }
}

fn status(entry: &Json, place: &str) -> Result<Option<SubscriptionStatus>, EventError> {
    match entry.get("status").map(Json::as_str) {
        None => Ok(None),
        Some(Some("SUBSCRIBED")) => Ok(Some(SubscriptionStatus::Subscribed)),
        Some(Some("UNSUBSCRIBED")) => Ok(Some(SubscriptionStatus::Unsubscribed)),
        Some(Some("DID_NOT_SUBSCRIBE")) => Ok(Some(SubscriptionStatus::DidNotSubscribe)),
        Some(_) => {
            Err(EventError::new(format!("{place}.status"), "expected SUBSCRIBED, UNSUBSCRIBED or DID_NOT_SUBSCRIBE"))
        }
    }
}

/// Text, or a whole number, which some shops send as an id.
fn identifier(map: &Map<String, Json>, field: &str) -> Result<Option<Arc<str>>, EventError> {
    match map.get(field) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) if text.is_empty() => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.as_str().into())),
        Some(Json::Number(number)) if number.is_i64() || number.is_u64() => Ok(Some(number.to_string().into())),
        Some(_) => Err(EventError::new(field, "expected text")),
    }
}

/// Values that stand for "nobody" (promise 2.2): whoever carries one is not the same person as the next.
pub(crate) fn is_placeholder(id: &str) -> bool {
    matches!(id.trim(), "" | "0" | "-1")
        || ["null", "undefined", "anonymous", "none", "nil", "nan"]
            .iter()
            .any(|word| id.trim().eq_ignore_ascii_case(word))
        || (id.len() >= 32 && id.bytes().all(|b| b == b'0' || b == b'-'))
}

fn object<'a>(map: &'a Map<String, Json>, field: &str) -> Result<Option<&'a Map<String, Json>>, EventError> {
    match map.get(field) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Object(object)) => Ok(Some(object)),
        Some(_) => Err(EventError::new(field, "expected an object")),
    }
}

/// `timestamp`; servers that pass raw calls on may have only the client's times.
fn timestamp(map: &Map<String, Json>) -> Result<Option<Instant>, EventError> {
    for field in ["timestamp", "originalTimestamp", "sentAt", "receivedAt"] {
        match map.get(field) {
            None | Some(Json::Null) => {}
            Some(Json::String(text)) => {
                return text.parse().map(Some).map_err(|wrong| EventError::new(field, format!("{wrong}")));
            }
            Some(_) => return Err(EventError::new(field, "expected text such as 2026-03-07T20:00:00Z")),
        }
    }
    Ok(None)
}

fn place(context: &Map<String, Json>) -> Option<Whereabouts> {
    let text = |json: Option<&Json>| json.and_then(Json::as_str).filter(|text| !text.is_empty()).map(Arc::<str>::from);
    let place = Whereabouts {
        zone: text(context.get("timezone")),
        locale: text(context.get("locale")),
        country: text(context.get("country")).or_else(|| text(context.get("location")?.get("country"))),
    };
    let empty = place.zone.is_none() && place.locale.is_none() && place.country.is_none();
    (!empty).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str) -> String {
        Event::from_json(json).unwrap_err().to_string()
    }

    #[test]
    fn a_malformed_event_is_refused_with_its_field() {
        assert!(refused("{").starts_with("field ``: not JSON at column"));
        assert!(refused("[]").contains("object"));
        assert!(refused(r#"{"type": "buy", "userId": "1"}"#).contains("`type`"));
        assert!(refused(r#"{"type": "track", "event": "", "userId": "1"}"#).contains("`event`"));
        assert!(refused(r#"{"type": "track", "event": "A"}"#).contains("`userId`"));
        assert!(refused(r#"{"type": "track", "event": "A", "userId": {}}"#).contains("`userId`"));
        assert!(
            refused(r#"{"type": "track", "event": "A", "userId": "1", "timestamp": "soon"}"#).contains("`timestamp`")
        );
        assert!(refused(r#"{"type": "track", "event": "A", "userId": "1", "properties": 1}"#).contains("`properties`"));
        assert!(refused(r#"{"type": "alias", "userId": "1"}"#).contains("`previousId`"));
    }

    #[test]
    fn placeholders_name_nobody() {
        for id in ["", "0", "-1", "null", "undefined", "Anonymous", "00000000-0000-0000-0000-000000000000"] {
            assert!(refused(&format!(r#"{{"type": "page", "userId": "{id}"}}"#)).contains("`userId`"), "{id}");
        }
    }

    #[test]
    fn consent_zone_and_device_are_read_as_segment_writes_them() {
        let event = Event::from_json(
            r#"{"type": "identify", "userId": 7, "traits": {"email": "a@b.de", "age": 30},
                "context": {"timezone": "Europe/Berlin", "locale": "de-DE", "device": {"token": "t", "type": "ios"},
                  "messaging_subscriptions": [{"key": "a@b.de", "type": "EMAIL", "status": "SUBSCRIBED",
                    "groups": [{"name": "offers", "status": "UNSUBSCRIBED"}]}]}}"#,
        )
        .unwrap();
        let place = event.place.unwrap();
        assert_eq!((place.zone.as_deref(), place.locale.as_deref()), (Some("Europe/Berlin"), Some("de-DE")));
        assert_eq!(event.device.unwrap().token.as_deref(), Some("t"));
        assert_eq!(event.user_id.as_deref(), Some("7"));
        let said: Vec<_> = event.subscriptions.iter().map(|s| (s.topic.clone(), s.status)).collect();
        use SubscriptionStatus::{Subscribed, Unsubscribed};
        assert_eq!(said, [(None, Subscribed), (Some(Topic::new("offers")), Unsubscribed)]);
    }
}
