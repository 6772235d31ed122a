//! Rehearses a shop's journeys over an event log under virtual time: who would have got what, where and when, and why not
//! the rest. `cargo run --release --example rehearse -- --help` says what it takes.
//!
//! A thin shell over [`Rehearsal`]: reading lines, a progress bar, files, and a report for people.

mod arguments;
mod compare;
mod drawing;
mod generator;
mod receipts;
mod source;
mod story;
mod summary;

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant as Clock;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use throughline::{
    AFTERWARDS, Comparison, CustomerId, Event, EventError, Faults, HandOvers, LogLine, LogWhat, Playbook, Rehearsal,
    What,
};

use crate::arguments::{Arguments, HELP};
use crate::receipts::GeneratedReceipts;
use crate::source::Source;
use crate::story::Teller;
use crate::summary::{Reading, report};

/// The playbook of the demo, so that the example needs no file.
const DEMO: &str = include_str!("../playbooks/demo.json");
const SEED: u64 = 7;
/// Malformed lines that are shown; further ones are only counted.
const SHOWN: u64 = 10;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(wrong) => {
            eprintln!("rehearse: {wrong}");
            wrong.code()
        }
    }
}

/// Why there is nothing to report.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Arguments(String),
    #[error("the playbook {0} has {1}")]
    Playbook(String, Faults),
    #[error("{path}: {wrong}", path = .0.display(), wrong = .1)]
    File(PathBuf, io::Error),
    #[error(transparent)]
    Output(#[from] io::Error),
    #[error("the report could not be made")]
    Report(#[from] std::fmt::Error),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

impl Failure {
    fn code(&self) -> ExitCode {
        match self {
            // Whoever asked for less than everything, such as `| head`, is not to be told of it.
            Failure::Output(wrong) if wrong.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Failure::Arguments(_) | Failure::Playbook(..) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }

    fn file(path: &Path) -> impl FnOnce(io::Error) -> Failure {
        move |wrong| Failure::File(path.to_owned(), wrong)
    }
}

fn run() -> Result<ExitCode, Failure> {
    let arguments = Arguments::parse(std::env::args().skip(1)).map_err(Failure::Arguments)?;
    let mut out = io::stdout().lock();
    if arguments.help {
        writeln!(out, "{HELP}")?;
        return Ok(ExitCode::SUCCESS);
    }
    let playbook = playbook(arguments.playbook.as_deref())?;
    // Faults of the second playbook are told before the first one is rehearsed.
    let other = arguments.compare.as_deref().map(|path| self::playbook(Some(path))).transpose()?;
    let log = arguments.out.as_deref().map(LogFile::create).transpose()?;
    let merged = RefCell::new(Vec::new());
    let before = RefCell::new(HandOvers::default());
    let mut observer = |line: &LogLine<'_>| {
        if let LogWhat::Notice(What::Merged { record }) = line.what {
            merged.borrow_mut().push((line.customer, *record));
        }
        if let Some(log) = &log {
            log.write(line);
        }
        if other.is_some() {
            before.borrow_mut().hear(line);
        }
    };
    // Explaining every decision takes time: only if somebody reads it.
    let explained = log.is_some() || arguments.explain.is_some();
    let observed = explained || other.is_some();
    let observer: Option<&mut dyn FnMut(&LogLine<'_>)> = if observed { Some(&mut observer) } else { None };
    let pass = Pass { observer, explained, before: &mut |_: &Event| {}, first: true };
    let (rehearsal, reading) = rehearse(&playbook, &arguments, pass)?;
    let summary = rehearsal.summary().clone();
    let records = arguments.explain.as_deref().map(|name| story::records(&rehearsal, name, &merged.borrow()));
    drop(rehearsal);
    if let Some(log) = log {
        log.finish(&serde_json::to_string_pretty(&summary)?)?;
    }
    let mut code = ExitCode::SUCCESS;
    match records.zip(arguments.explain.as_deref()) {
        Some((records, name)) if records.is_empty() => {
            eprintln!("rehearse: nobody in this log is known as `{name}`");
            code = ExitCode::FAILURE;
        }
        Some((records, name)) => {
            writeln!(out, "The story of {name}\n")?;
            out.write_all(tell(&playbook, &arguments, records)?.as_bytes())?;
            writeln!(out)?;
        }
        None => {}
    }
    out.write_all(report(&playbook, &summary, &reading)?.as_bytes())?;
    if let (Some(other), Some(path)) = (&other, &arguments.compare) {
        let comparison = Comparison::of(&before.borrow(), &hand_overs(other, &arguments)?);
        out.write_all(compare::report(&comparison, &path.display().to_string())?.as_bytes())?;
        if let Some(folder) = &arguments.out {
            let changes = folder.join("changes.ndjson");
            write_changes(&comparison, &changes).map_err(Failure::file(&changes))?;
            writeln!(out, "Written: {}.", changes.display())?;
        }
    }
    if let Some(folder) = &arguments.draw {
        let drawn = drawing::draw(&playbook, &summary, folder).map_err(|(path, wrong)| Failure::File(path, wrong))?;
        writeln!(out, "Drawn in {}, as .mmd and .dot: {}.", folder.display(), drawn.join(", "))?;
    }
    if let Some(folder) = &arguments.out {
        let (log, summary) = (folder.join("log.ndjson"), folder.join("summary.json"));
        writeln!(out, "Written: {} and {}.", log.display(), summary.display())?;
    }
    Ok(code)
}

/// What the log would have handed over with another playbook.
fn hand_overs(playbook: &Arc<Playbook>, arguments: &Arguments) -> Result<HandOvers, Failure> {
    let mut heard = HandOvers::default();
    let mut observer = |line: &LogLine<'_>| heard.hear(line);
    let pass = Pass { observer: Some(&mut observer), explained: false, before: &mut |_: &Event| {}, first: false };
    drop(rehearse(playbook, arguments, pass)?);
    Ok(heard)
}

fn write_changes(comparison: &Comparison, path: &Path) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for changed in &comparison.changes {
        serde_json::to_writer(&mut file, changed)?;
        file.write_all(b"\n")?;
    }
    file.flush()
}

fn playbook(path: Option<&Path>) -> Result<Arc<Playbook>, Failure> {
    let (name, json) = match path {
        Some(path) => (path.display().to_string(), fs::read_to_string(path).map_err(Failure::file(path))?),
        None => ("bundled with the example".to_owned(), DEMO.to_owned()),
    };
    let playbook = Playbook::from_json(&json).map_err(|faults| Failure::Playbook(name, faults))?;
    playbook.warnings().iter().for_each(|warning| eprintln!("warning: {warning}"));
    Ok(Arc::new(playbook))
}

/// One way through the log.
struct Pass<'o> {
    observer: Option<&'o mut dyn FnMut(&LogLine<'_>)>,
    /// Whether it reads explanations.
    explained: bool,
    /// Sees each event before it is taken.
    before: &'o mut dyn FnMut(&Event),
    /// Whether malformed lines are shown.
    first: bool,
}

