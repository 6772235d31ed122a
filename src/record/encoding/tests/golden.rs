//! A record as the first release stored it. These bytes lie in shops' databases: they are read for ever, and the writer
//! does not change unless the format's version does.

use std::sync::Arc;

use rust_decimal::Decimal;

use crate::customer::*;
use crate::event::{Basis, Event, Whereabouts};
use crate::journey::{Place, SplitArm, Splits};
use crate::primitives::*;
use crate::record::{Awaiting, CustomerState, Erase, Hold, Pending, Run, Stage, Tombstone};

const V1: &str = "\
    b7018d3797891556801bf04f03601bb693afffffff03daafd3f1d69c03c50d05c51f0834373131021276697369746f722d31127669736974
    6f722d3201106f6c642d343731310722616e6e614073686f702e6578616d706c650000812a206f6c644073686f702e6578616d706c650002
    05162b343933303132333435360106050e746f6b656e2d31030505020e746f6b656e2d32040105060e746f6b656e2d330301050500199cdc
    bc1cee73cb0e746f6b656e2d34030105080874766f73010084a684cf6f0bd1c2850307c1011a4575726f70652f4265726c696e0a64652d44
    45044445081074656c656772616d07066167650352c10181030e62616c616e6365048387ad4bc504c1040a73697a6573060205024d034cc5
    07c1070c6c617073656401c501c101067669700205050e6164647265737307020a666c6f6f7203050c737472656574050e486166656e2031
    8509810935055b8506810602030406000b4d2e0501154dc501c5980802188197080560c50185030628c1010700c50105031104c107000403
    05181818041f010404522d3004522d3104522d3204522d3325000402971f009b1f9d1f0867696674020401010201086e6f7465010403c39f
    03c39f0003c39f13028503050103c501011f010104522d310303d687c5b90f0003020503f10300027f1a636172745f72656d696e64657203
    00444433332222111106522d3100b7bfa411fa837cdeda8fd89011020501c501186120686f73742773206f776ec5040133050c53656e6368
    6102038f010208706f737406626f74020102c104c501000c62726f77736501000c000000000000000500000005000201484a494b81030100
    0000520491a7c82ae82d01000700000000000000c10ac501848701090b00fa3f5392c40387fb828516d12156e7b6008f014d02c407009b01
    0000467eb81d55895fb38f01490063000000000000002e8509c5040005008103290111da401d9e5d88dfbe6f7d3099dff63601009d010875
    548f014955c101c50464d85901a85a4d02b4611b0205558ea689525da1a089f3ca000e726563656970744d010401548f014955c101c504c8
    01c1041402f459030000fc975fd9665b83b299892b422d45ddba3301850301020df8f89a54568317a3024a12c76bfa833302c10414030462
    f541d88bb082d5a872c79174b3340c330310140c0334816adc33c08fc88ccfdbb81f19837101025410c504ac02c1041c03ec591c048c538f
    9802128003991fac8c11cdbfd4010154c101c5049003c1042404e4590405afec017fbd77887992f87e172f287fd7020254c101c504f403c1
    042c0406c9854e1c3e6b8767a5813d206677ae9d01015428c504d804c10434040755ed5ffb5871802b9ee295f24283f30f01025430c504bc
    05c1043c040859f0cd68decd8c4dbe9fae5cd65943c302015438c504a006c10444020001ac0202c4590100010003004e141a6aa796661e85
    7b00fb00376b8eff655f815a00310e10c64b259a91010390500102010201660d14c0473fa7afe5d42e801bc7c316f6967f4555522003c122
    1818181818181818181818181818181818181818181818181818a80118181818020c2973008469a1de0f0ce6435c59c70be00f0c96a4f5f1
    8984e20f0c68fb0f84f424e40f0c5cfda23ec5afe60f0cb28e622a3142e80f0cffd0d4ecc0f6ea0f0cb58eca74f77eec0f0c75b126771046
    ee0f0c465fdcdc3710f00f0c953b8795a4b7f20f0c44d05135f112f40f0c6516cc18561ef60f0cad5b3a64b3faf80f0c1ba6ef7bd925fa0f
    0c5279a8b5eb07fc0f0c8b4c834e6c64fe0f0c987e58ee578280100cadca106b7d8f82100c3550a3cafcc984100c03981294185086100cdc
    24ce30267488100cf0f399452c748a100c0fb39471ab848c100c4a3d059cebdc8e100c6f231e70711d90100c983105142c12921008f4031c
    676fa3d9824f807d2cf7be743f3ac0d08c015553441d676fa3d9824f9e1f06f7be743f3ac007070700a8da5581428509c10107070700a8da
    55c1078509c101853cc5011eda0a03000c436f6666656580a0fdcd3b000654656180e0a9ef1301084665726e80a0e79e5780844001010106
    696f73000100019a106448ea673fb6ae2ab809c10f40c808070605040302010201110000000000000001ffffffffffffffff";

