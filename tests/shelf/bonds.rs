//! Those who stay, and those who go.

use serde_json::json;
use throughline::{DeliveryError, Event};

use crate::walk::Walk;

pub const ALL: &[fn()] = &[
    a_birthday_brings_a_gift_every_year_and_a_reminder_until_it_is_used,
    a_new_tier_is_congratulated_and_its_advantages_called_to_mind,
    who_loses_the_tier_hears_no_more_of_it,
    the_offers_rise_until_somebody_buys,
    who_never_engages_is_asked_and_then_said_goodbye_to,
    a_sign_of_life_at_any_time_keeps_a_subscription,
    who_cannot_be_asked_is_not_said_goodbye_to,
];

fn tier(name: &str) -> Event {
    Event::identify().user("anna").with_trait("loyalty_tier", name)
}

fn ordered() -> Event {
    Event::track("Order Completed")
}

#[test]
fn a_birthday_brings_a_gift_every_year_and_a_reminder_until_it_is_used() {
    let mut walk = Walk::of("birthday");
    walk.happens("01-02 10:00", Event::identify().user("anna").with_trait("birthday", "1990-06-10"));
    // Nine o'clock in London's summer.
    let first = ["06-10 08:00 wishes email", "06-15 08:00 gift_ends email"];
    assert_eq!(walk.until("12-31 00:00"), first);
    assert!(walk.said(0).contains("subject: Happy birthday, Anna\n"));
    assert!(walk.said(0).contains("Our gift to you, for a week: 15 % off."));
    walk.shop.pass("2027-06-11T00:00:00Z");
    walk.shop.event("2027-06-12T00:00:00Z", ordered());
    walk.shop.pass("2028-01-01T00:00:00Z");
    assert_eq!(walk.sent()[2..], ["06-10 08:00 wishes email"], "used, and so not called to mind");
}

#[test]
fn a_new_tier_is_congratulated_and_its_advantages_called_to_mind() {
    for buys in [false, true] {
        let mut walk = Walk::of("loyalty_tier");
        walk.happens("02-01 10:00", tier("silver"));
        walk.happens("02-02 10:00", tier("gold"));
        walk.happens("02-03 10:00", tier("gold"));
        if buys {
            walk.happens("02-20 10:00", ordered());
        }
        let mut told = vec!["02-02 10:00 reached email"];
        told.extend((!buys).then_some("03-04 10:00 perks email"));
        assert_eq!(walk.until("06-01 00:00"), told);
        assert!(walk.said(0).contains("Anna, you have reached gold. That brings you free shipping and early access."));
    }
}

#[test]
fn who_loses_the_tier_hears_no_more_of_it() {
    let mut walk = Walk::on("loyalty_tier", &["email"], json!({"attribute": "level", "tier": "A"}));
    let level = |name: &str| Event::identify().user("anna").with_trait("level", name);
    walk.happens("02-02 10:00", level("A"));
    walk.happens("02-20 10:00", level("B"));
    walk.happens("03-20 10:00", level("A"));
    assert_eq!(walk.until("06-01 00:00"), ["02-02 10:00 reached email"], "within a year it is no news");
}

#[test]
fn the_offers_rise_until_somebody_buys() {
    let all = [
        "05-02 10:00 miss_you email",
        "05-16 10:00 offer email",
        "05-30 10:00 last_offer email",
        "06-02 10:00 last_offer push",
    ];
    for bought in [None, Some("05-10 10:00"), Some("05-20 10:00"), Some("05-31 10:00")] {
        let mut walk = Walk::of("win_back");
        walk.happens("02-01 10:00", ordered());
        if let Some(time) = bought {
            walk.happens(time, ordered());
        }
        let told = all.iter().filter(|line| bought.is_none_or(|bought| &line[..11] < bought)).count();
        assert_eq!(walk.until("07-01 00:00"), all[..told]);
        assert_eq!(walk.ended(), [if bought.is_some() { "goal" } else { "completed" }]);
        let said: Vec<String> = (0..told).map(|n| walk.said(n)).collect();
        assert!(!said[0].contains('%'));
        assert!(said.get(1).is_none_or(|said| said.contains("subject: 10 % off, to see you again\n")));
        assert!(said.get(2).is_none_or(|said| said.contains("subject: 20 % off: our best offer\n")));
    }
}

