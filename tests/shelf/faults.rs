//! What a playbook is told that uses a template wrongly, and two uses side by side.

use serde_json::json;
use throughline::{JourneyTemplate, Playbook};

use crate::walk::{book, faults};

#[test]
fn what_is_wrong_with_a_parameter_is_told_at_its_place_with_a_hint() {
    let told = faults(
        &["email", "push"],
        json!({
            "cart": {"use": "cart_abandonment", "with": {"wiat": "1h", "last_wait": "soon", "offer": 5, "topic": "", "channels": ["emial", "sms"]}},
            "browse": {"use": "browse_abandonment", "with": {"views": 0, "again_after": null, "window": "0s"}},
            "back": {"use": "win_back", "with": {"offer": "10 %"}},
            "rate": {"use": "review_request", "with": {"good_from": "four", "channels": []}},
            "gone": {"use": "win_bakc"},
            "none": {},
            "more": {"use": "welcome", "wiht": {}},
            "a name": {"use": "welcome"},
        }),
    );
    let told: Vec<String> = told.iter().map(|fault| fault.replace(&names(), "..")).collect();
    assert_eq!(
        told,
        [
            "$.shelf[\"a name\"]: its parts are named after this name: write letters, digits, `_` and `-`",
            "$.shelf.back: `win_back` needs the parameter `last_offer` in `with`: what the last message offers, such as \"20 % off\"",
            "$.shelf.browse.with.views: expected a number from 1 to 1000, found 0",
            "$.shelf.browse.with.window: expected a length of time above zero",
            "$.shelf.cart.with.channels[0]: the playbook has no channel and no kind `emial`; did you mean `email`?",
            "$.shelf.cart.with.channels[1]: the playbook has no channel and no kind `sms`; it has email, push",
            "$.shelf.cart.with.last_wait: expected a length of time such as 24h, 30d or 1d12h, found `soon`",
            "$.shelf.cart.with.offer: expected text, found a number",
            "$.shelf.cart.with.topic: expected a name, found empty text",
            "$.shelf.cart.with.wiat: `cart_abandonment` has no parameter `wiat`; did you mean `wait`?",
            "$.shelf.gone.use: expected one of .., found `win_bakc`; did you mean `win_back`?",
            "$.shelf.more.wiht: unknown field; did you mean `with`?",
            "$.shelf.none: the field `use` is missing",
            "$.shelf.rate.with.channels: name at least one channel, or leave `channels` out",
            "$.shelf.rate.with.good_from: expected a number of at most 28 digits, found four",
        ]
    );
}

fn names() -> String {
    JourneyTemplate::all().map(|template| template.name()).collect::<Vec<_>>().join(", ")
}

#[test]
fn faults_in_what_a_template_makes_are_told_under_its_use() {
    let tier = json!({"use": "loyalty_tier", "with": {"attribute": "a..b", "tier": "A", "perks": "b"}});
    let mut json =
        book(&["email"], json!({"cart": {"use": "cart_abandonment"}, "tier": tier, "hello": {"use": "welcome"}}));
    json["brand"]["links"].as_object_mut().unwrap().remove("cart");
    json["journeys"] = json!({"hello": {"trigger": {"event": "E"}, "steps": [{"id": "s", "message": "tier_perks"}]}});
    let told = Playbook::from_json(&json.to_string()).unwrap_err();
    let told: Vec<String> = told.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "$.shelf.cart: the message `cart_last_call` reads `brand.links.cart`: add it to `brand`, or write `messages.cart_last_call` yourself",
            "$.shelf.cart: the message `cart_reminder` reads `brand.links.cart`: add it to `brand`, or write `messages.cart_reminder` yourself",
            "$.shelf.hello: makes `hello`, which `journeys` has already: use the template under another name",
            "$.shelf.tier.segments.tier_members.rule.attribute: expected a name, or names with dots between them such as \
             `cart.total`",
            "$.shelf.tier.journeys.tier.trigger.entered: the playbook has no segment `tier_members`",
            "$.shelf.tier.journeys.tier.exit[0].left: the playbook has no segment `tier_members`",
        ]
    );
}

#[test]
fn two_uses_of_one_template_stand_side_by_side_each_under_its_own_name() {
    let json = book(
        &["email", "in_app"],
        json!({
            "cart": {"use": "cart_abandonment", "with": {"channels": ["in_app"]}},
            "basket": {"use": "cart_abandonment", "with": {"wait": "2d", "offer": "{{ evil }} brand.links.none"}},
        }),
    );
    let playbook = Playbook::from_json(&json.to_string()).unwrap();
    let names: Vec<&str> = playbook.messages().iter().map(|message| message.id().as_str()).collect();
    assert_eq!(names, ["basket_last_call", "basket_reminder", "cart_last_call", "cart_reminder"]);
    let twice =
        Playbook::builder().with_template("cart", JourneyTemplate::named("welcome").unwrap()).build(&json.to_string());
    assert_eq!(
        twice.unwrap_err().to_string(),
        "1 fault\n  $.shelf.cart: the builder uses a template under this name too; keep one"
    );
    // What one use makes for itself another may not make too.
    let json = book(&["email"], json!({"a": {"use": "cart_abandonment"}, "a_reminder": {"use": "welcome"}}));
    assert!(Playbook::from_json(&json.to_string()).is_ok());
}

#[test]
fn a_message_of_the_playbooks_own_goes_before_the_one_of_the_shelf() {
    let mut json = book(&["sms"], json!({"stay": {"use": "permission_renewal"}}));
    assert_eq!(Playbook::from_json(&json.to_string()).unwrap_err().len(), 2);
    let own = json!({"variants": {"sms": {"text": "Shall we go on writing to you?"}}});
    json["messages"] = json!({"stay_stay": own, "stay_farewell": own});
    let playbook = Playbook::from_json(&json.to_string()).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(playbook.messages().len(), 2);
}

#[test]
fn two_channels_of_one_kind_are_both_meant() {
    let mut json =
        book(&["email", "push"], json!({"cart": {"use": "cart_abandonment", "with": {"channels": "email"}}}));
    json["channels"]["backup"] = json!({"kind": "email"});
    let playbook = Playbook::from_json(&json.to_string()).unwrap();
    let reminder = playbook.message(&"cart_reminder".into()).unwrap();
    let spoken: Vec<&str> =
        playbook.channels().iter().filter(|spec| reminder.speaks(spec)).map(|spec| spec.id().as_str()).collect();
    assert_eq!(spoken, ["backup", "email"]);
}
