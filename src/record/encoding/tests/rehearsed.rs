//! States that playbooks lead to, and what they lead to after they were stored.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use super::round;
use crate::customer::{ChannelTag, MessageTag};
use crate::delivery::DeliveryError;
use crate::event::{Event, SubscriptionStatus};
use crate::primitives::{ChannelId, ChannelKind, CustomerId, Instant, JourneyId, MessageId, Span};
use crate::record::CustomerState;
use crate::record::encoding::Names;
use crate::{Input, Playbook, Rehearsal, Surroundings};

pub(super) const BEGIN: Instant = Instant::from_millis(1_772_442_000_000);

/// What is drawn of an event: minutes since the one before, which, and about what.
pub(super) type Drawn = (i64, u8, u32);

pub(super) fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    vec((prop_oneof![0..30_i64, 0..3_000_i64, 0..60_000_i64], 0..24_u8, 0..4_u32), 0..40)
}

pub(super) fn playbooks() -> Vec<Arc<Playbook>> {
    let json = [
        include_str!("../../../../examples/playbooks/demo.json"),
        include_str!("../../../../examples/playbooks/abandoned_cart.json"),
        include_str!("../../../../examples/playbooks/after_purchase.json"),
        include_str!("../../../../examples/playbooks/offers.json"),
    ];
    json.map(|json| Arc::new(Playbook::from_json(json).unwrap())).to_vec()
}

fn event((_, which, about): Drawn, number: usize, at: Instant) -> Event {
    let (order, product) = (format!("order-{about}"), format!("sku-{about}"));
    let event = match which {
        0..=5 => Event::track("Product Viewed").property("product_id", product.as_str()).property("category", "coffee"),
        6..=8 => Event::track("Product Added").property("product_id", product.as_str()).property("name", "Sencha"),
        9..=11 => {
            let total = rust_decimal::Decimal::new(1_295 + i64::from(about), 2);
            let order = Event::track("Order Completed").property("order_id", order.as_str());
            order.property("total", total).property("revenue", total).property("currency", "EUR")
        }
        12 => Event::track("Order Refunded").property("order_id", order.as_str()),
        13 => Event::track("Signed Up").with_trait("email", "anna@shop.example").with_trait("first_name", "Anna"),
        14 => Event::identify().with_trait("phone", "+4930123456").with_trait("age", i64::from(about)),
        15 => Event::track("Offer Received").property("offer_id", product.as_str()).property("reward", 5),
        16 => Event::track("Offer Viewed").property("offer_id", product.as_str()),
        17 => Event::track("Email Opened"),
        18 => Event::track("Email Link Clicked"),
        19 => Event::track("Email Bounced"),
        20 => Event::identify().zone(if about == 0 { "America/New_York" } else { "Europe/Berlin" }),
        21 => Event::track("Product Reviewed").property("order_id", order.as_str()),
        _ => {
            let said = if about == 0 { SubscriptionStatus::Unsubscribed } else { SubscriptionStatus::Subscribed };
            let kind = if which == 22 { ChannelKind::Email } else { ChannelKind::Push };
            Event::identify().subscription(kind, None, said)
        }
    };
    event.id(&format!("m-{number}")).at(at)
}

/// Steps one record through events, with all timers in between and answers of the channels; tells what happened.
pub(super) fn drive(book: &Playbook, state: &mut CustomerState, drawn: &[Drawn], first: usize) -> Vec<String> {
    let around = Surroundings { explain: true, ..Surroundings::default() };
    let mut told = Vec::new();
    let mut step = |state: &mut CustomerState, input: Input, now: Instant| {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let outcome = book.step(state, &input, &around, now).unwrap();
            for notice in &outcome.notices {
                told.push(format!("{} {}", outcome.duplicate, serde_json::to_string(notice).unwrap()));
            }
            for envelope in &outcome.send {
                told.push(serde_json::to_string(envelope).unwrap());
                let result = match envelope.id.as_u128() % 5 {
                    0 => Err(DeliveryError::transient("later")),
                    1 => Err(DeliveryError::invalid_contact_point("gone")),
                    // No answer: in flight until the lease ends.
                    2 => continue,
                    _ => Ok(()),
                };
                inputs.push(Input::Settled { id: envelope.id, result });
            }
        }
    };
    let mut now = state.last.max(BEGIN);
    for (n, drawn) in drawn.iter().enumerate() {
        now += Span::minutes(drawn.0);
        for _ in 0..50 {
            if state.due() > now {
                break;
            }
            let due = state.due();
            step(state, Input::Wake, due.max(state.last));
        }
        step(state, Input::Event(Arc::new(event(*drawn, first + n, now).user("anna"))), now);
    }
    told
}