/// The second record became part of the first.
const V1_MOVED: &str = "\
    b7019a106448ea673fb6ae2ab809c10f40c8808002daafd3f1d69c03050001018d3797891556801bf04f03601bb693af";

/// The customer of the second record was erased.
const V1_ERASED: &str = "\
    b7019a106448ea673fb6ae2ab809c10f40c8c0808204daeffa87ee9c030505010100014dc107c5070401ffffffffffffffffffffffffffff\
    fffe020000000000000000000000000000000700000000000000000000000000000008";

/// The customer of the fourth record was drawn to arms.
const V1_DRAWN: &str = "\
    b7019a106448ea673fb6ae2ab809c10f40c880848020daafd3f1d69c030500000280300c62726f77736501000c00000000000000c50d0000\
    00050001020059c25128b020ba0c00009ec6931b57aec776ac02801053012b0500000005000002002d4174f278d8724501810c2a02c501";

fn day(days: i64) -> Instant {
    Instant::from_millis(1_772_442_000_123) + Span::days(days)
}

/// What the bytes say.
fn anna() -> CustomerState {
    let mut state = CustomerState::new(CustomerId::new("anna"), day(0));
    let profile = &mut state.profile;
    profile.last_seen = day(9);
    profile.user_id = Some("4711".into());
    profile.aliases = vec!["old-4711".into()];
    profile.anonymous_ids = vec!["visitor-1".into(), "visitor-2".into()];
    profile.points = points();
    let (zone, locale) = (Some("Europe/Berlin".into()), Some("de-DE".into()));
    profile.place = Some(Box::new((Whereabouts { zone, locale, country: Some("DE".into()) }, day(3))));
    profile.preferred = Some(ChannelKind::Other("telegram".into()));
    let map: Fields =
        [("street".into(), Value::from("Hafen 1")), ("floor".into(), Value::Int(-3))].into_iter().collect();
    for (n, (name, value)) in [
        ("vip", Value::Bool(true)),
        ("lapsed", Value::Bool(false)),
        ("age", Value::Int(41)),
        ("balance", Value::Decimal(Decimal::new(-1_234_567, 3))),
        ("email", Value::from("anna@shop.example")),
        ("sizes", Value::List([Value::from("M"), Value::Int(38)].into())),
        ("address", Value::Map(Box::new(map))),
    ]
    .into_iter()
    .enumerate()
    {
        profile.attributes.set(&name.into(), value.clone(), day(0));
        // The first of them were said before the shop knew who this is.
        if n == 2 {
            profile.attributes.mark_anonymous();
        }
        profile.attributes.set(&name.into(), value, day(n as i64));
    }
    profile.consents = ConsentBook::from_parts(consents(), Some(day(5)));
    profile.history = history();
    profile.contacts = contacts();
    profile.channels = vec![
        (ChannelKind::Email, ChannelRecord { sent: 300, engaged: 2, last_engaged: Some(day(8)) }),
        (ChannelKind::Sms, ChannelRecord { sent: 1, engaged: 0, last_engaged: None }),
    ];
    for (name, inside, until) in [("members", true, Instant::MAX), ("lookers", true, day(30)), ("away", false, day(90))]
    {
        profile.memberships.set(Standing::new(Key::hash_of(name), inside, until));
    }
    for (n, id) in ["m-1", "m-2", "m-3"].into_iter().enumerate() {
        profile.events_seen.take(id, day(n as i64 * 4), Span::days(30));
    }
    profile.figures = figures();
    state.runs = runs();
    state.holds = vec![
        Hold {
            journey: Key::hash_of("cart_reminder"),
            key: Key::hash_of("R-1"),
            about: Some(Key::hash_of("sku-1")),
            run: 0x1111_2222_3333_4444,
            began: day(7),
            ended: Instant::MAX,
            after: Span::MAX,
        },
        Hold {
            journey: Key::hash_of("welcome"),
            key: 0,
            about: None,
            run: 7,
            began: day(0),
            ended: day(1),
            after: Span::days(90),
        },
    ];
    state.absorbed = vec![CustomerId::new("visitor")];
    state.stage = Stage::Awaiting(Box::new(Awaiting { open: vec![17], settled: vec![u64::MAX], erase: Erase::No }));
    state.last = day(9);
    state.judged = 0x0102_0304_0506_0708;
    state.segments_due = day(30);
    state
}

