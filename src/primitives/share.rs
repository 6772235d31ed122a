//! A share of a whole, to the millionth.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::fault::Node;

/// A share from nothing to all, in millionths: `5%` is 50,000 of them.
///
/// ```
/// use throughline::Share;
/// let share: Share = "5%".parse()?;
/// assert_eq!((share.millionths(), share.to_string()), (50_000, "5%".to_owned()));
/// assert_eq!("0.05".parse(), Ok(share));
/// assert!("5".parse::<Share>().is_err());
/// # Ok::<(), throughline::ParseShareError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Share(u32);

impl Share {
    /// Everything, in millionths.
    pub const WHOLE: u32 = 1_000_000;

    /// In millionths.
    pub fn millionths(self) -> u32 {
        self.0
    }

    fn of(part: Decimal) -> Result<Self, ParseShareError> {
        if part > Decimal::ONE {
            return Err(ParseShareError::TooMuch);
        }
        let millionths = part.checked_mul(Decimal::from(Share::WHOLE)).filter(|_| part >= Decimal::ZERO);
        let whole = millionths.ok_or(ParseShareError::NoShare)?.normalize();
        if whole.scale() > 0 {
            return Err(ParseShareError::TooFine);
        }
        whole.to_u32().map(Share).ok_or(ParseShareError::NoShare)
    }

    /// Reads `0.05`, `"0.05"` or `"5%"`.
    pub(crate) fn decode(node: &Node<'_>) -> Option<Self> {
        if node.json().as_str().is_some_and(|text| text.contains('%')) {
            return node.parsed();
        }
        let part = node.decimal()?;
        Share::of(part).map_err(|wrong| node.fault(format!("{wrong}, found {part}"))).ok()
    }
}

impl FromStr for Share {
    type Err = ParseShareError;

    fn from_str(text: &str) -> Result<Self, ParseShareError> {
        let (number, unit) = match text.trim().strip_suffix('%') {
            Some(percent) => (percent.trim_end(), Decimal::ONE_HUNDRED),
            None => (text.trim(), Decimal::ONE),
        };
        let number: Decimal = number.parse().map_err(|_| ParseShareError::NoShare)?;
        number.checked_div(unit).ok_or(ParseShareError::NoShare).and_then(Share::of)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", Decimal::new(self.0.into(), 4).normalize())
    }
}

/// What is no share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseShareError {
    /// Not a number, or below nothing.
    #[error("expected a share from 0 to 1 such as 0.05, or text such as \"5%\"")]
    NoShare,
    /// More than all: most likely percent are meant.
    #[error("a share is at most 1, which is all; write percent as text such as \"5%\"")]
    TooMuch,
    /// Finer than it is drawn.
    #[error("a share is drawn to the millionth, so it has at most six decimals, or four in percent")]
    TooFine,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_read_exactly_or_not_at_all() {
        let read = |text: &str| text.parse::<Share>().map(Share::millionths);
        for (text, millionths) in
            [("0", 0), ("0%", 0), ("1", 1_000_000), ("100%", 1_000_000), ("0.0001 %", 1), ("33.3333%", 333_333)]
        {
            assert_eq!(read(text), Ok(millionths), "{text}");
            let share = Share(millionths);
            assert_eq!(share.to_string().parse(), Ok(share));
        }
        for (text, wrong) in [
            ("", ParseShareError::NoShare),
            ("five", ParseShareError::NoShare),
            ("-1%", ParseShareError::NoShare),
            ("-0.1", ParseShareError::NoShare),
            ("5", ParseShareError::TooMuch),
            ("101%", ParseShareError::TooMuch),
            ("0.0000001", ParseShareError::TooFine),
            ("0.00001%", ParseShareError::TooFine),
        ] {
            assert_eq!(read(text), Err(wrong), "{text}");
        }
    }
}
