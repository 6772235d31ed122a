//! Where the lines of the log come from. One line is held at a time.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use indicatif::ProgressBar;
use throughline::Instant;

use crate::generator::Generator;

/// A log, line by line.
pub enum Source {
    Generated(Box<Generator>),
    File(Box<dyn BufRead>),
}

impl Source {
    pub fn generated(seed: u64, until: Option<Instant>) -> Self {
        Source::Generated(Box::new(Generator::new(seed, until)))
    }

    /// Opens a log; the bar shows how much of the file is read. A gzipped one is known by its first bytes.
    pub fn open(path: &Path, bar: &ProgressBar) -> io::Result<Self> {
        let file = File::open(path)?;
        bar.set_length(file.metadata()?.len());
        let mut plain = BufReader::with_capacity(1 << 16, bar.wrap_read(file));
        let zipped = plain.fill_buf()?.starts_with(&[0x1f, 0x8b]);
        let read: Box<dyn Read> = if zipped { Box::new(MultiGzDecoder::new(plain)) } else { Box::new(plain) };
        Ok(Source::File(Box::new(BufReader::with_capacity(1 << 16, read))))
    }

    /// The next line, into `line`; `false` at the end. What is no UTF-8 becomes a line that no event can be read from.
    pub fn next(&mut self, line: &mut String) -> io::Result<bool> {
        line.clear();
        match self {
            Source::Generated(generator) => {
                let Some(made) = generator.next() else { return Ok(false) };
                *line = made;
            }
            Source::File(file) => {
                let mut bytes = std::mem::take(line).into_bytes();
                if file.read_until(b'\n', &mut bytes)? == 0 {
                    return Ok(false);
                }
                *line = String::from_utf8(bytes).unwrap_or_else(|_| "\u{fffd}".to_owned());
            }
        }
        Ok(true)
    }
}
