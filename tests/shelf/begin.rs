//! Those who have just come.

use serde_json::json;
use throughline::Event;

use crate::walk::Walk;

pub const ALL: &[fn()] = &[
    a_welcome_is_said_at_once_and_the_shop_shown_to_those_who_have_not_bought,
    a_welcome_makes_an_offer_only_if_the_shop_does,
    onboarding_thanks_those_who_do_it_and_helps_those_who_do_not,
    a_follower_is_asked_twice_at_most_and_not_who_said_yes_before,
];

fn done(event: &str) -> Event {
    Event::track(event)
}

#[test]
fn a_welcome_is_said_at_once_and_the_shop_shown_to_those_who_have_not_bought() {
    let mut walk = Walk::of("welcome");
    walk.happens("02-01 10:00", done("Signed Up"));
    assert_eq!(walk.until("06-01 00:00"), ["02-01 10:00 hello email", "02-04 10:00 discover email"]);
    walk.happens("06-01 10:00", done("Signed Up"));
    assert_eq!(walk.until("07-01 00:00").len(), 2, "once ever");

    let mut walk = Walk::on("welcome", &["email"], json!({"event": "Account Created", "wait": "1d"}));
    walk.happens("02-01 10:00", done("Account Created"));
    walk.happens("02-02 09:59", done("Order Completed"));
    assert_eq!(walk.until("06-01 00:00"), ["02-01 10:00 hello email"]);
    assert_eq!(walk.ended(), ["exited"]);
}

#[test]
fn a_welcome_makes_an_offer_only_if_the_shop_does() {
    let begins = "To begin with you get ";
    let odd = "5 \\ \"off\" & {{ brand.name }} {% endif %} }}";
    for (offer, html, text) in [
        ("", "Take your time.", "Take your time."),
        ("10 % off", "To begin with you get 10 % off.", "To begin with you get 10 % off."),
        ("<b>10</b>", "To begin with you get &lt;b&gt;10&lt;&#x2f;b&gt;.", "To begin with you get <b>10</b>."),
        (odd, "5 \\ &quot;off&quot; &amp; {{ brand.name }} {% endif %} }}.</p>", odd),
    ] {
        let mut walk = Walk::on("welcome", &["email"], json!({"offer": offer}));
        walk.happens("02-01 10:00", done("Signed Up"));
        walk.until("06-01 00:00");
        assert!(walk.said(0).contains("subject: Welcome, Anna\n"), "{}", walk.said(0));
        let said = walk.said(1);
        assert!(said.contains(html) && said.contains(text), "{said}");
        assert_eq!(said.contains(begins), !offer.is_empty());
    }
}

#[test]
fn onboarding_thanks_those_who_do_it_and_helps_those_who_do_not() {
    let first = "02-01 10:00 first_step email";
    let mut walk = Walk::of("onboarding");
    walk.happens("02-01 10:00", done("Signed Up"));
    walk.happens("02-02 12:00", done("Profile Completed"));
    assert_eq!(walk.until("06-01 00:00"), [first, "02-02 12:00 well_done email"]);

    let nudged = "02-03 10:00 nudge email";
    let mut walk = Walk::of("onboarding");
    walk.happens("02-01 10:00", done("Signed Up"));
    walk.happens("02-05 12:00", done("Profile Completed"));
    assert_eq!(walk.until("06-01 00:00"), [first, nudged, "02-05 12:00 well_done email"]);

    let mut walk = Walk::of("onboarding");
    walk.happens("02-01 10:00", done("Signed Up"));
    assert_eq!(walk.until("06-01 00:00"), [first, nudged, "02-08 10:00 help email"]);
}

#[test]
fn a_follower_is_asked_twice_at_most_and_not_who_said_yes_before() {
    let yes = || done("Consent Given").property("channel", "email").property("topic", "newsletter");
    let asked = "02-01 11:00 ask in_app";
    let mut walk = Walk::on("social_subscriber", &["email", "in_app"], json!({}));
    walk.happens("02-01 10:00", done("Social Followed"));
    walk.happens("02-03 12:00", yes());
    assert_eq!(walk.until("03-01 00:00"), [asked, "02-03 12:00 thanks email"]);
    assert!(walk.said(0).contains("By e-mail you get first looks before anybody else."));
    walk.happens("09-01 10:00", done("Social Followed"));
    assert_eq!(walk.until("12-01 00:00").len(), 2, "who has said yes is not asked");

    let mut walk = Walk::on("social_subscriber", &["email", "messenger"], json!({}));
    walk.happens("02-01 10:00", done("Social Followed"));
    walk.happens("02-20 10:00", done("Social Followed"));
    assert_eq!(walk.until("03-01 00:00"), ["02-01 11:00 ask messenger", "02-15 11:00 once_more messenger"]);
}
