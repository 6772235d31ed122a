//! What a message costs on a channel.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;

/// A price in major units of the playbook's currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fee {
    /// For each message.
    pub per_message: Decimal,
    /// For each part of it: one for everything but a long SMS.
    pub per_part: Decimal,
}

impl Fee {
    /// Of a message of so many parts.
    pub fn of(&self, parts: u32) -> Decimal {
        self.per_message.saturating_add(self.per_part.saturating_mul(Decimal::from(parts)))
    }
}

/// What a message costs on a channel: the real price, from which the net worth of sending is computed (promise 7.6).
///
/// ```
/// use throughline::{Fee, Tariff};
/// let sms = Tariff::per_part("0.08".parse()?)
///     .with_country("US", Fee { per_part: "0.0079".parse()?, ..Fee::default() });
/// assert_eq!(sms.price(Some("DE"), 2).to_string(), "0.16");
/// assert_eq!(sms.price(Some("us"), 2).to_string(), "0.0158");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tariff {
    /// Where no country's own price is given.
    pub fee: Fee,
    /// By country, in the form in which [`Customer::country`](crate::Customer::country) gives it, in lower case.
    by_country: BTreeMap<Arc<str>, Fee>,
}

impl Tariff {
    /// The same in every country.
    pub fn of(fee: Fee) -> Self {
        Tariff { fee, by_country: BTreeMap::new() }
    }

    /// So much for each message.
    pub fn per_message(amount: Decimal) -> Self {
        Tariff::of(Fee { per_message: amount, ..Fee::default() })
    }

    /// So much for each part.
    pub fn per_part(amount: Decimal) -> Self {
        Tariff::of(Fee { per_part: amount, ..Fee::default() })
    }

    /// Sets the price in one country (ISO 3166 alpha-2 or its English name, in any case).
    #[must_use]
    pub fn with_country(mut self, country: &str, fee: Fee) -> Self {
        self.by_country.insert(country.trim().to_lowercase().into(), fee);
        self
    }

    /// What a message of so many parts costs to a customer in this country.
    pub fn price(&self, country: Option<&str>, parts: u32) -> Decimal {
        let own = match country {
            Some(country) if !self.by_country.is_empty() => {
                self.by_country.get(country.trim().to_lowercase().as_str()).copied()
            }
            _ => None,
        };
        own.unwrap_or(self.fee).of(parts)
    }

    /// Whether the channel has a price at all; one that has enters the mix by growth stage (promise 7.7).
    pub fn is_priced(&self) -> bool {
        self.by_country.values().chain([&self.fee]).any(|fee| *fee != Fee::default())
    }

    /// Whether the price is known only once the text is.
    pub fn depends_on_parts(&self) -> bool {
        self.by_country.values().chain([&self.fee]).any(|fee| !fee.per_part.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promise_7_6_the_cost_is_the_real_one_and_never_overflows() {
        let sms = Tariff::per_part(Decimal::MAX);
        assert_eq!(sms.price(None, u32::MAX), Decimal::MAX);
        let free = Tariff::default();
        assert!(!free.is_priced() && !free.depends_on_parts());
        let abroad = free.with_country("Germany", Fee { per_message: Decimal::ONE, per_part: Decimal::ZERO });
        assert!(abroad.is_priced() && !abroad.depends_on_parts());
        assert_eq!(abroad.price(Some(" GERMANY "), 3), Decimal::ONE);
    }
}
