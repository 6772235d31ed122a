//! The `rehearse` example as a user meets it: its output, its files, its exit codes. `cargo test` builds it; where it is
//! not built each test says that it skipped.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value as Json;
use throughline::Instant;

fn binary() -> Option<PathBuf> {
    let test = std::env::current_exe().unwrap();
    let path = test.parent()?.parent()?.join("examples").join(format!("rehearse{}", std::env::consts::EXE_SUFFIX));
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is not built; `cargo build --example rehearse` builds it", path.display());
    None
}

/// A folder of this test's own, removed when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("throughline-rehearse-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn run<'a>(binary: &Path, words: impl IntoIterator<Item = &'a str>) -> Output {
    Command::new(binary).args(words).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

const PLAYBOOK: &str = r#"{
    "version": 1, "name": "A corner shop", "currency": "EUR", "channels": {"in_app": {}},
    "policy": {"topics_default": "opt_out"},
    "segments": {"lookers": {"event": "Product Viewed", "within": "7d"}},
    "messages": {"reminder": {"variants": {"in_app": {"body": "Your cart is still here."}}}},
    "journeys": {"cart": {
        "trigger": {"event": "Product Added"}, "entry": "restart", "goal": {"event": "Order Completed"},
        "steps": [{"id": "a_day", "wait": "24h"}, {"id": "remind", "message": "reminder"}]
    }}
}"#;