/// What is left of a customer.
fn erased() -> CustomerState {
    let mut state = CustomerState::new(CustomerId::new("visitor"), day(9));
    let record = ConsentRecord { topic: Some("offers".into()), ..ConsentRecord::revoked(ChannelKind::Email, day(4)) };
    state.profile.consents.record(record);
    state.stage = Stage::Erased(Box::new(Tombstone { users: vec![u128::MAX - 1], strong: vec![7, 8] }));
    state.erased = day(9);
    state.last = day(9);
    state.segments_due = Instant::MAX;
    state
}

fn points() -> Points {
    use BlockReason::*;
    use ChannelKind::*;
    let mut points = Points::default();
    for (kind, text, device, blocked) in [
        (Email, "anna@shop.example", None, None),
        (Email, "old@shop.example", None, Some(HardBounce)),
        (Sms, "+4930123456", None, Some(Host)),
        (Push, "token-1", Some("ios"), Some(Invalid)),
        (WebPush, "token-2", Some("web"), None),
        (Push, "token-3", Some("android"), None),
        (Push, "token-4", Some("tvos"), None),
    ] {
        let point: ContactPoint = text.parse().unwrap();
        let id = (text == "token-3").then(|| Key::hash_of("phone-3"));
        let device = device.map(|kind| DeviceTag { kind: DeviceKind::from_name(kind), id });
        points.add(kind, point.clone(), device, day(2));
        blocked.into_iter().for_each(|reason| assert!(points.block(&point, reason)));
    }
    points.drop(Key::hash_of("token-5"), day(4));
    points
}

fn consents() -> Vec<(ConsentRecord, Instant)> {
    use Basis::*;
    use ChannelKind::*;
    let bases =
        [Some(Express), Some(ImpliedPurchase), Some(ImpliedInquiry), Some(SoftOptIn), Some(LegitimateInterest), None];
    let kinds = [Email, Sms, WhatsApp, InApp, Inbox, Audience];
    let each = bases.into_iter().zip(kinds).zip(0..);
    each.map(|((grant, channel), n)| {
        let record = ConsentRecord {
            channel,
            topic: (n < 2).then(|| "offers".into()),
            point: (n == 0).then(|| Key::hash_of("anna@shop.example")),
            at: day(n),
            says: grant.map_or(Says::Revoked, Says::Granted),
            expires: (n == 1).then(|| day(700)),
            source: None,
            evidence: None,
        };
        (record, day(if n == 3 { 5 } else { n }))
    })
    .collect()
}