/// Feeds the log, line by line, to a rehearsal.
fn rehearse<'o>(
    playbook: &Arc<Playbook>,
    arguments: &Arguments,
    pass: Pass<'o>,
) -> Result<(Rehearsal<'o>, Reading), Failure> {
    let clock = Clock::now();
    let seed = arguments.seed.unwrap_or(SEED);
    let bar = progress(arguments.events.is_some());
    let mut rehearsal = Rehearsal::new(playbook.clone());
    if let Some(observer) = pass.observer {
        rehearsal = rehearsal.with_observer(observer);
        if !pass.explained {
            rehearsal = rehearsal.unexplained();
        }
    }
    let (mut source, name) = match &arguments.events {
        Some(path) => (Source::open(path, &bar).map_err(Failure::file(path))?, path.display().to_string()),
        None => {
            rehearsal = rehearsal.with_model(GeneratedReceipts::new(seed));
            (Source::generated(seed, arguments.until), format!("a generated log (seed {seed})"))
        }
    };
    let mut reading = Reading {
        source: name,
        generated: arguments.events.is_none(),
        read: 0,
        late: 0,
        left_out: 0,
        span: None,
        sizes: Default::default(),
        end: throughline::Instant::default(),
        took: Default::default(),
    };
    let (mut text, mut line) = (String::new(), 0u64);
    loop {
        let more = source.next(&mut text);
        if !more.map_err(Failure::file(arguments.events.as_deref().unwrap_or(Path::new("generated log"))))? {
            break;
        }
        line += 1;
        if text.trim().is_empty() {
            continue;
        }
        if let Err(wrong) = take(&mut rehearsal, &mut reading, &text, arguments, pass.before) {
            rehearsal.malformed();
            if pass.first {
                complain(&bar, rehearsal.summary().malformed, line, &wrong);
            }
        }
        if let (None, Some((_, at))) = (&arguments.events, reading.span) {
            let (begin, _) = generator::duration();
            bar.set_position(u64::try_from((at - begin).as_millis()).unwrap_or_default());
        }
    }
    bar.finish_and_clear();
    reading.sizes = rehearsal.summary().segments.clone();
    let end = reading.span.map(|(_, last)| last + AFTERWARDS);
    reading.end = arguments.until.or(end).unwrap_or_default();
    rehearsal.run_until(arguments.until);
    reading.took = clock.elapsed();
    Ok((rehearsal, reading))
}

