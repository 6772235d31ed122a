//! Those who wait for something.

use serde_json::{Value as Json, json};
use throughline::Event;

use crate::walk::Walk;

pub const ALL: &[fn()] = &[
    who_asked_or_wished_is_told_that_a_product_is_there_again,
    who_bought_it_elsewhere_meanwhile_is_not_told_on_a_second_channel,
    a_lower_price_is_told_to_those_who_wish_and_again_to_those_who_look,
    a_small_cut_and_a_wish_taken_back_are_no_news,
    followers_hear_of_what_is_out_and_of_what_can_be_ordered_ahead,
];

fn event(name: &str, properties: Json) -> Event {
    let json = json!({"type": "track", "event": name, "userId": "anna", "properties": properties});
    Event::from_json(&json.to_string()).unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn about(name: &str, product: &str) -> Event {
    event(name, json!({"product_id": product, "name": format!("The {product}"), "url": "https://fern.example/p"}))
}

fn bought(product: &str) -> Event {
    event("Order Completed", json!({"order_id": "o-1", "products": [{"product_id": "other"}, {"product_id": product}]}))
}

#[test]
fn who_asked_or_wished_is_told_that_a_product_is_there_again() {
    for asked in ["Back In Stock Requested", "Product Added to Wishlist"] {
        let mut walk = Walk::of("back_in_stock");
        walk.happens("02-01 10:00", about(asked, "kettle"));
        walk.happens("02-09 10:00", about("Back In Stock", "teapot"));
        walk.happens("02-10 10:00", about("Back In Stock", "kettle"));
        walk.happens("02-11 10:00", about("Back In Stock", "kettle"));
        let told = ["02-10 10:00 there email", "02-10 22:00 there push"];
        assert_eq!(walk.until("02-12 00:00"), told, "{asked}");
        assert!(walk.said(0).contains("subject: The kettle is there again\n"));
        walk.happens("02-20 10:00", about("Back In Stock", "kettle"));
        assert_eq!(walk.until("03-01 00:00").len(), 4, "{asked}: it had gone again");
        walk.happens("09-01 10:00", about("Back In Stock", "kettle"));
        assert_eq!(walk.until("10-01 00:00").len(), 4, "{asked}: asked too long ago");
    }
}

#[test]
fn who_bought_it_elsewhere_meanwhile_is_not_told_on_a_second_channel() {
    let mut walk = Walk::of("back_in_stock");
    walk.happens("02-01 10:00", about("Back In Stock Requested", "kettle"));
    walk.happens("02-10 10:00", about("Back In Stock", "kettle"));
    walk.happens("02-10 12:00", bought("kettle"));
    assert_eq!(walk.until("03-01 00:00"), ["02-10 10:00 there email"]);
    assert_eq!(walk.ended(), ["exited"]);
}

#[test]
fn a_lower_price_is_told_to_those_who_wish_and_again_to_those_who_look() {
    let dropped = |product: &str, percent: i64| {
        event(
            "Price Dropped",
            json!({"product_id": product, "name": "The kettle", "percent": percent, "price": "19.90"}),
        )
    };
    let told = "02-10 10:00 cheaper email";
    for looks in [true, false] {
        let mut walk = Walk::of("price_drop");
        walk.happens("02-01 10:00", about("Product Added to Wishlist", "kettle"));
        walk.happens("02-10 10:00", dropped("kettle", 10));
        walk.happens("02-11 10:00", about("Product Viewed", if looks { "kettle" } else { "teapot" }));
        let again = looks.then_some("02-13 10:00 still email");
        assert_eq!(walk.until("03-01 00:00"), [told].into_iter().chain(again).collect::<Vec<_>>());
        assert!(walk.said(0).contains("now it costs less: 19.90."), "{}", walk.said(0));
    }
    for over in [bought("kettle"), about("Product Removed from Wishlist", "kettle")] {
        let mut walk = Walk::of("price_drop");
        walk.happens("02-01 10:00", about("Product Added to Wishlist", "kettle"));
        walk.happens("02-10 10:00", dropped("kettle", 25));
        walk.happens("02-11 10:00", about("Product Viewed", "kettle"));
        walk.happens("02-11 11:00", over);
        assert_eq!(walk.until("03-01 00:00"), [told]);
    }
}

#[test]
fn a_small_cut_and_a_wish_taken_back_are_no_news() {
    let mut walk = Walk::on("price_drop", &["email"], json!({"percent": 20, "channels": "email"}));
    walk.happens("02-01 10:00", about("Product Added to Wishlist", "kettle"));
    walk.happens("02-10 10:00", event("Price Dropped", json!({"product_id": "kettle", "percent": 19})));
    walk.happens("02-11 10:00", event("Price Dropped", json!({"product_id": "teapot", "percent": 50})));
    assert_eq!(walk.until("03-01 00:00"), [""; 0]);
}

#[test]
fn followers_hear_of_what_is_out_and_of_what_can_be_ordered_ahead() {
    let released = |product: &str, of: &str, available: bool| {
        event(
            "Product Released",
            json!({"product_id": product, "name": "Volume 2", "followed": of, "available": available}),
        )
    };
    let follow = |name: &str| event(name, json!({"followed": "the-series"}));
    let mut walk = Walk::of("new_release");
    walk.happens("02-01 10:00", follow("Followed"));
    walk.happens("02-10 10:00", released("v2", "the-series", false));
    walk.happens("02-11 10:00", released("x", "another", true));
    walk.happens("02-20 10:00", released("v2-out", "the-series", true));
    let told = ["02-10 10:00 ahead email", "02-20 10:00 out email", "02-22 10:00 out push"];
    assert_eq!(walk.until("03-01 00:00"), told);
    assert!(walk.said(0).contains("Volume 2 is on its way."));
    for over in [follow("Unfollowed"), bought("v3")] {
        walk.happens("03-01 10:00", released("v3", "the-series", true));
        walk.happens("03-01 12:00", over);
        walk.until("04-01 00:00");
    }
    assert_eq!(walk.sent()[3..], ["03-01 10:00 out email"]);
}
