//! Which identifiers beside the user id and the visitor id tell who a customer is (promise 2.2).

use std::borrow::Cow;

use crate::customer::{Suppress, SuppressionChange};
use crate::event::{Event, is_placeholder};
use crate::primitives::fault::Node;
use crate::primitives::{ChannelKind, ContactPoint, IdentityKey, IdentityKind, Key, PointHash, Secret, Value};

/// How many records may become one where the playbook does not say.
const MOST_MERGES: u32 = 20;

/// Local parts of addresses that many people are registered with.
const SHARED_MAILBOXES: [&str; 10] =
    ["noreply", "no-reply", "no_reply", "donotreply", "do-not-reply", "none", "null", "undefined", "test", "unknown"];

/// A playbook's `identity`: the strong identifiers, and how many records may become one. By default no trait links
/// anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    strong: Vec<Key>,
    never: Vec<Box<str>>,
    most_merges: u32,
    secret: Option<Secret>,
}

impl Default for Identity {
    fn default() -> Self {
        Identity { strong: Vec::new(), never: Vec::new(), most_merges: MOST_MERGES, secret: None }
    }
}

impl Identity {
    pub(super) fn decode(node: &Node<'_>) -> Option<Self> {
        let object = node.object(&["strong", "never", "most_merges"])?;
        let mut identity = Identity::default();
        for entry in object.get("strong").and_then(|node| node.list()).unwrap_or_default() {
            let Some(name) = entry.text() else { continue };
            if matches!(name, "userId" | "user_id" | "anonymousId" | "anonymous_id" | "previousId") {
                entry.fault("is an identifier already; name traits here, such as `email` or `loyalty_card`");
            } else if name.trim().is_empty() {
                entry.fault("expected the name of a trait");
            } else if identity.strong.iter().any(|known| known.as_str() == name) {
                entry.fault("is named twice; the first has the more weight");
            } else {
                identity.strong.push(Key::new(name));
            }
        }
        for entry in object.get("never").and_then(|node| node.list()).unwrap_or_default() {
            let Some(text) = entry.text() else { continue };
            identity.never.push(canonical(text).into());
        }
        if let Some(most) = object.get("most_merges") {
            identity.most_merges = u32::try_from(most.integer(0..=1_000)?).ok()?;
        }
        Some(identity)
    }

    /// The traits that tell who a customer is, the strongest first.
    pub fn strong(&self) -> impl Iterator<Item = &str> {
        self.strong.iter().map(Key::as_str)
    }

    pub(super) fn strong_names(&self) -> impl Iterator<Item = &Key> {
        self.strong.iter()
    }

    /// So many records at most become part of one by events.
    pub fn most_merges(&self) -> u32 {
        self.most_merges
    }

    pub(super) fn under(self, secret: Option<Secret>) -> Self {
        Identity { secret, ..self }
    }

    /// The key of the shop's own id of a customer, or of a visitor's id, under the playbook's secret if it has one. It
    /// leads to a record by [`Store::resolve`](crate::Store::resolve).
    pub fn key(&self, kind: IdentityKind, id: &str) -> IdentityKey {
        self.keyed(IdentityKey::new(kind, id))
    }

    /// The hash by which a contact point is found in a suppression list (promise 4.3).
    pub fn point(&self, kind: &ChannelKind, point: &ContactPoint) -> PointHash {
        let plain = PointHash::new(kind, point);
        self.secret.as_ref().map_or(plain, |secret| plain.keyed(secret))
    }

    /// What changes on a suppression list when this becomes of a contact point: a phone number is reached by SMS and WhatsApp,
    /// and is gone for both, but opted out of on one.
    pub fn suppression(&self, kind: &ChannelKind, point: &ContactPoint, what: Suppress) -> Vec<SuppressionChange> {
        let phone = matches!(kind, ChannelKind::Sms | ChannelKind::WhatsApp);
        let both = [ChannelKind::Sms, ChannelKind::WhatsApp];
        let kinds = if phone && !what.is_of_one_channel() { &both[..] } else { std::slice::from_ref(kind) };
        kinds.iter().map(|kind| SuppressionChange { point: self.point(kind, point), what }).collect()
    }

    fn keyed(&self, plain: IdentityKey) -> IdentityKey {
        self.secret.as_ref().map_or(plain, |secret| plain.keyed(secret))
    }

    /// The strong identifiers of an event, the strongest first.
    pub(crate) fn keys<'a>(&'a self, event: &'a Event) -> impl Iterator<Item = IdentityKey> + 'a {
        self.strong.iter().filter_map(|name| self.strong_key(name, event.traits.get(name)?))
    }

    /// The key of a trait if it tells who a customer is.
    pub(crate) fn strong_key(&self, name: &Key, value: &Value) -> Option<IdentityKey> {
        let value = written_one_way(name, value)?;
        let shared = is_shared(&value) || self.never.iter().any(|never| **never == *canonical(&value));
        (!shared).then(|| self.keyed(IdentityKey::strong(name, &value)))
    }
}

