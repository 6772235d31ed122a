//! What the command line asks for.

use std::path::PathBuf;

use throughline::Instant;

/// Printed by `--help`.
pub const HELP: &str = "\
Rehearses a shop's journeys over an event log, under virtual time: who would have got what, where and when.

    rehearse [--playbook FILE.json] [--events FILE.ndjson[.gz]] [--until TIME] [--out DIR]
             [--explain CUSTOMER] [--compare OTHER.json] [--draw DIR] [--seed N]

Without arguments: the bundled playbook `examples/playbooks/demo.json` over a generated log, with generated receipts.

  --playbook FILE      the playbook; default: the bundled one
  --events FILE        events of the Segment Spec, one JSON object per line, in the order of time; may be gzipped.
                       Channels then only record, and receipts are those of the log. Default: a generated log
  --until TIME         timers due at or before TIME fire, the rest is reported as pending, and later events are not
                       read; RFC 3339 or a date (its midnight in UTC). Default: until no timer is left, or 90 days
                       after the last event
  --out DIR            writes DIR/log.ndjson and DIR/summary.json (see examples/rehearse/FORMATS.md)
  --explain CUSTOMER   prints the story of one customer, by user id, visitor id or record id
  --compare OTHER      rehearses the same log with another playbook too, and tells who would get what more, less, earlier,
                       later or on another channel; with --out also writes DIR/changes.ndjson
  --draw DIR           writes a picture of each journey, with what was counted at its steps, as DIR/JOURNEY.mmd (Mermaid)
                       and DIR/JOURNEY.dot (Graphviz)
  --seed N             another generated log (default 7); without effect on a log of your own
  --help               this text

Exit code: 0 when it ran through, 1 when a file could not be read or written, 2 when the arguments or the playbook
are wrong.";

/// What to do.
#[derive(Debug, Default)]
pub struct Arguments {
    pub playbook: Option<PathBuf>,
    pub events: Option<PathBuf>,
    pub until: Option<Instant>,
    pub out: Option<PathBuf>,
    pub explain: Option<String>,
    pub compare: Option<PathBuf>,
    pub draw: Option<PathBuf>,
    pub seed: Option<u64>,
    pub help: bool,
}

impl Arguments {
    /// Reads `--flag value` and `--flag=value`.
    pub fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut arguments = Arguments::default();
        let mut words = words;
        while let Some(word) = words.next() {
            let (flag, inline) = match word.split_once('=') {
                Some((flag, value)) if flag.starts_with("--") => (flag.to_owned(), Some(value.to_owned())),
                _ => (word, None),
            };
            if matches!(flag.as_str(), "--help" | "-h") {
                arguments.help = true;
                continue;
            }
            let known = ["--playbook", "--events", "--until", "--out", "--explain", "--compare", "--draw", "--seed"];
            if !known.contains(&flag.as_str()) {
                return Err(format!("unknown argument `{flag}`; see --help"));
            }
            let value = inline.or_else(|| words.next()).filter(|value| !value.is_empty() && !value.starts_with("--"));
            let Some(value) = value else { return Err(format!("`{flag}` needs a value; see --help")) };
            match flag.as_str() {
                "--playbook" => arguments.playbook = Some(value.into()),
                "--events" => arguments.events = Some(value.into()),
                "--out" => arguments.out = Some(value.into()),
                "--compare" => arguments.compare = Some(value.into()),
                "--draw" => arguments.draw = Some(value.into()),
                "--explain" => arguments.explain = Some(value),
                "--until" => {
                    arguments.until = Some(value.parse().map_err(|wrong| format!("`--until {value}`: {wrong}"))?)
                }
                _ => {
                    let wrong = |_| format!("`--seed {value}`: expected a whole number");
                    arguments.seed = Some(value.parse().map_err(wrong)?);
                }
            }
        }
        Ok(arguments)
    }
}
