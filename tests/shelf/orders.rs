//! Those who have bought.

use serde_json::{Value as Json, json};
use throughline::{Event, What};

use crate::walk::Walk;

pub const ALL: &[fn()] = &[
    thanks_go_out_for_an_order_and_for_a_purchase_in_the_shop,
    thanks_show_what_others_bought_with_it_if_the_shop_says_so,
    no_thanks_for_an_order_that_was_taken_back,
    the_happy_are_asked_in_public_and_the_others_hear_from_service,
    nobody_is_asked_for_a_rating_twice_in_three_months_or_after_a_return,
    who_wrote_a_good_review_is_asked_to_bring_a_friend,
    what_goes_with_an_order_is_shown_to_those_who_have_it_not,
    the_latest_order_says_when_something_runs_out,
];

/// An event with these properties, as a shop sends it.
fn event(name: &str, properties: Json) -> Event {
    let json = json!({"type": "track", "event": name, "userId": "anna", "properties": properties});
    Event::from_json(&json.to_string()).unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn ordered(order: &str, category: &str) -> Event {
    let product = json!({"product_id": category, "category": category});
    event("Order Completed", json!({"order_id": order, "total": 20, "currency": "EUR", "products": [product]}))
}

#[test]
fn thanks_go_out_for_an_order_and_for_a_purchase_in_the_shop() {
    let mut walk = Walk::of("post_purchase");
    walk.happens("02-01 10:00", event("Order Completed", json!({"order_id": "o-1", "total": 20})));
    walk.happens("02-01 12:00", event("Order Completed", json!({"order_id": "o-2", "total": 5, "channel": "store"})));
    assert_eq!(walk.until("03-01 00:00"), ["02-01 15:00 thanks_store email", "02-02 10:00 thanks email"]);
    assert!(walk.said(0).contains("Thank you for coming by, Anna"));
    assert!(walk.said(1).contains("See what goes with it."), "{}", walk.said(1));
}

#[test]
fn thanks_show_what_others_bought_with_it_if_the_shop_says_so() {
    let listed = json!([{"name": "A <strap>", "url": "https://fern.example/strap"}, {"name": "A bag"}]);
    for (in_event, channels) in [(true, ["email"]), (false, ["email"]), (true, ["push"])] {
        let mut walk = Walk::on("post_purchase", &channels, json!({"wait": "1h"}));
        let mut order = json!({"order_id": "o-1", "total": 20});
        if in_event {
            order["bought_with"] = listed.clone();
        } else {
            let json = json!({"type": "identify", "userId": "anna", "traits": {"bought_with": listed}});
            walk.happens("01-02 00:00", Event::from_json(&json.to_string()).unwrap());
        }
        walk.happens("02-01 10:00", event("Order Completed", order));
        walk.until("03-01 00:00");
        let said = walk.said(0);
        if channels == ["push"] {
            assert!(said.contains("Others also took A <strap>."), "{said}");
        } else {
            assert!(said.contains("Others also took:\n- A <strap>: https://fern.example/strap\n- A bag\n"), "{said}");
            assert!(
                said.contains("<a href=\"https:&#x2f;&#x2f;fern.example&#x2f;strap\">A &lt;strap&gt;</a>, A bag</p>"),
                "{said}"
            );
        }
    }
}

#[test]
fn no_thanks_for_an_order_that_was_taken_back() {
    for taken_back in ["Order Cancelled", "Order Refunded"] {
        let mut walk = Walk::of("post_purchase");
        walk.happens("02-01 10:00", ordered("o-1", "tea"));
        walk.happens("02-01 10:00", ordered("o-2", "tea"));
        walk.happens("02-01 11:00", event(taken_back, json!({"order_id": "o-1"})));
        assert_eq!(walk.until("03-01 00:00").len(), 1, "{taken_back}");
    }
}

#[test]
fn the_happy_are_asked_in_public_and_the_others_hear_from_service() {
    let asked = "02-15 10:00 rate email";
    let cases = [
        (5, "02-16 09:00 review email", false),
        (4, "02-16 09:00 review email", false),
        (3, "02-16 09:00 sorry email", true),
    ];
    for (rating, then, unhappy) in cases {
        let mut walk = Walk::of("review_request");
        walk.happens("02-01 10:00", ordered("o-1", "tea"));
        walk.happens("02-03 10:00", event("Order Rated", json!({"order_id": "o-0", "rating": 1})));
        walk.until("02-15 10:00");
        walk.happens("02-16 09:00", event("Order Rated", json!({"order_id": "o-1", "rating": rating})));
        assert_eq!(walk.until("04-01 00:00"), [asked, then], "{rating}");
        assert_eq!(walk.attribute("review_request_unhappy"), Some(unhappy.into()));
        let told = walk.notes.iter().any(|note| matches!(&note.what, What::SegmentEntered { segment } if segment.as_str() == "review_request_unhappy"));
        assert_eq!(told, unhappy);
    }
    let mut walk = Walk::of("review_request");
    walk.happens("02-01 10:00", ordered("o-1", "tea"));
    walk.until("02-15 10:00");
    // Too late to be asked for anything more.
    walk.happens("02-25 10:01", event("Order Rated", json!({"order_id": "o-1", "rating": 5})));
    assert_eq!(walk.until("04-01 00:00"), [asked]);
}

#[test]
fn nobody_is_asked_for_a_rating_twice_in_three_months_or_after_a_return() {
    let mut walk = Walk::of("review_request");
    walk.happens("02-01 10:00", ordered("o-1", "tea"));
    walk.happens("03-01 10:00", ordered("o-2", "tea"));
    assert_eq!(walk.until("04-01 00:00"), ["02-15 10:00 rate email"]);
    assert_eq!(walk.skipped(), ["review_request_rate duplicate"]);
    walk.happens("06-01 10:00", ordered("o-3", "tea"));
    walk.happens("06-02 10:00", ordered("o-4", "tea"));
    walk.happens("06-05 10:00", event("Order Refunded", json!({"order_id": "o-3"})));
    walk.happens("06-06 10:00", event("Product Reviewed", json!({"order_id": "o-4", "rating": 5})));
    assert_eq!(walk.until("08-01 00:00").len(), 1);
    assert_eq!(walk.ended(), ["completed", "completed", "exited", "goal"]);
}

#[test]
fn who_wrote_a_good_review_is_asked_to_bring_a_friend() {
    let reviewed = |rating: u32| event("Product Reviewed", json!({"product_id": "kettle", "rating": rating}));
    let invited = "02-03 10:00 invite email";
    let mut walk = Walk::on("referral", &["email"], json!({"reward": "10 euros each"}));
    walk.happens("02-01 09:00", reviewed(3));
    walk.happens("02-01 10:00", reviewed(5));
    walk.until("02-04 00:00");
    walk.happens("02-04 10:00", event("Invite Sent", json!({})));
    assert_eq!(walk.until("03-01 00:00"), [invited, "02-04 10:00 thanks email"]);
    assert!(walk.said(0).contains("If you bring a friend, you get 10 euros each."), "{}", walk.said(0));
    walk.happens("03-01 10:00", reviewed(5));
    assert_eq!(walk.until("06-01 00:00").len(), 2, "nobody is invited again so soon");

    let mut walk = Walk::of("referral");
    walk.happens("02-01 10:00", reviewed(4));
    assert_eq!(walk.until("03-01 00:00"), [invited]);

    let mut walk = Walk::of("referral");
    walk.happens("02-01 10:00", reviewed(5));
    walk.happens("02-02 10:00", event("Order Refunded", json!({"order_id": "o-1"})));
    assert_eq!(walk.until("03-01 00:00"), [""; 0]);

    let mut walk = Walk::unknown("referral", &["email"], json!({}));
    walk.happens("02-01 10:00", reviewed(5));
    assert_eq!(walk.until("02-03 10:00"), [""; 0]);
    assert_eq!((walk.skipped().len(), walk.ended()), (1, vec!["completed".to_owned()]));
}

#[test]
fn what_goes_with_an_order_is_shown_to_those_who_have_it_not() {
    let mut walk = Walk::of("cross_sell");
    walk.happens("02-01 10:00", ordered("o-1", "tea"));
    walk.happens("02-02 10:00", ordered("o-2", "cameras"));
    assert_eq!(walk.until("06-01 00:00"), ["02-16 10:00 suggest email"]);
    assert!(walk.said(0).contains("subject: What goes with it: memory cards\n"), "{}", walk.said(0));
    assert!(walk.said(0).contains("Many take memory cards with it.\n\n\n"), "nothing is listed: {}", walk.said(0));

    // Bought before, in the same order, and meanwhile.
    for before in ["01-15 10:00", "02-01 10:00", "02-07 10:00"] {
        let mut walk = Walk::of("cross_sell");
        let both = json!([{"category": "cameras"}, {"category": "memory-cards"}]);
        walk.happens(before, event("Order Completed", json!({"order_id": "o-0", "products": both})));
        walk.happens("02-01 10:00", ordered("o-1", "cameras"));
        walk.happens("02-07 10:00", ordered("o-2", "memory-cards"));
        assert_eq!(walk.until("06-01 00:00"), [""; 0], "{before}");
    }
}

#[test]
fn the_latest_order_says_when_something_runs_out() {
    let mut walk = Walk::of("replenishment");
    walk.happens("02-01 10:00", ordered("o-1", "coffee"));
    walk.happens("02-11 10:00", ordered("o-2", "coffee"));
    walk.happens("02-12 10:00", ordered("o-3", "tea"));
    let first = ["03-08 10:00 reminder email", "03-11 10:00 reminder push"];
    assert_eq!(walk.until("04-01 00:00"), first);
    assert!(walk.said(0).contains("subject: Running low on coffee?\n"));
    walk.happens("04-01 10:00", ordered("o-4", "coffee"));
    walk.until("04-26 10:00");
    walk.happens("04-27 10:00", ordered("o-5", "coffee"));
    assert_eq!(
        walk.until("06-01 00:00")[2..],
        ["04-26 10:00 reminder email", "05-22 10:00 reminder email", "05-25 10:00 reminder push"]
    );

    let mut walk = Walk::of("replenishment");
    walk.happens("02-01 10:00", ordered("o-1", "coffee"));
    walk.happens("02-05 10:00", event("Order Refunded", json!({"order_id": "o-1"})));
    assert_eq!(walk.until("06-01 00:00"), [""; 0]);
}
