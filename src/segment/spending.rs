//! Conditions on what a customer bought in all: `lifetime_value`, `orders`, `average_order`.

use std::fmt;

use rust_decimal::Decimal;
use serde_json::{Map, Value as Json};

use super::range::{Range, number};
use super::{Facts, Membership};
use crate::customer::{Bought, MoneyBasis};
use crate::primitives::fault::Node;

/// A figure of all orders lies in a range, net of what was sent back unless it says `gross` (promise 5.6).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SpendingCondition {
    figure: Spent,
    range: Range<Decimal>,
    basis: MoneyBasis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spent {
    Value,
    Orders,
    Average,
}

impl SpendingCondition {
    pub(super) fn decode(figure: Spent, field: &Node<'_>) -> Option<SpendingCondition> {
        let known: Vec<&str> = Range::OPERATORS.into_iter().chain(["money"]).collect();
        let object = field.object(&known)?;
        let basis = object.get("money").map(|node| basis(&node));
        let range = Range::decode(&object, |node| match figure {
            Spent::Orders => node.integer(0..=i64::from(u32::MAX)).map(Decimal::from),
            Spent::Value | Spent::Average => node.decimal(),
        });
        Some(SpendingCondition { figure, range: range?, basis: basis.unwrap_or(Some(MoneyBasis::Net))? })
    }

    pub(super) fn write(&self, out: &mut Map<String, Json>) {
        let mut limits = Map::new();
        self.range.write(&mut limits, number);
        if self.basis == MoneyBasis::Gross {
            limits.insert("money".to_owned(), "gross".into());
        }
        let name = match self.figure {
            Spent::Value => "lifetime_value",
            Spent::Orders => "orders",
            Spent::Average => "average_order",
        };
        out.insert(name.to_owned(), limits.into());
    }

    pub(super) fn check(&self, facts: &Facts<'_>) -> Membership {
        let Some(figures) = facts.who.figures() else { return Membership::steady(false) };
        let bought: Bought = figures.bought(self.basis);
        let figure = match self.figure {
            Spent::Value => Some(bought.value()),
            Spent::Orders => Some(Decimal::from(bought.orders)),
            Spent::Average => bought.average(),
        };
        Membership::steady(figure.is_some_and(|figure| self.range.contains(figure)))
    }
}

/// `gross` or `net`.
pub(super) fn basis(node: &Node<'_>) -> Option<MoneyBasis> {
    node.one_of(&[("net", MoneyBasis::Net), ("gross", MoneyBasis::Gross)])
}

impl fmt::Display for SpendingCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figure = match self.figure {
            Spent::Value => "the lifetime value is",
            Spent::Orders => "the number of orders is",
            Spent::Average => "the average order is",
        };
        write!(f, "{figure} {}", self.range)?;
        if self.basis == MoneyBasis::Gross { f.write_str(" (gross)") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Segment;
    use super::super::trial::{day, faults, rule};
    use crate::customer::{FigureRules, Profile};
    use crate::event::Event;
    use crate::primitives::CustomerId;
    use serde_json::{Value as Json, json};

    #[test]
    fn promise_5_6_lifetime_value_orders_and_average_are_net_unless_they_say_gross() {
        let mut who = Profile::new(CustomerId::new("anna"), day(0));
        for (name, order, total) in [
            ("Order Completed", "a", 100),
            ("Order Completed", "b", 50),
            ("Order Refunded", "b", 50),
            ("Order Refunded", "x", 10),
        ] {
            let event = Event::track(name).property("order_id", order).property("total", total);
            who.figures.observe(&event, day(1), &FigureRules::default(), "EUR".parse().unwrap());
        }
        let holds = |json: Json| rule(json).evaluate(&who, day(2)).inside;
        assert!(holds(json!({"lifetime_value": {"equals": 90}})) && holds(json!({"orders": {"exactly": 1}})));
        assert!(holds(json!({"average_order": {"equals": 90}})));
        assert!(holds(json!({"lifetime_value": {"equals": 150, "money": "gross"}})));
        assert!(holds(json!({"orders": {"at_least": 2, "money": "gross"}})));
        assert!(holds(json!({"average_order": {"between": ["74.9", 75], "money": "gross"}})));
        let nobody = Profile::new(CustomerId::new("ben"), day(0));
        let holds = |json: Json| rule(json).evaluate(&nobody, day(2)).inside;
        assert!(holds(json!({"lifetime_value": {"at_most": 0}})) && !holds(json!({"average_order": {"at_most": 0}})));
        let sentence = rule(json!({"lifetime_value": {"at_least": 500, "money": "gross"}})).to_string();
        assert_eq!(sentence, "the lifetime value is at least 500 (gross)");
        let text = faults(json!({"any": [{"orders": {"at_least": "1.5"}}, {"orders": {"money": "gros", "above": 1}}]}));
        assert!(text.contains("$.any[0].orders.at_least") && text.contains("did you mean `gross`?"), "{text}");
    }
}
