//! Replies that say no more than "stop", in whatever language, and those that say "start" again.

use super::rules::texts;
use crate::primitives::fault::Object;

/// What a reply of one word asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// To be left alone on this kind of channel.
    Stop,
    /// To be written to again.
    Start,
}

/// The words of the US rule, 47 CFR 64.1200(a)(10), in their usual spellings, and `stopall`, which US carriers take for
/// one as well.
const STOP: [&str; 9] = ["stop", "quit", "end", "revoke", "opt out", "optout", "cancel", "unsubscribe", "stopall"];

/// No word of the kind is longer, and no letter has more bytes: what is longer says more.
const LONGEST: usize = 200;

/// The words, as [`plain`] writes them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Words {
    stop: Box<[Box<str>]>,
    start: Box<[Box<str>]>,
}

impl Default for Words {
    fn default() -> Self {
        Words { stop: STOP.map(Box::from).into(), start: Box::default() }
    }
}

impl Words {
    /// `stop_words` are added to the built-in ones; without `start_words` no reply opts in.
    pub(super) fn decode(object: &Object<'_>) -> Words {
        let read = |name: &str| -> Vec<Box<str>> {
            let texts = object.get(name).map(|node| texts(&node)).unwrap_or_default();
            texts
                .into_iter()
                .filter_map(|(node, text)| match plain(text) {
                    word if word.is_empty() || word.len() > LONGEST => {
                        node.fault("expected a word or a few, which a whole reply consists of");
                        None
                    }
                    word => Some(word.into()),
                })
                .collect()
        };
        let start = read("start_words");
        let stop: Vec<Box<str>> = STOP.map(Box::from).into_iter().chain(read("stop_words")).collect();
        for both in start.iter().filter(|word| stop.contains(word)) {
            let place = format!("{}.start_words", object.node().path());
            object.node().fault_at(&place, format!("`{both}` asks to stop; it cannot ask to start as well"));
        }
        Words { stop: stop.into(), start: start.into() }
    }

    /// What a whole reply asks for, if it is one of the words.
    pub(super) fn read(&self, reply: &str) -> Option<Word> {
        let reply = reply.trim();
        if reply.len() > LONGEST {
            return None;
        }
        let reply = plain(reply);
        let is_in = |words: &[Box<str>]| words.iter().any(|word| **word == *reply);
        if is_in(&self.stop) {
            Some(Word::Stop)
        } else if is_in(&self.start) {
            Some(Word::Start)
        } else {
            None
        }
    }
}

/// Without case, punctuation and doubled spaces.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    // Through upper case, so that `ß` is `SS` and both sigmas are one.
    for c in text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            plain.push(c);
        } else if c.is_whitespace() && !plain.is_empty() && !plain.ends_with(' ') {
            plain.push(' ');
        }
    }
    plain.truncate(plain.trim_end().len());
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promise_4_1_a_reply_that_is_a_stop_word_and_nothing_else_asks_to_stop() {
        let words = Words {
            stop: ["stop", "opt out", "optout", "arrêt", "στοπ", "schluss", "रोकें", "iptal"]
                .map(|w| plain(w).into())
                .into(),
            start: ["start"].map(Box::from).into(),
        };
        for text in [
            "STOP",
            " Stop. ",
            "stop!!!",
            "\"Stop\"",
            "Opt-Out",
            "opt  out",
            "OPT OUT!",
            "OptOut",
            "S.T.O.P",
            "STOP 🛑",
            "ARRÊT",
            "ΣΤΟΠ",
            "στόπ",
            "Schluß",
            "SCHLUSS",
            "रोकें",
            "İPTAL",
            "stop\n",
        ] {
            // An accent is another letter: a shop lists both spellings.
            let wanted = (text != "στόπ").then_some(Word::Stop);
            assert_eq!(words.read(text), wanted, "{text}");
        }
        for text in ["", "!", "don't stop", "stop it", "stopp", "start me", "stops", &"stop ".repeat(50)] {
            assert_eq!(words.read(text), None, "{text}");
        }
        assert_eq!(words.read("Start!"), Some(Word::Start));
        assert_eq!(Words::default().read("start"), None);
        for text in
            ["stop", "quit", "end", "revoke", "opt out", "opt-out", "optout", "cancel", "unsubscribe", "stopall"]
        {
            assert_eq!(Words::default().read(text), Some(Word::Stop), "{text}");
        }
    }
}
