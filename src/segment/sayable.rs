//! Rules of every kind by chance, as JSON without faults: for what holds of any rule whatever it asks.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value as Json, json};

fn spans() -> impl Strategy<Value = String> {
    prop_oneof![(1..12i64).prop_map(|n| format!("{n}d")), Just("1d12h".into()), Just("90s".into()), Just("1ms".into())]
}

fn ages() -> impl Strategy<Value = Json> {
    prop_oneof![
        spans().prop_map(|span| json!({"older_than": span})),
        spans().prop_map(|span| json!({"younger_than": span})),
        (1..6i64, 6..12i64).prop_map(|(a, b)| json!({"older_than": format!("{a}d"), "younger_than": format!("{b}d")})),
    ]
}

/// Whole numbers below `most`; with `fine` halves and thousandths too.
fn numbers(most: i64, fine: bool) -> BoxedStrategy<Json> {
    if !fine {
        return (0..most).prop_map(Json::from).boxed();
    }
    prop_oneof![
        (0..most).prop_map(Json::from),
        (0..most).prop_map(|n| json!(n as f64 / 2.0)),
        (0..most).prop_map(|n| json!(format!("{n}.125"))),
    ]
    .boxed()
}

fn limits(most: i64, fine: bool) -> impl Strategy<Value = Map<String, Json>> {
    let one = (select(vec!["equals", "at_least", "at_most", "above"]), numbers(most, fine));
    let both = (0..most, 1..most + 1);
    prop_oneof![
        4 => one.prop_map(|(operator, n)| Map::from_iter([(operator.to_owned(), n)])),
        1 => both.clone().prop_map(|(a, b)| Map::from_iter([("between".to_owned(), json!([a.min(b), a.max(b)]))])),
        1 => both.prop_map(|(a, b)| {
            Map::from_iter([("above".to_owned(), json!(a)), ("at_most".to_owned(), json!(a + b + 1))])
        }),
    ]
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof!["[ab]{1,3}", Just("größe".into()), Just("12".into())]
}

fn scalars() -> impl Strategy<Value = Json> {
    prop_oneof![
        texts().prop_map(Json::from),
        (-3..9i64).prop_map(Json::from),
        (-3..9i64).prop_map(|n| json!(n as f64 / 8.0)),
        any::<bool>().prop_map(Json::from),
    ]
}

/// Operators of a value, one or two.
fn tests() -> impl Strategy<Value = Map<String, Json>> {
    let one = prop_oneof![
        (select(vec!["equals", "not_equals", "contains"]), scalars()),
        (select(vec!["above", "below", "at_least", "at_most"]), (-3..9i64).prop_map(Json::from)),
        (select(vec!["starts_with", "ends_with"]), texts().prop_map(Json::from)),
        (select(vec!["in", "not_in"]), prop::collection::vec(scalars(), 1..4).prop_map(Json::from)),
        (Just("exists"), any::<bool>().prop_map(Json::from)),
        (Just("between"), (0..4i64, 4..9i64).prop_map(|(a, b)| json!([a, b]))),
    ];
    prop::collection::vec(one, 1..3)
        .prop_map(|all| all.into_iter().map(|(operator, wanted)| (operator.to_owned(), wanted)).collect())
}

fn filters() -> impl Strategy<Value = Json> {
    let clause = prop_oneof![
        3 => tests().prop_map(Json::from),
        1 => scalars(),
        1 => Just(json!({"trigger": "cart.id"})),
    ];
    prop::collection::vec((select(vec!["kind", "cart.total", "products.category"]), clause), 1..3)
        .prop_map(|clauses| clauses.into_iter().map(|(path, clause)| (path.to_owned(), clause)).collect())
}

fn names() -> impl Strategy<Value = &'static str> {
    select(vec!["Product Viewed", "Order Completed"])
}

fn with(mut all: Json, more: impl IntoIterator<Item = (String, Json)>) -> Json {
    if let Some(fields) = all.as_object_mut() {
        fields.extend(more);
    }
    all
}

