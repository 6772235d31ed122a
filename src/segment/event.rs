//! Conditions on what a customer did: how often, how much, how long ago.

use std::fmt;

use serde_json::{Map, Value as Json, json};

use super::counts::Counts;
use super::filter::Filter;
use super::measure::{Measure, Tally};
use super::range::Range;
use super::recent::Recent;
use super::returns::{Ledger, ORDER, Returns, coming};
use super::time::{Age, Window, transpose};
use super::{Effect, Facts, Membership};
use crate::customer::{History, Occurrence, Series};
use crate::primitives::fault::Object;
use crate::primitives::{Currency, EventNeed, Instant, Keep, Key, Needs, Span, ValueRef};

/// `{"event": ..}`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct EventCondition {
    event: Key,
    filter: Filter,
    asks: Asks,
}

#[derive(Debug, Clone, PartialEq)]
enum Asks {
    /// A figure over the occurrences in a window.
    Measure(Box<MeasureAsk>),
    /// How long ago the first occurrence was.
    First(Age),
    /// How long ago the latest occurrence was.
    Last(Age),
    /// The time between the latest occurrence and the one before.
    Gap(Range<Span>),
}

#[derive(Debug, Clone, PartialEq)]
struct MeasureAsk {
    window: Window,
    measure: Measure,
    /// For orders that are counted net (promise 5.6).
    returns: Option<Returns>,
    /// The only currency that is looked at.
    currency: Option<Currency>,
    /// The property that names the currency, if it is read.
    currency_key: Option<Key>,
}

impl EventCondition {
    pub(super) fn decode(object: &Object<'_>) -> Option<EventCondition> {
        const PLACE: [&str; 4] = ["never", "first", "last", "gap"];
        let asked: Vec<&str> =
            Measure::FIELDS.into_iter().chain(PLACE).filter(|name| object.get(name).is_some()).collect();
        if let [one, other, ..] = asked.as_slice() {
            object.node().fault(format!("`{one}` and `{other}` exclude each other; combine with `all`"));
            return None;
        }
        let asked = asked.first().copied().unwrap_or("count");
        let mut known: Vec<&str> = vec!["event", "where"];
        let is_measure = !matches!(asked, "first" | "last" | "gap");
        if is_measure {
            known.extend(Window::FIELDS);
            known.extend(Measure::FIELDS);
            known.extend(PLACE);
            known.extend(["currency", "money"]);
        } else {
            known.push(asked);
        }
        let known = object.node().object(&known).map(|_| ());
        let event = object.get("event").and_then(|node| node.key());
        let filter = transpose(object.get("where").map(|node| Filter::decode(&node)));
        let asks = match asked {
            "first" => object.get("first").and_then(|node| Age::decode(&node)).map(Asks::First),
            "last" => object.get("last").and_then(|node| Age::decode(&node)).map(Asks::Last),
            "gap" => object
                .get("gap")
                .and_then(|node| Range::decode(&node.object(&Range::OPERATORS)?, |node| node.span()))
                .map(Asks::Gap),
            _ => MeasureAsk::decode(asked, object).map(|ask| Asks::Measure(Box::new(ask))),
        };
        known?;
        let condition = EventCondition { event: event?, filter: filter?.unwrap_or_default(), asks: asks? };
        super::retained::check(object.node(), condition.reach());
        Some(condition)
    }

    /// How far back it reads occurrences. Totals and the first instant are known for ever.
    fn reach(&self) -> Span {
        match &self.asks {
            Asks::First(_) if self.filter.is_empty() => Span::ZERO,
            Asks::First(_) | Asks::Gap(_) => Span::MAX,
            Asks::Last(age) => age.reach().unwrap_or(Span::MAX),
            Asks::Measure(ask) => match (&ask.measure, ask.window) {
                (Measure::Count(_), Window::Ever) if self.is_plain(ask) && ask.returns.is_none() => Span::ZERO,
                _ => ask.window.reach(),
            },
        }
    }