/// Subscribed in January, and silent since.
fn silent() -> Walk {
    let mut walk = Walk::of("permission_renewal");
    let yes = Event::track("Consent Given").property("channel", "email").property("topic", "newsletter");
    walk.happens("01-01 00:00", yes);
    walk
}

#[test]
fn who_never_engages_is_asked_and_then_said_goodbye_to() {
    let mut walk = silent();
    let told = ["06-30 00:00 stay email", "07-14 00:00 farewell email"];
    assert_eq!(walk.until("07-20 23:59"), told);
    assert_eq!(walk.attribute("permission_renewal_left"), None);
    assert_eq!(walk.until("12-31 00:00"), told);
    assert_eq!(walk.attribute("permission_renewal_left"), Some(json!(true)));

    let mut walk = silent();
    walk.happens("06-01 00:00", ordered());
    assert_eq!(walk.until("07-20 00:00"), [""; 0], "who buys is not silent");
}

#[test]
fn a_sign_of_life_at_any_time_keeps_a_subscription() {
    let mut walk = silent();
    walk.until("07-01 00:00");
    walk.answers("07-02 00:00", "Email Clicked", 0);
    assert_eq!(walk.until("12-01 00:00").len(), 1);
    assert_eq!(walk.attribute("permission_renewal_left"), Some(json!(false)));

    let mut walk = silent();
    walk.until("07-15 00:00");
    walk.answers("07-16 00:00", "Email Opened", 1);
    assert_eq!(walk.until("12-01 00:00").len(), 2);
    assert_eq!(walk.attribute("permission_renewal_left"), Some(json!(false)));

    let mut walk = silent();
    walk.until("07-01 00:00");
    walk.happens("07-02 00:00", ordered());
    assert_eq!((walk.until("12-01 00:00").len(), walk.ended()), (1, vec!["completed".to_owned(), "exited".to_owned()]));
}

#[test]
fn who_cannot_be_asked_is_not_said_goodbye_to() {
    let mut walk = Walk::unknown("permission_renewal", &["email"], json!({}));
    let yes = Event::track("Consent Given").property("channel", "email").property("topic", "newsletter");
    walk.happens("01-01 00:00", yes);
    assert_eq!(walk.until("12-01 00:00"), [""; 0], "no address");
    assert_eq!((walk.skipped().len(), walk.ended()), (1, vec!["completed".to_owned(); 2]));

    let mut walk = silent();
    walk.shop.answers([Err(DeliveryError::InvalidContactPoint { reason: "550".into() })]);
    assert_eq!(walk.until("12-01 00:00"), ["06-30 00:00 stay email"], "refused for good");
    assert_eq!((walk.skipped().len(), walk.attribute("permission_renewal_left")), (1, None));

    let mut walk = silent();
    walk.until("07-01 00:00");
    walk.happens("07-02 00:00", Event::track("Email Bounced"));
    assert_eq!(walk.until("12-01 00:00").len(), 1);
    assert_eq!(walk.attribute("permission_renewal_left"), None);

    let mut walk = silent();
    walk.until("07-01 00:00");
    let no = Event::track("Consent Revoked").property("channel", "email").property("topic", "newsletter");
    walk.happens("07-02 00:00", no);
    assert_eq!(walk.until("12-01 00:00").len(), 1);
    assert_eq!(walk.attribute("permission_renewal_subscriber"), Some(json!(false)));
    assert_eq!(walk.attribute("permission_renewal_left"), None);
}