fn figures_of_events() -> impl Strategy<Value = Json> {
    let window = prop_oneof![
        Just(json!({})),
        spans().prop_map(|span| json!({"within": span})),
        Just(json!({"since": "2026-01-01T00:00:00Z"})),
        Just(json!({"until": "2026-01-01T00:00:00Z"})),
        Just(json!({"since": "2026-01-01", "until": "2026-02-01T12:00:00.5Z"})),
    ];
    let of = |name: &'static str, limits: Map<String, Json>| with(json!({"of": name}), limits);
    let asks = prop_oneof![
        Just(json!({})),
        any::<bool>().prop_map(|never| json!({"never": never})),
        limits(9, false).prop_map(|limits| json!({"count": limits})),
        limits(9, false).prop_map(move |limits| json!({"distinct": of("products.sku", limits)})),
        (select(vec!["sum", "average", "min", "max"]), limits(99, true))
            .prop_map(move |(name, limits)| json!({name: of("total", limits)})),
    ];
    let money = (prop::option::of(Just(json!("EUR"))), any::<bool>());
    (names(), window, asks, prop::option::of(filters()), money).prop_map(|(name, window, asks, filter, money)| {
        let mut all = json!({"event": name});
        for more in [window, asks] {
            all = with(all, more.as_object().unwrap().clone());
        }
        all = with(all, filter.map(|filter| ("where".to_owned(), filter)));
        all = with(all, money.0.map(|code| ("currency".to_owned(), code)));
        let gross = money.1 && name == "Order Completed";
        with(all, gross.then(|| ("money".to_owned(), json!("gross"))))
    })
}

fn places_of_events() -> impl Strategy<Value = Json> {
    let place = prop_oneof![
        ages().prop_map(|age| json!({"first": age})),
        ages().prop_map(|age| json!({"last": age})),
        (select(vec!["at_least", "below"]), spans()).prop_map(|(operator, span)| json!({"gap": {operator: span}})),
    ];
    (names(), place, prop::option::of(filters())).prop_map(|(name, place, filter)| {
        let all = with(place, [("event".to_owned(), json!(name))]);
        with(all, filter.map(|filter| ("where".to_owned(), filter)))
    })
}

fn sequences() -> impl Strategy<Value = Json> {
    let step = prop_oneof![
        names().prop_map(Json::from),
        (names(), filters()).prop_map(|(name, filter)| json!({"event": name, "where": filter})),
    ];
    let optional = || prop::option::of(spans());
    (prop::collection::vec(step, 2..5), optional(), optional()).prop_map(|(steps, within, last)| {
        let more = [("within", within), ("in_last", last)];
        with(
            json!({"sequence": steps}),
            more.into_iter().filter_map(|(name, span)| Some((name.to_owned(), json!(span?)))),
        )
    })
}

fn attributes() -> impl Strategy<Value = Json> {
    let path = select(vec!["city", "address.city"]);
    let dates = prop_oneof![
        spans().prop_map(|span| json!({"in_next": span})),
        spans().prop_map(|span| json!({"in_last": span})),
        spans().prop_map(|span| json!({"older_than": span})),
        any::<bool>().prop_map(|passed| json!({"before_now": passed})),
        spans().prop_map(|span| json!({"anniversary": {"in_next": span}})),
        spans().prop_map(|span| json!({"anniversary": {"in_last": span}})),
        (spans(), spans()).prop_map(|(a, b)| json!({"in_next": a, "anniversary": {"in_next": b, "in_last": a}})),
    ];
    prop_oneof![
        3 => (path.clone(), tests()).prop_map(|(path, tests)| with(json!({"attribute": path}), tests)),
        1 => (path.clone(), tests(), spans())
            .prop_map(|(path, tests, span)| with(json!({"attribute": path, "for": span}), tests)),
        1 => (path.clone(), dates.clone()).prop_map(|(path, date)| json!({"attribute": path, "date": date})),
        1 => (path, tests(), dates)
            .prop_map(|(path, tests, date)| with(json!({"attribute": path, "date": date}), tests)),
    ]
}