fn history() -> History {
    let mut history = History::default();
    let keys = ["order_id", "total", "gift", "note"].map(Key::new);
    for n in 0..4_i64 {
        // Numbers with a gap, texts with a gap, and a column of everything.
        let fields: Fields = [
            (keys[0].clone(), Some(Value::from(format!("R-{n}").as_str()))),
            (keys[1].clone(), (n != 1).then(|| Value::Decimal(Decimal::new(1_995 + n, 2)))),
            (keys[2].clone(), Some(Value::Bool(n == 2))),
            (keys[3].clone(), (n != 2).then(|| Value::from("ß"))),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect();
        let keep = Keep { last: 9, within: Span::ZERO };
        history.record(&"Order Completed".into(), day(n), &keys, |key| fields.get(key), keep, day(9));
    }
    let refund: Fields = [(keys[0].clone(), Value::from("R-1"))].into_iter().collect();
    let keep = Keep { last: 1, within: Span::ZERO };
    for n in [5, 6] {
        history.record(&"Order Refunded".into(), day(n), &keys[..1], |key| refund.get(key), keep, day(9));
    }
    let on_the_minute = Instant::from_millis(29_540_700 * 60_000);
    for n in [0, 3, 500] {
        let keep = Keep { last: 9, within: Span::ZERO };
        history.record(&"Product Viewed".into(), on_the_minute + Span::minutes(n), &[], |_| None, keep, day(9));
    }
    assert!(history.has_returns());
    history
}

/// Orders in two currencies, named and not, with returns; more than are held one by one; signs, affinities and habits.
fn figures() -> Figures {
    let (rules, shop) = (FigureRules::default(), "EUR".parse().unwrap());
    let mut figures = Figures::default();
    let mut take = |n: i64, event: Event| _ = figures.observe(&event, day(n), &rules, shop);
    let of = |name: &str, order: &str| Event::track(name).property("order_id", order);
    for n in 0..34 {
        take(n, of("Order Completed", &format!("old-{n}")).property("total", Decimal::new(1_000 + n, 2)));
    }
    take(40, Event::track("Order Completed").property("revenue", Decimal::new(25, 1)));
    take(41, of("Order Completed", "R-1").property("total", 80).property("currency", "EUR").property("brand", "Fern"));
    take(42, of("Order Completed", "R-2").property("total", 90).property("currency", "USD"));
    take(43, of("Order Refunded", "R-1").property("total", Decimal::new(1_999, 2)).property("currency", "EUR"));
    take(44, of("Order Cancelled", "R-2"));
    take(45, Event::track("Product Viewed").property("category", "Tea"));
    take(46, Event::track("Product Added").property("category", "Coffee"));
    figures.engaged(9, Some("ios"));
    figures.engaged(20, None);
    figures
}

fn contacts() -> ContactLog {
    use Engagement::*;
    let tag = |id: &str, class, counts, dedupe| {
        Arc::new(MessageTag { id: id.into(), topic: "offers".into(), class, counts, dedupe })
    };
    let cart = tag("cart_reminder", MessageClass::Marketing, true, Span::days(5));
    let receipt = tag("receipt", MessageClass::Transactional, false, Span::ZERO);
    let email = Arc::new(ChannelTag { id: "post".into(), kind: ChannelKind::Email });
    let bot = Arc::new(ChannelTag { id: "bot".into(), kind: ChannelKind::Other("telegram".into()) });
    let statuses = [
        Status::Queued { due: day(10) },
        Status::InFlight { lease: day(9) + Span::minutes(5) },
        Status::Accepted,
        Status::Refused,
        Status::Parked,
        Status::Cancelled,
        Status::Expired,
        Status::HeldOut,
        Status::Bounced,
    ];
    let engaged = [Some(Open), Some(Click), Some(Reply), Some(Visit), Some(Conversion), None, None, None, None];
    let each = statuses.into_iter().zip(engaged).zip(0..);
    let contacts = each.map(|((status, engaged), n)| Contact {
        id: IdempotencyKey::derive(&[&[n as u8]]),
        message: if n % 3 == 2 { receipt.clone() } else { cart.clone() },
        channel: if n % 2 == 1 { bot.clone() } else { email.clone() },
        content: ContentKey::new("Your cart is waiting"),
        run: (n < 3).then(|| RunRef { journey: "cart_reminder".into(), run: 0x1111_2222_3333_4444, visit: 99 }),
        to: match n {
            0 => SentTo::Point(Key::hash_of("anna@shop.example")),
            2 => devices(),
            _ => SentTo::Id,
        },
        decided: day(7),
        deadline: day(10),
        tries: n as u16 * 100,
        doubt: n == 4,
        claims: (n > 1).then(|| (day(7), day(7) + Span::minutes(n))),
        status,
        engaged: engaged.map(|how| (how, day(8))),
        cascading: n == 1,
    });
    ContactLog::from_list(contacts.collect())
}

fn devices() -> SentTo {
    let copy = |n: u8, status| {
        let claims = (n > 1).then(|| (day(7), day(7) + Span::minutes(2)));
        let hand_over = HandOver { tries: n.into(), doubt: n == 3, claims, status };
        DeviceCopy { id: IdempotencyKey::derive(&[&[2], &[n]]), point: Key::hash_of("token-3"), hand_over }
    };
    let copies = vec![copy(1, Status::Queued { due: day(10) }), copy(2, Status::Accepted), copy(3, Status::Parked)];
    SentTo::Devices(Box::new(Copies::new(copies).unwrap()))
}

fn runs() -> Vec<Run> {
    let cart = Run {
        journey: "cart_reminder".into(),
        version: 3,
        id: 0x1111_2222_3333_4444,
        key: Some("R-1".into()),
        about: Some(Key::hash_of("sku-1")),
        began: day(7),
        place: Place {
            step: 2,
            visit: 5,
            since: day(8),
            attempt: 1,
            awaiting: true,
            note: Some("a host's own".into()),
        },
        wake: Some(day(11)),
        data: [("name".into(), Value::from("Sencha"))].into_iter().collect(),
        sent: 2,
        pending: Some(Box::new(Pending {
            message: "cart_reminder".into(),
            only: Some([ChannelId::new("post"), ChannelId::new("bot")].into()),
            cascade: Some([Engagement::Click, Engagement::Reply].into()),
            first: day(8),
            retry: day(9),
        })),
        calling: None,
        acted: false,
        reached: false,
        paused: None,
        arm: None,
        splits: Splits::default(),
    };
    let plain = Run {
        journey: "browse".into(),
        version: 1,
        id: 12,
        key: None,
        about: None,
        began: day(9),
        place: Place { since: day(9), ..Place::default() },
        wake: None,
        data: Fields::new(),
        sent: 0,
        pending: None,
        calling: None,
        acted: false,
        reached: false,
        paused: None,
        arm: None,
        splits: Splits::default(),
    };
    vec![cart, plain]
}

/// The arms that a customer was drawn to, and those of a run.
fn drawn() -> CustomerState {
    let mut state = CustomerState::new(CustomerId::new("visitor"), day(0));
    let global = Drawn { of: Key::hash_of("holdout/2026"), arm: Arm::HeldOut, at: day(1), mixed: false };
    let journey = Drawn { of: Key::hash_of("browse"), arm: Arm::Treated, at: day(2), mixed: true };
    state.profile.arms = Arms::from_list(vec![global, journey]);
    let split = |step: &str, arm| SplitArm { step: Key::hash_of(step), arm };
    let splits = Splits::from_list(vec![split("draw", 0), split("again", 300)]);
    let [_, plain] = <[Run; 2]>::try_from(runs()).unwrap();
    state.runs =
        vec![Run { arm: Some(Arm::HeldOut), splits, ..plain.clone() }, Run { arm: Some(Arm::Treated), ..plain }];
    state
}

fn moved() -> CustomerState {
    let mut state = CustomerState::new(CustomerId::new("visitor"), day(0));
    state.stage = Stage::Moved(CustomerId::new("anna"));
    state.segments_due = Instant::MAX;
    state
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[test]
fn what_the_first_release_stored_is_read() {
    for (stored, wanted) in [(V1, anna()), (V1_MOVED, moved()), (V1_ERASED, erased()), (V1_DRAWN, drawn())] {
        let read = CustomerState::decode(&bytes(stored), &()).unwrap();
        assert!(read == wanted, "{read:#?}");
    }
}

#[test]
fn the_format_does_not_change_without_its_version() {
    for (stored, state) in [(V1, anna()), (V1_MOVED, moved()), (V1_ERASED, erased()), (V1_DRAWN, drawn())] {
        assert_eq!(hex(&state.encode()), hex(&bytes(stored)));
    }
}