/// The playbook's own copies, for the tests; whoever reads many records brings the like.
struct Shared<'p>(&'p Playbook);

impl Names for Shared<'_> {
    fn journey(&self, name: &str) -> Option<JourneyId> {
        self.0.journeys().map(|journey| journey.id()).find(|id| id.as_str() == name).cloned()
    }

    fn message(&self, id: &MessageId) -> Option<Arc<MessageTag>> {
        self.0.message(id).map(|message| message.tag.clone())
    }

    fn channel(&self, id: &ChannelId) -> Option<Arc<ChannelTag>> {
        self.0.channels().iter().find(|spec| spec.tag.id == *id).map(|spec| spec.tag.clone())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_record_of_a_rehearsal_comes_back(which in 0..4_usize, drawn in drawn()) {
        let mut rehearsal = Rehearsal::new(playbooks().swap_remove(which));
        let mut now = BEGIN;
        for (n, drawn) in drawn.iter().enumerate() {
            now += Span::minutes(drawn.0);
            let event = event(*drawn, n, now);
            // Visitors, users, and events that reveal that both are one.
            let event = match n % 4 {
                0 => event.anonymous("visitor"),
                1 => event.anonymous("other").user("anna"),
                2 => event.anonymous("visitor").user("ben"),
                _ => event.user("anna"),
            };
            rehearsal.event(event).unwrap();
        }
        rehearsal.store().for_each(round);
        rehearsal.run_until(None);
        rehearsal.store().for_each(round);
    }

    #[test]
    fn a_record_that_was_stored_goes_on_as_if_it_had_not_been(
        which in 0..4_usize, before in drawn(), after in drawn()
    ) {
        let book = playbooks().swap_remove(which);
        let mut kept = CustomerState::new(CustomerId::new("anna"), BEGIN);
        drive(&book, &mut kept, &before, 0);
        let mut stored = CustomerState::decode(&kept.encode(), &Shared(&book)).unwrap();
        prop_assert!(stored == kept);
        // Half of the later events come again.
        let first = before.len() / 2;
        prop_assert_eq!(drive(&book, &mut kept, &after, first), drive(&book, &mut stored, &after, first));
        prop_assert!(stored == kept);
    }
}

#[test]
fn tags_are_shared_with_whoever_hands_them_out_and_within_a_record() {
    let book = playbooks().swap_remove(1);
    let mut state = CustomerState::new(CustomerId::new("anna"), BEGIN);
    drive(&book, &mut state, &[(0, 7, 0), (3_000, 7, 1), (3_000, 7, 2), (3_000, 7, 3)], 0);
    let tags = |names: &dyn Names| -> Vec<Arc<MessageTag>> {
        let read = CustomerState::decode(&state.encode(), names).unwrap();
        read.profile.contacts.iter().map(|contact| contact.message.clone()).collect()
    };
    let own = tags(&());
    assert!(own.len() > 1 && own.iter().all(|tag| Arc::ptr_eq(tag, &own[0])), "{own:?}");
    assert!(tags(&Shared(&book)).iter().all(|tag| Arc::ptr_eq(tag, &book.message(&tag.id).unwrap().tag)));

    // A definition that has changed since is not what was sent.
    struct Changed;
    impl Names for Changed {
        fn message(&self, id: &MessageId) -> Option<Arc<MessageTag>> {
            let (topic, class) = ("other".into(), crate::customer::MessageClass::Marketing);
            Some(Arc::new(MessageTag { id: id.clone(), topic, class, counts: true, dedupe: Span::ZERO }))
        }
    }
    assert!(tags(&Changed) == own);
}