/// Takes one line.
fn take(
    rehearsal: &mut Rehearsal<'_>,
    reading: &mut Reading,
    text: &str,
    arguments: &Arguments,
    before: &mut dyn FnMut(&Event),
) -> Result<(), EventError> {
    let event = Event::from_json(text)?;
    if let Some(at) = event.timestamp {
        if arguments.until.is_some_and(|until| at > until) {
            reading.left_out += 1;
            return Ok(());
        }
        before(&event);
        let (first, last) = reading.span.unwrap_or((at, at));
        reading.late += u64::from(at < last);
        reading.span = Some((first.min(at), last.max(at)));
        reading.read += 1;
    }
    rehearsal.event(event)
}

/// How far the reading is: in bytes of a file, else in the generated log's own time. Hidden where stderr is no terminal.
fn progress(of_a_file: bool) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    let shape = if of_a_file {
        "{bar:40} {bytes} of {total_bytes}, {eta} left"
    } else {
        let (begin, end) = generator::duration();
        bar.set_length(u64::try_from((end - begin).as_millis()).unwrap_or_default());
        "{bar:40} {percent} %, {eta} left"
    };
    if let Ok(style) = ProgressStyle::with_template(shape) {
        bar.set_style(style);
    }
    bar
}

fn complain(bar: &ProgressBar, count: u64, line: u64, wrong: &EventError) {
    let place = if wrong.field.is_empty() { String::new() } else { format!("field `{}`: ", wrong.field) };
    bar.suspend(|| match count {
        0..=SHOWN => eprintln!("line {line}: {place}{}", wrong.problem),
        _ if count == SHOWN + 1 => eprintln!("further malformed lines are only counted"),
        _ => {}
    });
}

/// Rehearses a second time, and tells what concerns some records: which ones belong to a customer is known only at the
/// end, and to keep everybody's story until then would take memory that grows with the log.
fn tell(
    playbook: &Arc<Playbook>,
    arguments: &Arguments,
    records: std::collections::BTreeSet<CustomerId>,
) -> Result<String, Failure> {
    let teller = RefCell::new(Teller::new(records));
    let mut observer = |line: &LogLine<'_>| teller.borrow_mut().hear(line);
    let mut before = |event: &Event| teller.borrow_mut().next_event(event);
    rehearse(
        playbook,
        arguments,
        Pass { observer: Some(&mut observer), explained: true, before: &mut before, first: false },
    )?;
    let story = teller.borrow().story().to_owned();
    Ok(story)
}

/// `log.ndjson`, and `summary.json` beside it.
struct LogFile {
    folder: PathBuf,
    file: RefCell<Result<BufWriter<File>, io::Error>>,
}

impl LogFile {
    fn create(folder: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(folder).map_err(Failure::file(folder))?;
        let path = folder.join("log.ndjson");
        let file = File::create(&path).map_err(Failure::file(&path))?;
        Ok(LogFile { folder: folder.to_owned(), file: RefCell::new(Ok(BufWriter::with_capacity(1 << 16, file))) })
    }

    /// An observer cannot fail; the first failure is kept for [`finish`](Self::finish).
    fn write(&self, line: &LogLine<'_>) {
        let mut slot = self.file.borrow_mut();
        let Ok(file) = slot.as_mut() else { return };
        let written =
            serde_json::to_writer(&mut *file, line).map_err(io::Error::from).and_then(|()| file.write_all(b"\n"));
        if let Err(wrong) = written {
            *slot = Err(wrong);
        }
    }

    fn finish(self, summary: &str) -> Result<(), Failure> {
        let log = self.folder.join("log.ndjson");
        self.file.into_inner().and_then(|mut file| file.flush()).map_err(Failure::file(&log))?;
        let path = self.folder.join("summary.json");
        fs::write(&path, format!("{summary}\n")).map_err(Failure::file(&path))
    }
}
