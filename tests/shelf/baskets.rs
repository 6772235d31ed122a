//! Those who look, choose and do not buy.

use serde_json::json;
use throughline::Event;

use crate::walk::Walk;

pub const ALL: &[fn()] = &[
    who_looked_several_times_is_reminded_of_the_latest_product_once_a_week,
    who_puts_something_into_the_cart_hears_nothing_of_what_was_looked_at,
    a_cart_is_called_to_mind_on_another_channel_and_once_more,
    who_buys_before_the_reminder_gets_none_and_a_checkout_takes_over,
    an_offer_is_made_in_the_last_call_only,
    who_does_not_finish_a_checkout_is_helped_as_far_as_they_came,
];

fn viewed(product: &str) -> Event {
    Event::track("Product Viewed")
        .property("product_id", product)
        .property("name", format!("The {product}").as_str())
        .property("url", format!("https://fern.example/p/{product}").as_str())
}

fn done(event: &str) -> Event {
    Event::track(event)
}

#[test]
fn who_looked_several_times_is_reminded_of_the_latest_product_once_a_week() {
    let mut walk = Walk::of("browse_abandonment");
    walk.happens("02-01 10:00", viewed("kettle"));
    assert_eq!(walk.until("02-03 00:00"), [""; 0], "one look is none");
    walk.happens("02-03 10:00", viewed("kettle"));
    walk.happens("02-03 15:00", viewed("teapot"));
    assert_eq!(walk.until("02-05 00:00"), ["02-04 15:00 reminder email"]);
    assert!(walk.said(0).contains("Still thinking about The teapot?"), "{}", walk.said(0));
    assert!(walk.said(0).contains("See it again: https://fern.example/p/teapot"));
    walk.happens("02-06 10:00", viewed("cup"));
    assert_eq!(walk.until("02-10 00:00").len(), 1);
    walk.happens("02-11 15:00", viewed("cup"));
    walk.happens("02-11 16:00", viewed("cup"));
    assert_eq!(walk.until("03-01 00:00")[1..], ["02-12 16:00 reminder email"]);
}

#[test]
fn who_puts_something_into_the_cart_hears_nothing_of_what_was_looked_at() {
    let mut walk = Walk::on("browse_abandonment", &["in_app"], json!({"views": 1, "wait": "2h"}));
    walk.happens("02-01 10:00", viewed("kettle"));
    walk.happens("02-01 11:00", done("Product Added"));
    assert_eq!(walk.until("03-01 00:00"), [""; 0]);
    walk.happens("03-02 10:00", viewed("kettle"));
    assert_eq!(walk.until("04-01 00:00"), ["03-02 12:00 reminder in_app"]);
}

#[test]
fn a_cart_is_called_to_mind_on_another_channel_and_once_more() {
    let mut walk = Walk::of("cart_abandonment");
    walk.happens("02-01 09:30", done("Product Added"));
    walk.happens("02-01 10:00", done("Product Added"));
    let all = ["02-01 11:00 reminder email", "02-02 10:00 reminder push", "02-04 10:00 last_call email"];
    assert_eq!(walk.until("03-01 00:00"), all);

    let mut walk = Walk::of("cart_abandonment");
    walk.happens("02-01 10:00", done("Product Added"));
    walk.until("02-01 12:00");
    walk.answers("02-01 13:00", "Email Opened", 0);
    assert_eq!(walk.until("03-01 00:00"), ["02-01 11:00 reminder email", "02-03 13:00 last_call email"]);
    // The next cart within a week is not reminded of; a later one is.
    walk.happens("03-01 10:00", done("Product Added"));
    assert_eq!(walk.until("03-01 12:00")[2..], ["03-01 11:00 reminder email"]);
}

#[test]
fn who_buys_before_the_reminder_gets_none_and_a_checkout_takes_over() {
    for event in ["Order Completed", "Checkout Started"] {
        let mut walk = Walk::of("cart_abandonment");
        walk.happens("02-01 10:00", done("Product Added"));
        walk.happens("02-01 10:59", done(event));
        assert_eq!(walk.until("03-01 00:00"), [""; 0], "{event}");
        walk.happens("03-01 10:00", done("Product Added"));
        walk.until("03-01 11:00");
        walk.happens("03-01 11:01", done(event));
        assert_eq!(walk.until("04-01 00:00"), ["03-01 11:00 reminder email"], "{event}");
    }
    let mut walk = Walk::on("cart_abandonment", &["email"], json!({"until": "Order Completed"}));
    walk.happens("02-01 10:00", done("Product Added"));
    walk.happens("02-01 10:30", done("Checkout Started"));
    assert_eq!(walk.until("02-02 00:00"), ["02-01 11:00 reminder email"]);
}

#[test]
fn an_offer_is_made_in_the_last_call_only() {
    for (offer, said) in [("", "We will not remind you again."), ("free shipping", "and now you get free shipping.")] {
        let mut walk = Walk::on("cart_abandonment", &["email"], json!({"offer": offer}));
        walk.happens("02-01 10:00", done("Product Added"));
        // E-mail is the only channel: there is no second one to try.
        assert_eq!(walk.until("03-01 00:00"), ["02-01 11:00 reminder email", "02-04 10:00 last_call email"]);
        assert!(!walk.said(0).contains("free shipping"));
        assert!(walk.said(1).contains(said), "{}", walk.said(1));
    }
}

#[test]
fn who_does_not_finish_a_checkout_is_helped_as_far_as_they_came() {
    let mut walk = Walk::of("checkout_abandonment");
    walk.happens("02-01 10:00", done("Checkout Started"));
    assert_eq!(walk.until("03-01 00:00"), ["02-01 10:30 help email", "02-02 06:30 help push"]);

    let mut walk = Walk::on("checkout_abandonment", &["sms", "email"], json!({"channels": ["email"]}));
    walk.happens("02-01 10:00", done("Checkout Started"));
    walk.happens("02-01 10:05", done("Payment Info Entered"));
    assert_eq!(walk.until("03-01 00:00"), ["02-01 10:30 last_step email"]);

    let mut walk = Walk::of("checkout_abandonment");
    walk.happens("02-01 10:00", done("Checkout Started"));
    walk.happens("02-01 10:29", done("Order Completed"));
    assert_eq!(walk.until("03-01 00:00"), [""; 0]);
}
