//! The three playbooks of the examples over real shops' logs, against facts computed independently from the raw rows.
//! Where the logs are absent each test says that it skipped.

mod logs;

use std::collections::BTreeSet;
use std::sync::Arc;

use logs::{data, events, truth};
use serde_json::Value as Json;
use throughline::{Instant, LogWhat, Playbook, Rehearsal, Summary, What};

fn playbook(name: &str, change: impl FnOnce(&mut Json)) -> Arc<Playbook> {
    let path = format!("{}/examples/playbooks/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let mut json: Json = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    change(&mut json);
    Arc::new(Playbook::from_json(&json.to_string()).unwrap_or_else(|faults| panic!("{faults}")))
}

/// Rehearses, and gathers who was handed each message.
fn rehearse(
    folder: &std::path::Path,
    playbook: &Arc<Playbook>,
    until: Option<Instant>,
) -> (Summary, Vec<(String, String)>) {
    let mut handed = Vec::new();
    let mut rehearsal = Rehearsal::new(playbook.clone()).with_observer(|line| {
        if let LogWhat::Notice(What::HandedOver(sent)) = &line.what {
            handed.push((sent.message.to_string(), line.customer.to_string()));
        }
    });
    for event in events(folder) {
        rehearsal.event(event).unwrap();
    }
    let summary = rehearsal.finish(until);
    (summary, handed)
}

fn handed_to(handed: &[(String, String)], message: &str) -> (usize, usize) {
    let who: Vec<&String> = handed.iter().filter(|(name, _)| name == message).map(|(_, who)| who).collect();
    (who.len(), who.iter().collect::<BTreeSet<_>>().len())
}

#[test]
fn abandoned_carts_and_browsers_of_retailrocket_are_reminded_as_the_raw_rows_say() {
    let Some(folder) = data("retailrocket_sample") else { return };
    for (wait, fires, visitors) in [("24h", 112, 85), ("1h", 131, 86)] {
        let playbook = playbook("abandoned_cart", |json| {
            json["journeys"]["cart_reminder"]["steps"][0]["wait"] = wait.into();
        });
        let (summary, handed) = rehearse(&folder, &playbook, None);
        assert_eq!(handed_to(&handed, "cart_reminder"), (fires, visitors), "cart after {wait}");
        assert_eq!(handed_to(&handed, "browse_reminder"), (1_162, 1_034), "browsing");
        assert_eq!((summary.events, summary.customers), (5_156, 1_092));
    }
}

#[test]
fn the_next_step_of_an_offer_cascade_goes_exactly_to_those_who_did_not_look_in_time() {
    let Some(folder) = data("starbucks_dev") else { return };
    let truth = truth(&folder);
    for hours in ["24", "48", "72", "120"] {
        let playbook = playbook("offers", |json| {
            json["journeys"]["offer"]["steps"][0]["cascade"]["attempts"][0]["wait"] = format!("{hours}h").into();
        });
        let (summary, _) = rehearse(&folder, &playbook, None);
        assert_eq!(summary.messages["offer"]["in_app"], 4_683);
        assert_eq!(
            summary.messages["offer"]["inbox"],
            truth["cascade_next_step_due"][hours].as_u64().unwrap(),
            "{hours} h"
        );
    }
}

#[test]
fn frequency_caps_let_through_what_a_replay_of_the_receipts_lets_through() {
    let Some(folder) = data("starbucks_dev") else { return };
    for (at_most, hours, through, stopped) in [(1, 168, 3_473, 1_210), (1, 336, 2_011, 2_672), (3, 720, 3_089, 1_594)] {
        let playbook = playbook("offers", |json| {
            json["policy"]["frequency_caps"][0]["at_most"] = at_most.into();
            json["policy"]["frequency_caps"][0]["rolling"] = format!("{hours}h").into();
        });
        let (summary, _) = rehearse(&folder, &playbook, None);
        let skipped = &summary.skipped["announcement"];
        assert_eq!(summary.messages["announcement"]["in_app"], through, "{at_most} per {hours} h");
        assert_eq!((skipped.len(), skipped["frequency_cap"]), (1, stopped), "{at_most} per {hours} h");
    }
}

#[test]
fn reviews_of_online_retail_are_asked_for_capped_stopped_and_pending_as_the_raw_rows_say() {
    let Some(folder) = data("online_retail") else { return };
    let until = "2011-06-27T00:00:00Z".parse().unwrap();
    let playbook = playbook("after_purchase", |_| {});
    let (summary, _) = rehearse(&folder, &playbook, Some(until));
    let reviews = summary.journey("review_request");
    let stopped =
        reviews.ended.get("exited").copied().unwrap_or(0) + reviews.not_begun.get("exit_holds").copied().unwrap_or(0);
    assert_eq!(summary.messages["review_request"]["inbox"], 4_534);
    assert_eq!(summary.skipped["review_request"]["frequency_cap"], 1_831);
    assert_eq!((stopped, reviews.pending), (1_701, 523));
    assert_eq!(summary.messages["welcome_back"]["in_app"], 869);
    assert_eq!(summary.segments["dormant"], 948);
}