    fn series<'a>(&self, facts: &Facts<'a>) -> Option<&'a Series> {
        facts.history().and_then(|history| history.series(&self.event))
    }

    /// The count over the latest times, if that is all that is asked.
    pub(super) fn recent(&self) -> Option<Recent> {
        match &self.asks {
            Asks::Measure(ask) if self.is_plain(ask) => match (&ask.measure, ask.window) {
                (Measure::Count(counts), Window::Last(span)) => {
                    let event = self.event.clone();
                    Some(Recent { event, counts: *counts, span, net: ask.returns.is_some() })
                }
                _ => None,
            },
            _ => None,
        }
    }

    pub(super) fn write(&self, out: &mut Map<String, Json>) {
        let mut put = |name: &str, value: Json| drop(out.insert(name.to_owned(), value));
        put("event", self.event.as_str().into());
        if !self.filter.is_empty() {
            put("where", self.filter.written());
        }
        match &self.asks {
            Asks::First(age) => put("first", age.written()),
            Asks::Last(age) => put("last", age.written()),
            Asks::Gap(range) => {
                let mut limits = Map::new();
                range.write(&mut limits, |span| json!(span));
                put("gap", limits.into());
            }
            Asks::Measure(ask) => {
                if let Some(currency) = ask.currency {
                    put("currency", json!(currency));
                }
                if self.event.as_str() == ORDER && ask.returns.is_none() {
                    put("money", "gross".into());
                }
                ask.window.write(out);
                ask.measure.write(out);
            }
        }
    }

    pub(super) fn check(&self, facts: &Facts<'_>) -> Membership {
        let series = self.series(facts);
        let now = facts.now;
        let answer = match &self.asks {
            Asks::Measure(ask) => return self.measure(ask, series, facts),
            Asks::First(age) if self.filter.is_empty() => age.check(series.map(Series::first), now),
            Asks::First(age) => age.check(series.and_then(|series| self.rows(series, facts).next()), now),
            // Nearly always the latest is not still to come.
            Asks::Last(age)
                if self.filter.is_empty() && series.and_then(Series::last).is_none_or(|last| last <= now) =>
            {
                return age.check(series.and_then(Series::last), now);
            }
            Asks::Last(age) => age.check(series.and_then(|series| self.rows(series, facts).next_back()), now),
            Asks::Gap(range) => {
                let mut latest = series.into_iter().flat_map(|series| self.rows(series, facts).rev());
                let gap = latest.next().and_then(|last| Some(last - latest.next()?));
                Membership::steady(gap.is_some_and(|gap| range.contains(gap)))
            }
        };
        answer.sooner(series.and_then(|series| coming(series, now)))
    }

    /// The times up to now of the occurrences that pass the filter.
    fn rows<'a>(&'a self, series: &'a Series, facts: &'a Facts<'_>) -> impl DoubleEndedIterator<Item = Instant> + 'a {
        let passes = |row: &Occurrence<'_>| self.filter.matches_occurrence(row, facts.trigger);
        series.within(Instant::MIN, facts.now).filter(passes).map(|row| row.at)
    }

    fn measure(&self, ask: &MeasureAsk, series: Option<&Series>, facts: &Facts<'_>) -> Membership {
        let history = facts.history();
        // A sum also loses what refunds take that name no order; a count only what names one.
        let looks = |history: &&History| ask.measure.adds_up() || history.has_returns();
        let history = history.filter(looks);
        let ledger =
            ask.returns.as_ref().zip(history).and_then(|(returns, history)| returns.ledger(history, series, facts.now));
        let next = series.and_then(|series| coming(series, facts.now));
        let answer = match (&ask.measure, series) {
            (Measure::Count(counts), Some(series)) if self.is_plain(ask) && ledger.is_none() => {
                plain_count(*counts, ask.window, series, facts.now)
            }
            _ => self.scan(ask, series, ledger.as_ref(), facts),
        };
        answer.sooner(next).sooner(ledger.and_then(|ledger| ledger.next()))
    }

    fn is_plain(&self, ask: &MeasureAsk) -> bool {
        self.filter.is_empty() && ask.currency.is_none()
    }

    /// Walks the window from its latest occurrence to its earliest.
    fn scan(
        &self,
        ask: &MeasureAsk,
        series: Option<&Series>,
        ledger: Option<&Ledger<'_>>,
        facts: &Facts<'_>,
    ) -> Membership {
        let (after, upto) = ask.window.bounds(facts.now);
        let of = ask.measure.of();
        let mut tally = Tally::new(&ask.measure);
        let (mut inside, mut turned) = (tally.holds(), None);
        let mut orders = series.into_iter().flat_map(|series| series.within(after, upto).rev()).peekable();
        let refunds = ledger.filter(|_| ask.measure.adds_up()).copied();
        let mut refunds = refunds.into_iter().flat_map(|ledger| ledger.unmatched(after, upto)).peekable();
        loop {
            let refund_next = match (orders.peek(), refunds.peek()) {
                (Some(order), Some(refund)) => refund.at > order.at,
                (None, Some(_)) => true,
                _ => false,
            };
            let Some(row) = (if refund_next { refunds.next() } else { orders.next() }) else { break };
            let currency = ask.currency_key.as_ref().and_then(|key| row.property(key));
            if !ask.admits(currency) || !self.filter.matches_occurrence(&row, facts.trigger) {
                continue;
            }
            if refund_next {
                match ledger.and_then(|ledger| ledger.amount(&row, of)) {
                    Some(amount) => tally.take(amount, currency),
                    None => continue,
                }
            } else {
                match ledger.map(|ledger| ledger.taken(&row, of)) {
                    None => tally.add(&row, Default::default(), currency),
                    Some(Some(taken)) => tally.add(&row, taken, currency),
                    Some(None) => continue,
                }
            }
            if tally.holds() != inside {
                inside = !inside;
                turned = Some(row.at);
            }
            if tally.settled() {
                break;
            }
        }
        Membership { inside, until: turned.and_then(|at| ask.window.leaves(at)) }
    }

    /// What one more occurrence of an event can do to the answer, if the event occurred before.
    pub(super) fn effect(&self, event: &Key) -> Effect {
        let ours = *event == self.event;
        match &self.asks {
            Asks::Measure(ask) if ours => ask.measure.effect(),
            // What takes orders back can only leave fewer of them.
            Asks::Measure(ask) if ask.returns.as_ref().is_some_and(|returns| returns.is_return(event)) => {
                !ask.measure.effect()
            }
            // That the event occurred does not say that the filter was ever passed.
            Asks::Last(age) if ours && (self.filter.is_empty() || age.effect() == Effect::Raises) => age.effect(),
            Asks::Measure(_) | Asks::First(_) | Asks::Last(_) | Asks::Gap(_) if !ours => Effect::None,
            _ => Effect::Either,
        }
    }

    pub(super) fn reads_trigger(&self) -> bool {
        self.filter.reads_trigger()
    }

    pub(super) fn trigger_properties(&self) -> Vec<crate::primitives::Key> {
        self.filter.trigger_properties()
    }

    pub(super) fn needs(&self, needs: &mut Needs) {
        let mut properties = self.filter.properties();
        let filtered = !self.filter.is_empty();
        let last = |last: u32| Keep { last, within: Span::ZERO };
        let within = |within: Span| Keep { last: 0, within };
        let keep = match &self.asks {
            // The first occurrence is always known.
            Asks::First(_) if !filtered => last(0),
            Asks::First(_) => within(Span::MAX),
            Asks::Last(_) if !filtered => last(1),
            Asks::Last(age) => within(age.reach().unwrap_or(Span::MAX)),
            Asks::Gap(_) if !filtered => last(2),
            Asks::Gap(_) => within(Span::MAX),
            Asks::Measure(ask) => {
                let mut add = |key: &Key| {
                    if !properties.contains(key) {
                        properties.push(key.clone());
                    }
                };
                ask.measure.of().map(super::path::Path::first).into_iter().for_each(&mut add);
                ask.currency_key.iter().for_each(&mut add);
                let reach = ask.window.reach();
                if let Some(returns) = &ask.returns {
                    returns.needs(needs, &properties, reach);
                    for key in returns.properties() {
                        if !properties.contains(key) {
                            properties.push(key.clone());
                        }
                    }
                    // A refund in the window may name an order of any age, and then it is not its own loss.
                    within(if ask.measure.adds_up() { Span::MAX } else { reach })
                } else {
                    match (&ask.measure, ask.window) {
                        (Measure::Count(_), Window::Ever) if self.is_plain(ask) => last(0),
                        (Measure::Count(counts), Window::Last(_) | Window::Fixed { until: Instant::MAX, .. })
                            if self.is_plain(ask) =>
                        {
                            last(u32::try_from(counts.decisive()).unwrap_or(u32::MAX))
                        }
                        _ => within(reach),
                    }
                }
            }
        };
        needs.event(EventNeed { event: self.event.clone(), properties, keep });
    }
}

