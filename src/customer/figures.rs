//! What is derived of a customer and kept current with every event.

use std::fmt;
use std::sync::LazyLock;

use super::affinity::{Affinities, Liked};
use super::bought::{Bought, MoneyBasis};
use super::figure_rules::{FigureRules, Sign};
use super::habits::{BestHour, DeviceRecord, Habits};
use super::purchases::Purchases;
use super::stage::{BuyerStage, BuyerStages, Life, Lifecycle, LifecycleStages, Signs, Timed};
use crate::event::Event;
use crate::primitives::{Currency, Derived, Fields, Instant, Key, Money, Value};

static LIKED: LazyLock<[(Key, Liked); 2]> =
    LazyLock::new(|| FigureRules::LIKED.map(|(property, liked)| (Key::new(property), liked)));
static PRODUCTS: LazyLock<Key> = LazyLock::new(|| Key::new("products"));

/// How many products of one event are looked at for what the customer likes.
const PRODUCTS_READ: usize = 20;

/// Lifetime value, orders, stages, affinities and habits of one customer, kept current as events come in any order.
///
/// A visitor who has only seen pages costs a word. What is order-free: orders and money (of the latest 32 orders and
/// returns one by one, of older ones in sums), the first and latest order, the stages, and affinities within twelve
/// half-lives. `Debug` shows no figure (promise 2.5).
///
/// ```
/// use throughline::{Event, FigureRules, Figures, Instant, MoneyBasis};
/// let (rules, euros) = (FigureRules::default(), "EUR".parse()?);
/// let mut figures = Figures::default();
/// let now = Instant::from_millis(0);
/// figures.observe(&Event::track("Order Completed").property("order_id", "R-1").property("total", 80), now, &rules, euros);
/// figures.observe(&Event::track("Order Refunded").property("order_id", "R-1").property("total", 30), now, &rules, euros);
/// let bought = figures.bought(MoneyBasis::Net);
/// assert_eq!((bought.orders, bought.value().to_string()), (1, "50.0000".to_owned()));
/// # Ok::<(), throughline::ParseCurrencyError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Figures(Option<Box<Parts>>);

/// The figures of a customer of whom more is known than visits.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Parts {
    pub(crate) purchases: Purchases,
    /// The latest sign of consideration, and of a decision.
    pub(crate) considered: Option<Instant>,
    pub(crate) decided: Option<Instant>,
    pub(crate) affinities: Affinities,
    pub(crate) habits: Option<Box<Habits>>,
}

impl Figures {
    /// From sums that a host keeps itself: so many orders of so much in all, the first and the latest.
    pub fn of_sums(value: Money, orders: u32, first: Instant, last: Instant) -> Self {
        let purchases = Purchases::of_sums(value, orders, first, last);
        Figures(Some(Box::new(Parts { purchases, ..Parts::default() })))
    }

    /// Takes an event at its instant, in whatever order; `shop` is the currency in which money is summed up. Says what
    /// changed.
    pub fn observe(&mut self, event: &Event, at: Instant, rules: &FigureRules, shop: Currency) -> Derived {
        let Some(signal) = rules.signal(&event.name) else { return self.visited() };
        let mut changed = Derived::NONE;
        let parts = self.0.get_or_insert_default();
        if let Some(kind) = signal.line
            && parts.purchases.observe(event, kind, at, shop, rules.converted.as_ref())
        {
            changed = changed.and(Derived::PURCHASES);
        }
        if let Some(sign) = signal.sign {
            let latest = match sign {
                Sign::Consideration => &mut parts.considered,
                Sign::Decision => &mut parts.decided,
            };
            if latest.is_none_or(|latest| at > latest) {
                *latest = Some(at);
                changed = changed.and(Derived::SIGNS);
            }
        }
        if signal.weight > 0 && parts.like(&event.properties, signal.weight, at, rules.half_life_days) {
            changed = changed.and(Derived::AFFINITY);
        }
        if changed == Derived::NONE {
            self.tidy();
        }
        changed.and(self.visited())
    }

    /// Sums up orders and returns at or before `horizon`, which are then no longer known one by one.
    pub(crate) fn sum_up(&mut self, horizon: Instant) {
        if let Some(parts) = &mut self.0 {
            parts.purchases.settle_upto(horizon);
        }
    }

    /// Takes an engagement with a message, in an hour of the customer's local day.
    pub(crate) fn engaged(&mut self, hour: u8, device: Option<&str>) {
        self.0.get_or_insert_default().habits.get_or_insert_default().engaged(hour, device);
    }

    /// Takes what a provider took for a device, or a link that was followed on it.
    pub(crate) fn on_device(&mut self, device: &str, more: DeviceRecord) {
        self.0.get_or_insert_default().habits.get_or_insert_default().on_device(device, more);
    }

    /// Takes all that another record holds; which of both takes the other makes no difference.
    pub fn absorb(&mut self, other: Figures) {
        let Some(theirs) = other.0 else { return };
        let Some(ours) = &mut self.0 else {
            self.0 = Some(theirs);
            return;
        };
        ours.purchases.absorb(theirs.purchases);
        ours.considered = ours.considered.max(theirs.considered);
        ours.decided = ours.decided.max(theirs.decided);
        ours.affinities.absorb(theirs.affinities);
        match (&mut ours.habits, theirs.habits) {
            (Some(ours), Some(theirs)) => ours.absorb(*theirs),
            (ours, theirs) => *ours = ours.take().or(theirs),
        }
    }

