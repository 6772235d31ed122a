//! Cutting text to the limits of a channel (promise 9.2).
//!
//! What is cut keeps its beginning. It ends after a whole word, or after a whole grapheme where not even one word fits,
//! with an ellipsis that counts towards the limit. A link (`http://` or `https://`) is kept whole or left out with all
//! that follows it, so a text that may be cut has its link near the beginning. Where only the ellipsis fits it is all
//! that is left, and where not even that fits, nothing.

use std::borrow::Cow;
use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::sms::{SmsEncoding, count};

/// Cuts a text to at most so many graphemes: what a reader takes for one character, such as `é` or a flag.
///
/// ```
/// use throughline::message::fit::fit_graphemes;
/// assert_eq!(fit_graphemes("Your basket misses you", 22), "Your basket misses you");
/// assert_eq!(fit_graphemes("Your basket misses you", 21), "Your basket misses…");
/// assert_eq!(fit_graphemes("See https://shop.example/sale", 20), "See…");
/// ```
pub fn fit_graphemes(text: &str, max_graphemes: usize) -> Cow<'_, str> {
    fit(text, |part| part.graphemes(true).count() <= max_graphemes, |_| "…")
}

/// Cuts a text to at most so many bytes of UTF-8.
///
/// ```
/// use throughline::message::fit::fit_bytes;
/// assert_eq!(fit_bytes("Grüße aus Köln", 14), "Grüße aus…");
/// ```
pub fn fit_bytes(text: &str, max_bytes: usize) -> Cow<'_, str> {
    fit(text, |part| part.len() <= max_bytes, |_| "…")
}

/// Cuts a text to at most so many parts of a text message, as [`count`] counts them.
///
/// The ellipsis is `...` where the kept text is in the GSM alphabet, in which `…` is not. A character outside that
/// alphabet may be what makes a text too long; the text is then cut before it, if that keeps more.
///
/// ```
/// use throughline::message::fit::fit_parts;
/// use throughline::message::sms::count;
/// let long = "Everything must go. ".repeat(20);
/// let short = fit_parts(&long, 1);
/// assert!(short.ends_with("must..."));
/// assert_eq!((count(&short).parts, count(&short).units), (1, 158));
/// ```
pub fn fit_parts(text: &str, max_parts: usize) -> Cow<'_, str> {
    let ellipsis = |kept: &str| match SmsEncoding::of(kept) {
        SmsEncoding::Gsm7 => "...",
        SmsEncoding::Ucs2 => "…",
    };
    fit(text, |part| count(part).parts <= max_parts, ellipsis)
}

/// The longest beginning of the text that passes with its ellipsis.
///
/// What fits must be a matter of length: if a text passes, so does every beginning of it.
fn fit<'t>(text: &'t str, fits: impl Fn(&str) -> bool, ellipsis: impl Fn(&str) -> &'static str) -> Cow<'t, str> {
    if fits(text) {
        return Cow::Borrowed(text);
    }
    let links = links(text);
    let shorten = |at: usize| {
        let kept = text.get(..at).unwrap_or_default();
        let link_end = links.iter().map(|link| link.end).rfind(|end| *end <= at).unwrap_or(0);
        let trimmed = kept.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':')).len();
        let kept = kept.get(..trimmed.max(link_end)).unwrap_or_default();
        // A link that ends the kept text needs a space, or the ellipsis would be taken for a part of it.
        let space = if link_end > 0 && trimmed <= link_end { " " } else { "" };
        format!("{kept}{space}{}", ellipsis(kept))
    };
    let cuts: Vec<usize> = text
        .grapheme_indices(true)
        .map(|(at, _)| at)
        .filter(|at| *at > 0 && !links.iter().any(|link| link.start < *at && *at < link.end))
        .collect();
    let words = word_ends(text);
    let ends_word = |at: &usize| words.binary_search(at).is_ok() || links.iter().any(|link| link.start == *at);
    let at_words: Vec<usize> = cuts.iter().copied().filter(ends_word).collect();
    // The cuts are in order and fit up to some one of them.
    let last = |cuts: &[usize]| cuts.get(cuts.partition_point(|at| fits(&shorten(*at))).checked_sub(1)?).copied();
    match last(&at_words).or_else(|| last(&cuts)) {
        Some(at) => Cow::Owned(shorten(at)),
        None => Some(ellipsis("")).filter(|dots| fits(dots)).map_or(Cow::Borrowed(""), Cow::Borrowed),
    }
}

