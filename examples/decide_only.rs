//! The rules engine alone: a customer type of one's own, the next best channel, and why. No store, no engine, no async.

use throughline::{
    ChannelKind, Consent, ContactPoint, Customer, CustomerId, Instant, Key, Playbook, Reach, Topic, ValueRef,
};

/// A row of the shop's own customer table.
struct Row {
    id: u64,
    name: String,
    country: String,
    phone: ContactPoint,
    email: Option<ContactPoint>,
    newsletter_since: Option<Instant>,
}

impl Customer for Row {
    fn id(&self) -> CustomerId {
        CustomerId::new(&self.id.to_string())
    }

    fn attribute(&self, key: &Key) -> Option<ValueRef<'_>> {
        match key.as_str() {
            "name" => Some(ValueRef::Text(&self.name)),
            _ => None,
        }
    }

    fn contact_point(&self, channel: &ChannelKind) -> Reach<'_> {
        match channel {
            ChannelKind::Sms => Reach::At(&self.phone),
            ChannelKind::Email => self.email.as_ref().map_or(Reach::None, Reach::At),
            _ => Reach::None,
        }
    }

    fn consent(&self, _: &ChannelKind, _: &Topic, _: Instant) -> Consent {
        match self.newsletter_since {
            Some(since) => Consent::Granted { since, basis: Default::default() },
            None => Consent::NoRecord,
        }
    }

    fn country(&self) -> Option<&str> {
        Some(&self.country)
    }
}

const PLAYBOOK: &str = r#"{
  "version": 1, "currency": "EUR",
  "brand": {"name": "Shop", "links": {"unsubscribe": "https://shop.example/u"}},
  "channels": {"email": {"tariff": {"per_message": "0.001"}}, "sms": {"tariff": {"per_part": "0.075"}}, "in_app": {}},
  "policy": {"quiet_hours": {"window": "21:00-08:00"}, "region": "europe"},
  "messages": {"sale": {"value": "2.00", "when_closed": "wait", "variants": {
    "email": {"subject": "Sale", "text": "The sale begins, {{ customer.name }}. {{ unsubscribe_url }}"},
    "sms": {"text": "The sale begins, {{ customer.name }}."},
    "in_app": {"body": "The sale begins."}}}}
}"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let playbook = Playbook::from_json(PLAYBOOK)?;
    let now: Instant = "2026-03-02T20:30:00Z".parse()?;
    let anna = Row {
        id: 1,
        name: "Anna".to_owned(),
        country: "DE".to_owned(),
        phone: ContactPoint::phone("+4915112345678")?,
        email: None,
        newsletter_since: Some("2025-01-01".parse()?),
    };
    let bert = Row {
        id: 2,
        name: "Bert".to_owned(),
        country: "GB".to_owned(),
        phone: ContactPoint::phone("+447911123456")?,
        email: Some(ContactPoint::email("bert@example.com")?),
        newsletter_since: None,
    };
    for customer in [anna, bert] {
        if let Some((_, decision)) = playbook.explain(&customer, &"sale".into(), now) {
            println!("{}: {decision}", customer.name);
        }
    }
    Ok(())
}