impl MeasureAsk {
    fn decode(asked: &str, object: &Object<'_>) -> Option<MeasureAsk> {
        let window = Window::decode(object);
        let measure = match asked {
            "never" => object
                .get("never")
                .and_then(|node| node.boolean())
                .map(|never| Measure::Count(if never { Counts::NONE } else { Counts::ANY })),
            _ if object.get(asked).is_none() => Some(Measure::Count(Counts::ANY)),
            _ => Measure::decode(asked, object),
        };
        let is_order = object.get("event").is_some_and(|node| node.json().as_str() == Some(ORDER));
        let gross = object.get("money").map(|node| {
            if !is_order {
                node.fault(format!("only `{ORDER}` has refunds; leave this out"));
            }
            node.one_of(&[("gross", true), ("net", false)])
        });
        let currency = transpose(object.get("currency").map(|node| node.parsed::<Currency>()));
        let (gross, currency, measure) = (transpose(gross)?.unwrap_or(false), currency?, measure?);
        let reads_currency = currency.is_some() || measure.is_money();
        Some(MeasureAsk {
            window: window?,
            returns: (is_order && !gross).then(Returns::new),
            currency_key: reads_currency.then(|| Key::new("currency")),
            currency,
            measure,
        })
    }

    /// Whether an occurrence in this currency is looked at; one that names none is.
    fn admits(&self, currency: Option<ValueRef<'_>>) -> bool {
        match (&self.currency, currency.and_then(ValueRef::as_str)) {
            (Some(wanted), Some(code)) => code.eq_ignore_ascii_case(wanted.as_str()),
            _ => true,
        }
    }
}