/// Where a word has just ended: before white space and, for scripts that put none between words, at the boundaries of
/// Unicode's standard annex 29 between two letters.
fn word_ends(text: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut before = ' ';
    for (at, word) in text.split_word_bound_indices() {
        let after = word.chars().next().unwrap_or(' ');
        let unspaced = after.is_alphanumeric() && (before.is_alphanumeric() || is_full_stop(before));
        if unspaced || (after.is_whitespace() && !before.is_whitespace()) {
            ends.push(at);
        }
        before = word.chars().next_back().unwrap_or(' ');
    }
    ends
}

/// The stops that Chinese and Japanese put between words and sentences, without a space.
fn is_full_stop(c: char) -> bool {
    matches!(c, '、' | '。' | '，' | '！' | '？' | '；' | '：' | '」' | '』' | '）')
}

/// The links in a text: from `http://` or `https://` up to what cannot be a part of one.
fn links(text: &str) -> Vec<Range<usize>> {
    let mut links: Vec<Range<usize>> = Vec::new();
    for (colon, _) in text.match_indices("://") {
        let Some((before, link)) = text.split_at_checked(colon) else { continue };
        let scheme = ["https", "http"].into_iter().find(|scheme| {
            let start = before.len().checked_sub(scheme.len());
            start.and_then(|start| before.get(start..)).is_some_and(|found| found.eq_ignore_ascii_case(scheme))
        });
        if let Some(scheme) = scheme
            && links.last().is_none_or(|last| last.end <= colon)
        {
            let ends = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"') || is_full_stop(c);
            let length = link.find(ends).unwrap_or(link.len());
            links.push(colon - scheme.len()..colon + length);
        }
    }
    links
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn promise_9_2_text_is_cut_at_a_word_with_an_ellipsis() {
        let text = "Only today, all coats";
        for (max, expected) in
            [(21, text), (20, "Only today, all…"), (15, "Only today…"), (11, "Only today…"), (10, "Only…")]
        {
            assert_eq!(fit_graphemes(text, max), expected, "{max}");
        }
        // Numbers and their signs are not words apart.
        assert_eq!(fit_graphemes("Now 20% off", 7), "Now…");
        assert_eq!(fit_graphemes("Don't wait", 8), "Don't…");
    }

    #[test]
    fn promise_9_2_a_word_that_does_not_fit_is_cut_at_a_grapheme() {
        assert_eq!(fit_graphemes("Donaudampfschifffahrt", 6), "Donau…");
        assert_eq!(fit_graphemes("🇩🇪🇫🇷🇮🇹", 2), "🇩🇪…");
        assert_eq!(fit_graphemes("👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧", 2), "👨‍👩‍👧…");
        assert_eq!(fit_bytes("e\u{301}e\u{301}e\u{301}", 8), "e\u{301}…");
    }

    #[test]
    fn promise_9_2_scripts_without_spaces_are_cut_between_words() {
        assert_eq!(fit_graphemes("本日限定、全品半額です", 6), "本日限定、…");
        assert_eq!(fit_graphemes("スーパーセール開催中", 9), "スーパーセール開…");
    }

    #[test]
    fn promise_9_2_a_link_is_never_cut() {
        let text = "Look: https://shop.example/a?b=c,d now";
        assert_eq!(fit_graphemes(text, 37), "Look: https://shop.example/a?b=c,d…"[..34].to_string() + " …");
        assert_eq!(fit_graphemes(text, 35), "Look…");
        // What ends a link is not trimmed as punctuation, whatever follows it.
        assert_eq!(fit_graphemes("http://a.example/?, http://b.example/", 25), "http://a.example/?, …");
        // Not even where it is all there is.
        assert_eq!(fit_graphemes("HTTPS://shop.example/sale", 10), "…");
        assert_eq!(fit_bytes("https://shop.example/sale", 2), "");
        assert_eq!(fit_graphemes("今日→https://shop.example/販売。次は", 8), "今日→…");
    }

    #[test]
    fn promise_9_2_the_ellipsis_does_not_switch_the_encoding() {
        let text = "word ".repeat(40);
        let cut = fit_parts(&text, 1);
        assert!(cut.ends_with("word...") && cut.len() <= 160);
        let text = "слово ".repeat(40);
        assert!(fit_parts(&text, 2).ends_with("слово…"));
        // The emoji would make three parts of it.
        let text = format!("{} 🎁", "word ".repeat(30));
        assert_eq!(fit_parts(&text, 1), format!("{}...", "word ".repeat(30).trim_end()));
    }

    #[test]
    fn limits_that_nothing_fits_into_leave_nothing() {
        assert_eq!(fit_graphemes("text", 0), "");
        assert_eq!(fit_bytes("text", 2), "");
        assert_eq!(fit_parts("text", 0), "");
        assert_eq!(fit_graphemes("", 0), "");
    }

    fn texts() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            4 => "[a-zé]{1,12}",
            2 => Just(" ".to_owned()),
            1 => "[,.;!? \n]{1,3}",
            1 => "[€\\[\\]]{1,4}",
            1 => prop::sample::select(vec!["🇩🇪", "👨‍👩‍👧", "e\u{301}", "日本語", "слово", "\r\n"]).prop_map(str::to_owned),
            1 => "https?://[a-z]{1,9}\\.example/[a-z/?=,]{0,20}",
        ];
        prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
    }

    /// Checks what holds for every cut text, and gives the part of the original that was kept.
    fn kept<'t>(text: &'t str, cut: &str) -> Result<&'t str, TestCaseError> {
        let shared = cut.strip_suffix("...").or_else(|| cut.strip_suffix('…')).unwrap_or(cut);
        let shared = shared.strip_suffix(' ').unwrap_or(shared);
        let shared = text.get(..shared.len()).filter(|kept| *kept == shared);
        prop_assert!(shared.is_some(), "{cut:?} does not begin {text:?}");
        let shared = shared.unwrap();
        let whole = |at| text.grapheme_indices(true).any(|(start, _)| start == at) || at == text.len();
        prop_assert!(whole(shared.len()), "{cut:?} splits a grapheme of {text:?}");
        // A naive search for links: every word that begins with, or has within it, a scheme.
        for word in text.split(char::is_whitespace) {
            if let Some(inside) = word.find("http") {
                let start = word.as_ptr() as usize - text.as_ptr() as usize + inside;
                let end = start + word.len() - inside;
                let link = word[inside..].starts_with("http://") || word[inside..].starts_with("https://");
                prop_assert!(
                    !link || shared.len() <= start || shared.len() >= end,
                    "{cut:?} splits a link of {text:?}"
                );
            }
        }
        Ok(shared)
    }

    proptest! {
        #[test]
        fn promise_9_2_what_is_cut_fits(text in texts(), max in 0usize..200) {
            let graphemes = fit_graphemes(&text, max);
            prop_assert!(graphemes.graphemes(true).count() <= max);
            prop_assert_eq!(graphemes == text, text.graphemes(true).count() <= max || text.is_empty());
            kept(&text, &graphemes)?;
            let bytes = fit_bytes(&text, max);
            prop_assert!(bytes.len() <= max);
            prop_assert_eq!(bytes == text, text.len() <= max);
            kept(&text, &bytes)?;
            let parts = fit_parts(&text, max % 5);
            prop_assert!(max % 5 == 0 || count(&parts).parts <= max % 5);
            prop_assert_eq!(parts == text, max % 5 > 0 && count(&text).parts <= max % 5 || (text.is_empty()));
            kept(&text, &parts)?;
        }

        #[test]
        fn promise_9_2_no_longer_cut_at_a_word_would_fit(
            words in prop::collection::vec("[a-z]{1,9}", 1..40), max in 1usize..200,
        ) {
            let text = words.join(" ");
            let cuts = (1..words.len()).rev().map(|n| words[..n].join(" ") + "…");
            let naive = cuts.into_iter().find(|cut| cut.chars().count() <= max);
            if let (Some(naive), true) = (naive, text.len() > max) {
                prop_assert_eq!(fit_graphemes(&text, max), naive);
            }
        }
    }
}