fn persons() -> impl Strategy<Value = Json> {
    let channel = || select(vec!["email", "sms", "in_app", "telegram"]);
    prop_oneof![
        Just(json!({"segment": "loyal"})),
        channel().prop_map(|channel| json!({"consent": {"channel": channel, "topic": "offers"}})),
        channel().prop_map(|channel| json!({"reachable": channel})),
        channel().prop_map(|channel| json!({"preferred_channel": channel})),
        channel().prop_map(|channel| json!({"engaged": {"channel": channel}})),
        (channel(), spans()).prop_map(|(channel, span)| json!({"engaged": {"channel": channel, "within": span}})),
        any::<bool>().prop_map(|known| json!({"identified": known})),
        ages().prop_map(|age| json!({"first_seen": age})),
        ages().prop_map(|age| json!({"last_seen": age})),
        (0..50u32, 51..100u32).prop_map(|(a, b)| json!({"bucket": {"of": "x", "from": a, "to": b}})),
    ]
}

fn figures() -> impl Strategy<Value = Json> {
    let lifecycle = select(vec!["new", "active", "loyal", "at_risk", "dormant", "won_back"]);
    let buyer = select(vec!["awareness", "consideration", "decision", "post_purchase"]);
    let basis = || prop::option::of(Just(("money".to_owned(), json!("gross"))));
    prop_oneof![
        lifecycle.clone().prop_map(|stage| json!({"lifecycle": stage})),
        prop::collection::vec(lifecycle, 2..4).prop_map(|stages| json!({"lifecycle": stages})),
        buyer.clone().prop_map(|stage| json!({"buyer_stage": stage})),
        prop::collection::vec(buyer, 2..4).prop_map(|stages| json!({"buyer_stage": stages})),
        (select(vec!["category", "brand"]), select(vec!["share", "score"]), limits(3, true))
            .prop_map(|(of, by, limits)| json!({"affinity": {of: "tea", by: limits}})),
        (select(vec!["lifetime_value", "average_order"]), limits(99, true), basis())
            .prop_map(|(name, limits, basis)| json!({name: with(limits.into(), basis)})),
        (limits(9, false), basis()).prop_map(|(limits, basis)| json!({"orders": with(limits.into(), basis)})),
        prop_oneof![Just(json!({})), filters()].prop_map(|filter| json!({"trigger": filter})),
        (limits(11, false), prop::option::of(limits(9, false))).prop_map(|(hour, engagements)| {
            let more = engagements.map(|limits| ("engagements".to_owned(), limits.into()));
            json!({"best_hour": with(json!({"hour": hour}), more)})
        }),
        (limits(9, false), select(vec!["sent", "engaged"]), prop::option::of(Just("email"))).prop_map(
            |(limits, name, channel)| {
                let more = channel.map(|channel| ("channel".to_owned(), channel.into()));
                json!({"learned_channel": with(json!({name: limits}), more)})
            }
        ),
        (limits(9, false), prop::option::of(limits(1, true))).prop_map(|(engagements, share)| {
            let more = share.map(|limits| ("share".to_owned(), limits.into()));
            json!({"device": with(json!({"kind": "ios", "engagements": engagements}), more)})
        }),
    ]
}

/// One condition.
/// Boxed: the trees of nested choices are too large for a stack.
pub(super) fn conditions() -> BoxedStrategy<Json> {
    prop_oneof![
        3 => figures_of_events().boxed(),
        1 => places_of_events().boxed(),
        1 => sequences().boxed(),
        3 => attributes().boxed(),
        3 => persons().boxed(),
        2 => figures().boxed(),
    ]
    .boxed()
}

/// Conditions, and what is made of them with `all`, `any` and `not`.
pub(super) fn rules() -> BoxedStrategy<Json> {
    conditions()
        .prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(|parts| json!({"all": parts})),
                prop::collection::vec(inner.clone(), 1..3).prop_map(|parts| json!({"any": parts})),
                inner.prop_map(|part| json!({"not": part})),
            ]
        })
        .boxed()
}
