//! Real shops' logs, and the facts computed independently from their raw rows.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use throughline::Event;

/// Where a log is; `None`, said aloud, where it is absent.
pub fn data(folder: &str) -> Option<PathBuf> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data")).join(folder);
    if path.join("events.ndjson.gz").exists() {
        return Some(path);
    }
    println!("skipped: {} is not here", path.display());
    None
}

pub fn events(folder: &Path) -> impl Iterator<Item = Event> {
    let file = std::fs::File::open(folder.join("events.ndjson.gz")).unwrap();
    BufReader::new(flate2::read::GzDecoder::new(file)).lines().map(|line| Event::from_json(&line.unwrap()).unwrap())
}

pub fn truth(folder: &Path) -> Json {
    serde_json::from_str(&std::fs::read_to_string(folder.join("truth.json")).unwrap()).unwrap()
}