    /// Orders and money.
    pub fn bought(&self, basis: MoneyBasis) -> Bought {
        self.0.as_ref().map(|parts| parts.purchases.bought(basis)).unwrap_or_default()
    }

    /// The currency of its money; `None` before the first order.
    pub fn currency(&self) -> Option<Currency> {
        self.0.as_ref()?.purchases.currency
    }

    /// Where the customer stands in the buyer's journey, and until when.
    pub fn buyer_stage(&self, stages: &BuyerStages, now: Instant) -> Timed<BuyerStage> {
        let parts = self.0.as_ref();
        let signs = Signs {
            considered: parts.and_then(|parts| parts.considered),
            decided: parts.and_then(|parts| parts.decided),
            bought: self.bought(MoneyBasis::Net).last,
        };
        stages.of(signs, now)
    }

    /// Where the customer stands in life as a customer, and until when; `None` if neither an order nor a visit is known.
    /// `seen` are the first and the latest visit.
    pub fn lifecycle(
        &self,
        stages: &LifecycleStages,
        seen: Option<(Instant, Instant)>,
        now: Instant,
    ) -> Option<Timed<Lifecycle>> {
        let Bought { first, last, previous, orders, .. } = self.bought(MoneyBasis::Net);
        let (first, last) = first.zip(last).or(seen)?;
        Some(stages.of(Life { first, last, previous, orders }, now))
    }

    /// How much the customer likes a category or a brand, in millionths: a signal of weight 1 is worth 1,000,000 when it
    /// comes and half of that one half-life later.
    pub fn affinity(&self, of: Liked, name: &Key, now: Instant) -> i64 {
        self.0.as_ref().map_or(0, |parts| parts.affinities.score(of, name, now))
    }

    /// The part that a category or brand has of all those held, in millionths. Time alone does not change it.
    pub fn affinity_share(&self, of: Liked, name: &Key) -> i64 {
        self.0.as_ref().map_or(0, |parts| parts.affinities.share(of, name))
    }

    /// When time alone brings a score to a value of which `fallen` holds, as it does of all smaller ones.
    pub(crate) fn affinity_falls(
        &self,
        of: Liked,
        name: &Key,
        now: Instant,
        fallen: impl Fn(i64) -> bool,
    ) -> Option<Instant> {
        self.0.as_ref()?.affinities.falls(of, name, now, fallen)
    }

    /// All that is held of what the customer likes, each with its score in millionths: at most eight of a kind.
    pub fn affinities(&self, now: Instant) -> impl Iterator<Item = (Liked, &Key, i64)> {
        self.0.iter().flat_map(move |parts| parts.affinities.iter(now))
    }

    /// The hour of the local day in which the customer first engages with most messages; `None` before the first.
    pub fn best_hour(&self) -> Option<BestHour> {
        self.0.as_ref()?.habits.as_ref()?.best_hour()
    }

    /// How many messages were first engaged with on each kind of device.
    pub fn devices(&self) -> impl Iterator<Item = (&Key, u32)> {
        self.on_devices().filter(|(_, on)| on.engaged > 0).map(|(name, on)| (name, on.engaged))
    }

    /// What became of messages on each kind of device, by [`DeviceKind::as_str`](crate::DeviceKind::as_str): of the device
    /// that a receipt came from, else of the one to which the message went. At most eight kinds are told apart.
    pub fn on_devices(&self) -> impl Iterator<Item = (&Key, DeviceRecord)> {
        let habits = self.0.iter().flat_map(|parts| &parts.habits);
        habits.flat_map(|habits| habits.devices.iter().map(|(name, on)| (name, *on)))
    }

    pub(crate) fn parts(&self) -> Option<&Parts> {
        self.0.as_deref()
    }

    /// From a stored record.
    pub(crate) fn from_parts(parts: Parts) -> Self {
        let mut figures = Figures(Some(Box::new(parts)));
        figures.tidy();
        figures
    }

    /// Every event is a visit, by which those are measured who have not bought.
    fn visited(&self) -> Derived {
        let buyer = self.0.as_ref().is_some_and(|parts| parts.purchases.is_buyer());
        if buyer { Derived::NONE } else { Derived::VISITS }
    }

    /// Nothing is held of somebody of whom there is nothing.
    fn tidy(&mut self) {
        if self.0.as_deref().is_some_and(|parts| *parts == Parts::default()) {
            self.0 = None;
        }
    }
}

impl Parts {
    /// Adds what an event says of categories and brands, each once; says whether it said anything.
    fn like(&mut self, properties: &Fields, weight: u16, at: Instant, half_life: u16) -> bool {
        let mut said = false;
        let products = match properties.get(&PRODUCTS) {
            Some(Value::List(list)) => list.get(..PRODUCTS_READ).unwrap_or(list),
            _ => &[],
        };
        for (property, of) in &*LIKED {
            let own = properties.get(property).and_then(Value::as_str);
            let named = |product| named(product, property);
            for (n, name) in own.into_iter().chain(products.iter().filter_map(named)).enumerate() {
                let before = own.into_iter().chain(products.iter().filter_map(named)).take(n);
                if !name.is_empty() && !before.into_iter().any(|earlier| earlier == name) {
                    self.affinities.add(*of, name, weight, at, half_life);
                    said = true;
                }
            }
        }
        said
    }
}

/// A text property of a product.
fn named<'v>(product: &'v Value, property: &Key) -> Option<&'v str> {
    match product {
        Value::Map(fields) => fields.get(property).and_then(Value::as_str),
        _ => None,
    }
}

impl fmt::Debug for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Figures").field("any", &self.0.is_some()).finish_non_exhaustive()
    }
}