/// A count without a filter: the answer is in the times alone.
fn plain_count(counts: Counts, window: Window, series: &Series, now: Instant) -> Membership {
    let times = series.times();
    let (after, upto) = window.bounds(now);
    let end = match times.last() {
        Some(last) if *last > upto => times.partition_point(|at| *at <= upto),
        _ => times.len(),
    };
    if window == Window::Ever {
        let coming = (times.len() - end) as u64;
        return Membership::steady(counts.contains(series.total().saturating_sub(coming)));
    }
    let start = times.partition_point(|at| *at <= after);
    let count = end.saturating_sub(start) as u64;
    // The latest so many hold by themselves; the earliest of them turns the answer when it leaves.
    let turning = match counts.high {
        Some(high) if count > high => Some(high + 1),
        _ if count >= counts.low && counts.low > 0 => Some(counts.low),
        _ => None,
    };
    let at = turning.and_then(|n| times.get(end.checked_sub(usize::try_from(n).ok()?)?).copied());
    Membership { inside: counts.contains(count), until: at.and_then(|at| window.leaves(at)) }
}

impl fmt::Display for EventCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event = &self.event;
        let filter = |f: &mut fmt::Formatter<'_>| {
            if self.filter.is_empty() { Ok(()) } else { write!(f, " where {}", self.filter) }
        };
        match &self.asks {
            Asks::First(age) | Asks::Last(age) => {
                let which = if matches!(self.asks, Asks::First(_)) { "first" } else { "last" };
                write!(f, "the {which} {event}")?;
                filter(f)?;
                write!(f, " was {age}")
            }
            Asks::Gap(range) => {
                write!(f, "the last two {event}")?;
                filter(f)?;
                write!(f, " are {range} apart")
            }
            Asks::Measure(ask) => {
                let about = |f: &mut fmt::Formatter<'_>| {
                    write!(f, "{event}")?;
                    if let Some(currency) = ask.currency {
                        write!(f, " in {currency}")?;
                    }
                    filter(f)
                };
                let window = ask.window;
                let gross = if event.as_str() == ORDER && ask.returns.is_none() { " (gross)" } else { "" };
                match &ask.measure {
                    Measure::Count(Counts::NONE) => {
                        f.write_str("no ")?;
                        about(f)?;
                        write!(f, "{window}{gross}")
                    }
                    Measure::Count(counts) => {
                        about(f)?;
                        write!(f, " {}{window}{gross}", counts.times())
                    }
                    Measure::Distinct(of, counts) => {
                        write!(f, "{counts} different {of} of ")?;
                        about(f)?;
                        write!(f, "{window}{gross}")
                    }
                    Measure::Number(statistic, of, range) => {
                        write!(f, "the {statistic} {of} of ")?;
                        about(f)?;
                        write!(f, "{window} is {range}{gross}")
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::{ask, day, faults, inside, on, outside, rule};
    use crate::primitives::{Keep, Span};
    use serde_json::{Value as Json, json};

    #[test]
    fn promise_5_2_first_and_latest_occurrence_with_and_without_a_filter() {
        let log = [on(1, "A", json!({"k": 1})), on(5, "A", json!({"k": 2})), on(8, "A", json!({"k": 1}))];
        let ask = |place: &str, filter: Option<u32>, age: Json| {
            let mut rule = json!({"event": "A", place: age});
            if let Some(k) = filter {
                rule["where"] = json!({"k": k});
            }
            ask(rule, &log, day(10))
        };
        assert_eq!(ask("first", None, json!({"older_than": "10d"})), outside(Some(day(11))));
        assert_eq!(ask("last", None, json!({"younger_than": "3d"})), inside(Some(day(11))));
        assert_eq!(ask("first", Some(2), json!({"older_than": "5d"})), inside(None));
        assert_eq!(ask("last", Some(2), json!({"younger_than": "5d"})), outside(None));
        assert_eq!(ask("last", Some(3), json!({"older_than": "1d"})), outside(None));
    }

    #[test]
    fn promise_5_2_the_gap_is_between_the_latest_and_the_one_before() {
        let log = [on(1, "A", json!({})), on(61, "A", json!({})), on(62, "A", json!({}))];
        let gap = json!({"event": "A", "gap": {"at_least": "60d"}});
        assert_eq!(ask(gap.clone(), &log[..1], day(99)), outside(None));
        assert_eq!(ask(gap.clone(), &log[..2], day(99)), inside(None));
        assert_eq!(ask(gap, &log, day(99)), outside(None));
        assert!(ask(json!({"event": "A", "gap": {"at_most": "1d"}}), &log, day(99)).inside);
    }

    #[test]
    fn promise_5_4_a_rule_declares_no_more_than_it_reads() {
        let keep = |json: Json| rule(json).needs().events.first().map(|need| (need.keep, need.properties.len()));
        let last = |last, properties| Some((Keep { last, within: Span::ZERO }, properties));
        let within = |within, properties| Some((Keep { last: 0, within }, properties));
        let month = Span::days(30);
        assert_eq!(keep(json!({"event": "A", "count": {"at_least": 3}, "within": "30d"})), last(3, 0));
        assert_eq!(keep(json!({"event": "A", "count": {"at_most": 3}, "within": "30d"})), last(4, 0));
        assert_eq!(keep(json!({"event": "A", "count": {"at_least": 3}})), last(1, 0));
        assert_eq!(keep(json!({"event": "A", "never": true, "within": "30d"})), last(1, 0));
        assert_eq!(keep(json!({"event": "A", "where": {"a.b": 1, "a.c": 1}, "within": "30d"})), within(month, 1));
        assert_eq!(keep(json!({"event": "A", "sum": {"of": "n", "above": 1}, "within": "30d"})), within(month, 1));
        assert_eq!(
            keep(json!({"event": "A", "sum": {"of": "total", "above": 1}, "since": "2026-01-01"})),
            within(Span::MAX, 2)
        );
        assert_eq!(keep(json!({"event": "A", "last": {"older_than": "90d"}})), last(1, 0));
        assert_eq!(keep(json!({"event": "A", "first": {"older_than": "90d"}})), last(1, 0));
        assert_eq!(keep(json!({"event": "A", "gap": {"at_least": "9d"}})), last(2, 0));
        assert_eq!(
            keep(json!({"event": "A", "last": {"younger_than": "9d"}, "where": {"a": 1}})),
            within(Span::days(9), 1)
        );
        let orders = rule(json!({"event": "Order Completed", "count": {"at_least": 3}, "within": "30d"})).needs();
        let names: Vec<&str> = orders.events.iter().map(|need| need.event.as_str()).collect();
        assert_eq!(names, ["Order Refunded", "Order Cancelled", "Order Completed"]);
        assert!(orders.events.iter().all(|need| need.keep.within == month));
        let sequence = rule(json!({"sequence": ["A", "B"], "within": "1d", "in_last": "30d"})).needs();
        assert!(sequence.events.iter().all(|need| need.keep.within == Span::days(31)));
    }

    #[test]
    fn one_condition_asks_one_thing() {
        assert!(faults(json!({"event": "A", "count": {"equals": 1}, "never": true})).contains("exclude each other"));
        assert!(
            faults(json!({"event": "A", "last": {"older_than": "1d"}, "within": "1d"})).contains("$.within: unknown")
        );
        assert!(faults(json!({"event": "A", "sum": {"at_least": 1}})).contains("$.sum: the field `of` is missing"));
        assert!(faults(json!({"event": "A", "cuont": {"at_least": 1}})).contains("did you mean `count`?"));
        assert!(faults(json!({"event": "", "count": {"at_least": 1.5}})).contains("2 faults"));
    }
}