fn line(name: &str, user: &str, at: &str) -> String {
    format!(r#"{{"type":"track","event":"{name}","userId":"{user}","messageId":"{user}-{at}","timestamp":"{at}"}}"#)
}

fn log() -> String {
    [
        line("Product Viewed", "anna", "2026-03-01T10:00:00Z"),
        line("Product Added", "anna", "2026-03-01T10:05:00Z"),
        line("Product Added", "ben", "2026-03-01T11:00:00Z"),
        line("Order Completed", "ben", "2026-03-01T12:00:00Z"),
        line("Product Added", "cleo", "2026-03-03T10:00:00Z"),
    ]
    .join("\n")
}

#[test]
fn without_arguments_a_generated_log_is_rehearsed_and_summed_up() {
    let Some(binary) = binary() else { return };
    let output = run(&binary, []);
    assert!(output.status.success(), "{}", err(&output));
    let text = out(&output);
    for part in
        ["generated log (seed 7)", "Customers", "lapsed", "win_back", "cart_reminder", "cost in EUR", "per second"]
    {
        assert!(text.contains(part), "no {part} in {text}");
    }
    assert_eq!(err(&output), "", "nothing but the progress bar belongs there, and only on a terminal");
}

#[test]
fn the_same_seed_writes_the_same_files_and_another_writes_others() {
    let Some(binary) = binary() else { return };
    let folders = [Folder::new(), Folder::new(), Folder::new()];
    for (folder, seed) in folders.iter().zip(["7", "7", "8"]) {
        let output = run(&binary, ["--seed", seed, "--until=2026-01-18", "--out", folder.0.to_str().unwrap()]);
        assert!(output.status.success(), "{}", err(&output));
    }
    let [one, same, other] = &folders;
    for file in ["log.ndjson", "summary.json"] {
        assert_eq!(one.read(file), same.read(file), "{file}");
        assert_ne!(one.read(file), other.read(file), "{file}");
    }
}

#[test]
fn every_line_of_the_log_is_json_with_a_time_a_customer_and_a_kind() {
    let Some(binary) = binary() else { return };
    let folder = Folder::new();
    run(&binary, ["--until", "2026-01-22", "--out", folder.0.to_str().unwrap()]);
    let (from, until): (Instant, Instant) = ("2026-01-05".parse().unwrap(), "2026-01-22".parse().unwrap());
    let (mut last, mut kinds, mut runs) = (from, BTreeMap::new(), BTreeSet::new());
    for line in folder.read("log.ndjson").lines() {
        // The struct refuses a key that comes twice.
        #[derive(serde::Deserialize)]
        struct Line {
            at: Instant,
            customer: String,
            what: String,
        }
        let read: Line = serde_json::from_str(line).unwrap_or_else(|wrong| panic!("{wrong}: {line}"));
        assert!(read.at >= last && read.at <= until, "{line}");
        assert_eq!(read.customer.len(), 32, "{line}");
        last = read.at;
        let all: Json = serde_json::from_str(line).unwrap();
        match read.what.as_str() {
            "run_begun" => assert!(runs.insert(all["run"].as_str().unwrap().to_owned()), "begun twice: {line}"),
            "run_ended" => assert!(runs.remove(all["run"].as_str().unwrap()), "ended, but not begun: {line}"),
            _ => {}
        }
        *kinds.entry(read.what).or_insert(0u64) += 1;
    }
    let count = |kind: &str| kinds.get(kind).copied().unwrap_or_default();
    assert_eq!(count("decided"), count("handed_over") + count("skipped") + count("deferred"), "{kinds:?}");
    let summary: Json = serde_json::from_str(&folder.read("summary.json")).unwrap();
    assert_eq!(summary["handed_over"].as_u64(), Some(count("handed_over")));
    assert_eq!(summary["merged"].as_u64(), Some(count("merged")));
    let events = summary["events"].as_u64().unwrap() + summary["duplicates"].as_u64().unwrap();
    assert_eq!(events, count("event"));
    let pending: u64 = summary["journeys"].as_object().unwrap().values().map(|j| j["pending"].as_u64().unwrap()).sum();
    assert_eq!(pending, runs.len() as u64);
    // What the log says of segments adds up to their sizes.
    let sizes: i64 = summary["segments"].as_object().unwrap().values().map(|size| size.as_i64().unwrap()).sum();
    assert_eq!(sizes, count("segment_entered") as i64 - count("segment_left") as i64);
}

#[test]
fn the_users_own_files_are_rehearsed_gzipped_or_not() {
    let Some(binary) = binary() else { return };
    let folder = Folder::new();
    let playbook = folder.write("playbook.json", PLAYBOOK);
    let plain = folder.write("events.ndjson", log());
    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    zip.write_all(log().as_bytes()).unwrap();
    let zipped = folder.write("events.ndjson.gz", zip.finish().unwrap());
    for events in [plain, zipped] {
        let target = folder.0.join("out");
        let words = ["--playbook", playbook.to_str().unwrap(), "--events", events.to_str().unwrap()];
        let output = run(&binary, words.into_iter().chain(["--out", target.to_str().unwrap()]));
        assert!(output.status.success(), "{}", err(&output));
        assert!(!out(&output).contains("generated"));
        let summary: Json = serde_json::from_str(&folder.read("out/summary.json")).unwrap();
        assert_eq!((&summary["events"], &summary["handed_over"]), (&5.into(), &2.into()));
        assert_eq!(summary["journeys"]["cart"]["ended"]["goal"], 1);
    }
}

#[test]
fn promise_3_4_malformed_lines_are_shown_with_line_and_field_and_the_run_goes_on() {
    let Some(binary) = binary() else { return };
    let folder = Folder::new();
    let playbook = folder.write("playbook.json", PLAYBOOK);
    let mut lines: Vec<Vec<u8>> = log().lines().map(|line| line.as_bytes().to_vec()).collect();
    lines.insert(1, br#"{"type":"track","event":"Product Added","userId":"dora","timestamp":"soon"}"#.to_vec());
    lines.insert(2, b"{".to_vec());
    lines.insert(3, b"".to_vec());
    lines.insert(4, br#"{"type":"track","event":"Product Added","userId":"dora"}"#.to_vec());
    lines.insert(5, b"\xff\xfe".to_vec());
    lines.extend((0..20).map(|_| b"nonsense".to_vec()));
    let events = folder.write("events.ndjson", lines.join(&b'\n'));
    let output = run(&binary, ["--playbook", playbook.to_str().unwrap(), "--events", events.to_str().unwrap()]);
    assert!(output.status.success());
    let complaints = err(&output);
    assert!(complaints.contains("line 2: field `timestamp`: expected a time"), "{complaints}");
    assert!(complaints.contains("line 3: not JSON"), "{complaints}");
    assert!(complaints.contains("line 5: field `timestamp`: missing"), "{complaints}");
    assert!(complaints.contains("line 6: not JSON"), "{complaints}");
    assert_eq!(complaints.lines().filter(|line| line.starts_with("line ")).count(), 10, "{complaints}");
    let text = out(&output);
    let row = |name: &str| text.lines().find(|line| line.contains(name)).unwrap_or_default().to_owned();
    assert!(row("malformed").ends_with(" 24"), "{text}");
    assert!(row("Messages handed over").ends_with(" 2"), "{text}");
}

#[test]
fn a_wrong_playbook_is_told_every_fault_with_its_path() {
    let Some(binary) = binary() else { return };
    let folder = Folder::new();
    let wrong = PLAYBOOK.replace("EUR", "euro").replace("\"message\": \"reminder\"", "\"message\": \"remainder\"");
    let playbook = folder.write("playbook.json", wrong);
    let output = run(&binary, ["--playbook", playbook.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let faults = err(&output);
    assert!(faults.contains("2 faults"), "{faults}");
    assert!(faults.contains("\n  $.currency: "), "{faults}");
    assert!(faults.contains("\n  $.journeys.cart.steps[1].message: "), "{faults}");
    assert!(faults.contains("did you mean `reminder`?"), "{faults}");
    assert_eq!(out(&output), "");
}

#[test]
fn wrong_arguments_are_named() {
    let Some(binary) = binary() else { return };
    for (words, said) in [
        (&["--evnts", "x"][..], "unknown argument `--evnts`"),
        (&["x"], "unknown argument `x`"),
        (&["--until", "soon"], "`--until soon`: expected a time"),
        (&["--out"], "`--out` needs a value"),
        (&["--events", "--until"], "`--events` needs a value"),
        (&["--seed=many"], "`--seed many`: expected a whole number"),
    ] {
        let output = run(&binary, words.iter().copied());
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(err(&output).contains(said), "{words:?}: {}", err(&output));
    }
    let output = run(&binary, ["--events", "/no/such/file.ndjson"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("/no/such/file.ndjson"));
    let output = run(&binary, ["--help"]);
    assert!(output.status.success() && out(&output).contains("--explain CUSTOMER"));
}

#[test]
fn until_an_instant_timers_fire_and_the_rest_is_pending() {
    let Some(binary) = binary() else { return };
    let folder = Folder::new();
    let playbook = folder.write("playbook.json", PLAYBOOK);
    let events = folder.write("events.ndjson", log());
    let words = ["--playbook", playbook.to_str().unwrap(), "--events", events.to_str().unwrap(), "--out"];
    // Anna's reminder is due at 2026-03-02T10:05:00Z; Cleo's cart is not filled yet.
    for (until, sent, pending) in [
        ("2026-03-02T10:04:59.999Z", 0, 1),
        ("2026-03-02T10:05:00Z", 1, 0),
        ("2026-03-03T10:00:00Z", 1, 1),
        ("2026-03-02T12:05:00+02:00", 1, 0),
    ] {
        let output = run(&binary, words.into_iter().chain([folder.0.to_str().unwrap(), "--until", until]));
        assert!(output.status.success(), "{}", err(&output));
        let summary: Json = serde_json::from_str(&folder.read("summary.json")).unwrap();
        assert_eq!(summary["handed_over"], sent, "{until}");
        assert_eq!(summary["journeys"]["cart"]["pending"], pending, "{until}");
        assert_eq!(out(&output).contains("pending: their timers are due after"), pending > 0, "{until}");
    }
}

#[test]
fn explain_tells_one_customers_story_by_any_of_their_names() {
    let Some(binary) = binary() else { return };
    let folder = Folder::new();
    let playbook = folder.write("playbook.json", PLAYBOOK);
    let visit =
        r#"{"type":"track","event":"Product Viewed","anonymousId":"laptop","timestamp":"2026-03-01T09:00:00Z"}"#;
    let found = r#"{"type":"identify","anonymousId":"laptop","userId":"anna","timestamp":"2026-03-01T10:01:00Z"}"#;
    let mut lines: Vec<String> = log().lines().map(str::to_owned).collect();
    lines.insert(0, visit.to_owned());
    lines.insert(2, found.to_owned());
    let events = folder.write("events.ndjson", lines.join("\n"));
    let words = ["--playbook", playbook.to_str().unwrap(), "--events", events.to_str().unwrap(), "--explain"];
    let explain = |name: &str| run(&binary, words.into_iter().chain([name]));
    let story = |output: &Output| out(output).split("A corner shop").next().unwrap_or_default().to_owned();
    let told = explain("anna");
    assert!(told.status.success(), "{}", err(&told));
    let anna = story(&told);
    let mut rest = anna.as_str();
    for part in [
        "2026-03-01T09:00:00Z",
        "Product Viewed",
        "[visitor laptop]",
        "identify",
        "becomes part of this one",
        "Product Added",
        "cart begins",
        "2026-03-02T10:05:00Z",
        "decides reminder at 2026-03-02T10:05:00Z: send on in_app",
        "worth",
        "reminder is handed over on in_app",
        "cart ends: completed",
    ] {
        let at = rest.find(part).unwrap_or_else(|| panic!("no `{part}` in its place in:\n{anna}"));
        rest = &rest[at + part.len()..];
    }
    assert!(!anna.contains("Order Completed"), "that is Ben's: {anna}");
    let by_visitor = story(&explain("laptop"));
    assert_eq!(anna.lines().skip(1).collect::<Vec<_>>(), by_visitor.lines().skip(1).collect::<Vec<_>>());
    let nobody = explain("nobody");
    assert_eq!(nobody.status.code(), Some(1));
    assert!(err(&nobody).contains("nobody in this log is known as `nobody`"));
}

#[test]
fn another_playbook_is_compared_and_journeys_are_drawn_with_their_counts() {
    let Some(binary) = binary() else { return };
    let folder = Folder::new();
    let (playbook, events) = (folder.write("playbook.json", PLAYBOOK), folder.write("events.ndjson", log()));
    let other = folder.write("other.json", PLAYBOOK.replace("24h", "30h"));
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let words = [
        "--playbook",
        &path(&playbook),
        "--events",
        &path(&events),
        "--compare",
        &path(&other),
        "--out",
        &path(&folder.0),
        "--draw",
        &path(&folder.0.join("drawn")),
    ]
    .map(str::to_owned);
    let output = run(&binary, words.iter().map(String::as_str));
    assert!(output.status.success(), "{}", err(&output));
    let text = out(&output);
    assert!(text.contains("6h later"), "{text}");
    // One of three added nothing after the order; the other two hear six hours later.
    let changes: Vec<Json> =
        folder.read("changes.ndjson").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(changes.len(), 2);
    assert!(changes.iter().all(|line| line["change"] == "later" && line["by"] == "6h"), "{changes:?}");
    let drawn = folder.read("drawn/cart.mmd");
    assert!(drawn.contains("2 handed over") && drawn.contains("3 begun"), "{drawn}");
    assert!(folder.read("drawn/cart.dot").starts_with("digraph"));

    let broken = folder.write("broken.json", PLAYBOOK.replace("\"reminder\"}", "\"remainder\"}"));
    let output = run(&binary, ["--compare", broken.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("did you mean `reminder`?"), "{}", err(&output));
}
