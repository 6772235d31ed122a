//! What the benches share: the logs, and playbooks with twenty segments.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use throughline::{Event, Playbook};

/// The events of a real log, parsed; `None`, said aloud, where it is absent.
pub fn log(folder: &str) -> Option<Vec<Event>> {
    let path =
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data")).join(folder).join("events.ndjson.gz");
    let Ok(file) = std::fs::File::open(&path) else {
        println!("skipped: {} is not here", path.display());
        return None;
    };
    let lines = BufReader::new(flate2::read::GzDecoder::new(file)).lines();
    Some(lines.map(|line| Event::from_json(&line.unwrap()).unwrap()).collect())
}

/// One of the example playbooks with twenty segments over these events.
pub fn playbook(name: &str, events: &[&str]) -> Arc<Playbook> {
    let path = format!("{}/examples/playbooks/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let mut json: Json = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    json["segments"] = segments(events);
    Arc::new(Playbook::from_json(&json.to_string()).unwrap_or_else(|faults| panic!("{faults}")))
}

/// Twenty segments of the kinds that shops define: recency, frequency, absence, where they live.
pub fn segments(events: &[&str]) -> Json {
    let mut segments = serde_json::Map::new();
    for n in 0..20 {
        let event = events[n % events.len()];
        let other = events[(n + 1) % events.len()];
        let days = [1, 2, 3, 7, 14, 30, 60, 90][n % 8];
        let rule = match n % 5 {
            0 => json!({"event": event, "within": format!("{days}d"), "count": {"at_least": 1 + n / 5}}),
            1 => json!({"event": event, "last": {"older_than": format!("{days}d")}}),
            2 => {
                json!({"all": [{"event": event, "within": format!("{days}d")}, {"not": {"event": other, "within": "30d"}}]})
            }
            3 => json!({"attribute": "country", "in": ["United Kingdom", "Germany", "France", "EIRE"]}),
            _ => {
                json!({"all": [{"event": event}, {"event": other, "within": format!("{days}d"), "count": {"at_most": 2}}]})
            }
        };
        segments.insert(format!("segment_{n:02}"), rule);
    }
    Json::Object(segments)
}