/// The same identifier is the same text however it was typed. `None` if it is none.
fn written_one_way<'v>(name: &Key, value: &'v Value) -> Option<Cow<'v, str>> {
    Some(match (name.as_str(), value) {
        // Mail systems that tell upper from lower case in the local part are as good as extinct; people who do not, are not.
        ("email", Value::Text(text)) => Cow::Owned(ContactPoint::email(text).ok()?.as_str().to_lowercase()),
        ("phone", Value::Text(text)) => Cow::Owned(ContactPoint::phone(text).ok()?.as_str().to_owned()),
        (_, Value::Text(text)) => Cow::Borrowed(text.trim()),
        (_, Value::Int(number)) => Cow::Owned(number.to_string()),
        _ => return None,
    })
}

fn canonical(text: &str) -> String {
    text.trim().to_lowercase()
}

/// What stands for nobody, or for many.
fn is_shared(value: &str) -> bool {
    let digits = || value.bytes().filter(|b| !matches!(b, b'+' | b'-' | b' ' | b'.' | b'/'));
    let number = digits().all(|b| b.is_ascii_digit());
    let first = digits().next();
    let counted_up = digits().zip(digits().skip(1)).all(|(a, b)| b == a + 1 || (a == b'9' && b == b'0'));
    let made_up = number && (digits().all(|b| Some(b) == first) || (digits().count() > 4 && counted_up));
    let mailbox = value.split_once('@').is_some_and(|(local, _)| SHARED_MAILBOXES.contains(&local));
    is_placeholder(value) || made_up || mailbox
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Playbook;

    fn identity(json: &str) -> Identity {
        let json = format!(r#"{{"version": 1, "currency": "EUR", "identity": {json}}}"#);
        Playbook::from_json(&json).unwrap_or_else(|faults| panic!("{faults}")).identity().clone()
    }

    fn keys(identity: &Identity, name: &str, value: impl Into<Value>) -> Vec<IdentityKey> {
        identity.keys(&Event::identify().with_trait(name, value)).collect()
    }

    #[test]
    fn promise_2_2_a_strong_identifier_is_the_same_however_it_is_written() {
        let all = identity(r#"{"strong": ["email", "phone", "loyalty_card"]}"#);
        for (name, one, other) in [
            ("email", "Anna@Shop.example", " anna@shop.EXAMPLE "),
            ("phone", "+49 (30) 123-456", "+4930123456"),
            ("loyalty_card", "C-17", " C-17 "),
        ] {
            assert_eq!(keys(&all, name, one), keys(&all, name, other), "{name}");
            assert_eq!(keys(&all, name, one).len(), 1, "{name}");
        }
        assert_eq!(keys(&all, "loyalty_card", 4711), keys(&all, "loyalty_card", "4711"));
        assert_ne!(keys(&all, "loyalty_card", "c-17"), keys(&all, "loyalty_card", "C-17"));
        assert_ne!(keys(&all, "loyalty_card", "+4930123456"), keys(&all, "phone", "+4930123456"));
    }

    #[test]
    fn promise_2_2_placeholders_and_shared_values_never_link() {
        let all = identity(r#"{"strong": ["email", "phone", "card"], "never": ["Till@shop.example"]}"#);
        for value in [
            "",
            "0",
            "-1",
            "null",
            "Undefined",
            "anonymous",
            "00000000-0000-0000-0000-000000000000",
            "000",
            "1111",
            "1234567890",
        ] {
            assert_eq!(keys(&all, "card", value), [], "{value}");
        }
        assert_eq!(keys(&all, "card", 0), []);
        for value in ["noreply@shop.example", "test@mail.example", "till@shop.example", "n/a"] {
            assert_eq!(keys(&all, "email", value), [], "{value}");
        }
        for value in ["+1 111 111 1111", "030 123456"] {
            assert_eq!(keys(&all, "phone", value), [], "{value}");
        }
        assert_eq!(keys(&Identity::default(), "email", "anna@shop.example"), [], "nothing is strong unless it is said");
    }

    #[test]
    fn all_faults_of_an_identity_are_reported_with_their_paths() {
        let json = r#"{"version": 1, "currency": "EUR",
            "identity": {"strong": ["email", "userId", "", "email", 7], "most_merges": -1, "nevr": []}}"#;
        let faults: Vec<String> =
            Playbook::from_json(json).unwrap_err().iter().map(|fault| fault.path.clone()).collect();
        for path in [
            "$.identity.nevr",
            "$.identity.strong[1]",
            "$.identity.strong[2]",
            "$.identity.strong[3]",
            "$.identity.strong[4]",
            "$.identity.most_merges",
        ] {
            assert!(faults.iter().any(|fault| fault == path), "{path}: {faults:?}");
        }
    }
}
