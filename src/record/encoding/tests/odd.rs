//! States that no playbook would lead to: every variant of everything.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::super::super::{Awaiting, CustomerState, Erase, Hold, Pending, Run, Stage, Timer, Tombstone};
use crate::customer::*;
use crate::event::{Basis, Event, Evidence, Whereabouts};
use crate::journey::{Occasion, Place};
use crate::primitives::*;

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "order_id",
            "total",
            "email",
            "Product Viewed",
            "Order Completed",
            "offers",
            "cart",
            "a"
        ])
        .prop_map(str::to_owned),
        "[a-zß€ 😀]{0,6}",
    ]
}

fn text() -> impl Strategy<Value = Arc<str>> {
    name().prop_map(Arc::from)
}

fn key() -> impl Strategy<Value = Key> {
    name().prop_map(Key::new)
}

/// Some come again, as hashes do.
fn hash() -> impl Strategy<Value = u64> {
    prop_oneof![0..3_u64, Just(Key::hash_of("cart")), Just(Key::hash_of("a@b.de")), any::<u64>()]
}

pub(super) fn instant() -> impl Strategy<Value = Instant> {
    prop_oneof![
        1_700_000_000_000..1_760_000_000_000_i64,
        (28_000_000..29_000_000_i64).prop_map(|minute| minute * 60_000),
        Just(i64::MIN),
        Just(i64::MAX),
        any::<i64>(),
    ]
    .prop_map(Instant::from_millis)
}

fn span() -> impl Strategy<Value = Span> {
    prop_oneof![
        Just(Span::MAX),
        Just(Span::millis(i64::MIN)),
        Just(Span::ZERO),
        Just(Span::days(30)),
        any::<i64>().prop_map(Span::millis)
    ]
}

fn kind() -> impl Strategy<Value = ChannelKind> {
    use ChannelKind::*;
    prop_oneof![
        prop::sample::select(vec![Email, Sms, WhatsApp, Push, WebPush, InApp, Inbox, Audience]),
        key().prop_map(Other),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let decimal = (any::<[u32; 3]>(), any::<bool>(), 0..29_u32)
        .prop_map(|([low, mid, high], negative, scale)| Decimal::from_parts(low, mid, high, negative, scale));
    let short = (-1_000_000..1_000_000_i64, 0..6_u32).prop_map(|(n, scale)| Decimal::new(n, scale));
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        prop_oneof![any::<i64>(), -100..100_i64].prop_map(Value::Int),
        prop_oneof![decimal, short].prop_map(Value::Decimal),
        text().prop_map(Value::Text),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|list| Value::List(list.into())),
            vec((key(), inner), 0..4).prop_map(|map| Value::Map(Box::new(map.into_iter().collect()))),
        ]
    })
}

fn fields() -> impl Strategy<Value = Fields> {
    vec((key(), value()), 0..4).prop_map(|fields| fields.into_iter().collect())
}

fn engagement() -> impl Strategy<Value = Engagement> {
    use Engagement::*;
    prop::sample::select(vec![Open, Click, Reply, Visit, Conversion])
}

fn status() -> impl Strategy<Value = Status> {
    (0..9, instant()).prop_map(|(n, at)| match n {
        0 => Status::Queued { due: at },
        1 => Status::InFlight { lease: at },
        2 => Status::Accepted,
        3 => Status::Refused,
        4 => Status::Parked,
        5 => Status::Cancelled,
        6 => Status::Expired,
        7 => Status::HeldOut,
        _ => Status::Bounced,
    })
}

fn sent_to() -> impl Strategy<Value = SentTo> {
    let claims = option::of((instant(), instant()));
    let copy = (any::<u128>(), hash(), any::<u16>(), any::<bool>(), claims, status()).prop_map(
        |(id, point, tries, doubt, claims, status)| DeviceCopy {
            id: IdempotencyKey::from_u128(id),
            point,
            hand_over: HandOver { tries, doubt, claims, status },
        },
    );
    prop_oneof![
        Just(SentTo::Id),
        hash().prop_map(SentTo::Point),
        vec(copy, 1..4).prop_map(|copies| SentTo::Devices(Box::new(Copies::new(copies).unwrap()))),
    ]
}

fn contact() -> impl Strategy<Value = Contact> {
    let message =
        (name(), name(), any::<bool>(), any::<bool>(), span()).prop_map(|(id, topic, marketing, counts, dedupe)| {
            let class = if marketing { MessageClass::Marketing } else { MessageClass::Transactional };
            MessageTag { id: MessageId::new(id), topic: Topic::new(topic), class, counts, dedupe }
        });
    let channel = (name(), kind()).prop_map(|(id, kind)| ChannelTag { id: ChannelId::new(id), kind });
    let run = (name(), hash(), hash()).prop_map(|(journey, run, visit)| RunRef {
        journey: JourneyId::new(journey),
        run,
        visit,
    });
    let what = (any::<u128>(), message, channel, name(), option::of(run), sent_to());
    let when = (instant(), instant(), any::<u16>(), option::of((instant(), instant())), status());
    (what, when, option::of((engagement(), instant())), any::<[bool; 2]>()).prop_map(
        |(
            (id, message, channel, content, run, to),
            (decided, deadline, tries, claims, status),
            engaged,
            [doubt, cascading],
        )| Contact {
            id: IdempotencyKey::from_u128(id),
            message: Arc::new(message),
            channel: Arc::new(channel),
            content: ContentKey::new(&content),
            run,
            to,
            decided,
            deadline,
            tries,
            doubt,
            claims,
            status,
            engaged,
            cascading,
        },
    )
}

fn run() -> impl Strategy<Value = Run> {
    let place = (any::<u32>(), 0..9_u32, instant(), any::<u16>(), any::<bool>(), option::of(name())).prop_map(
        |(step, visit, since, attempt, awaiting, note)| Place {
            step,
            visit,
            since,
            attempt,
            awaiting,
            note: note.map(String::into_boxed_str),
        },
    );
    let pending = (
        name(),
        option::of(vec(name().prop_map(ChannelId::new), 0..3)),
        option::of(vec(engagement(), 0..3)),
        instant(),
        instant(),
    )
        .prop_map(|(message, only, cascade, first, retry)| {
            let (only, cascade) = (only.map(Arc::from), cascade.map(Arc::from));
            Box::new(Pending { message: MessageId::new(message), only, cascade, first, retry })
        });
    let named = (name(), any::<u32>(), hash(), option::of(text()), option::of(hash()));
    (named, (instant(), place, option::of(instant()), fields(), any::<u32>(), option::of(pending))).prop_map(
        |((journey, version, id, key, about), (began, place, wake, data, sent, pending))| Run {
            journey: JourneyId::new(journey),
            version,
            id,
            key,
            about,
            began,
            place,
            wake,
            data,
            sent,
            pending,
        },
    )
}

fn hold() -> impl Strategy<Value = Hold> {
    (hash(), hash(), option::of(hash()), hash(), instant(), instant(), span()).prop_map(
        |(journey, key, about, run, began, ended, after)| Hold { journey, key, about, run, began, ended, after },
    )
}

fn consent() -> impl Strategy<Value = (ConsentRecord, Instant)> {
    use Basis::*;
    let basis = prop::sample::select(vec![Express, ImpliedPurchase, ImpliedInquiry, SoftOptIn, LegitimateInterest]);
    let says = prop_oneof![
        Just(Says::Revoked),
        basis.prop_map(Says::Granted),
        instant().prop_map(|until| Says::SignedUp { until }),
        Just(Says::Confirmed),
    ];
    let proof = (option::of(name()), option::of("[a-z0-9 -]{1,40}"));
    (
        kind(),
        option::of(name().prop_map(Topic::new)),
        option::of(hash()),
        instant(),
        says,
        option::of(instant()),
        option::of(instant()),
        proof,
    )
        .prop_map(|(channel, topic, point, at, says, expires, counts, (source, evidence))| {
            let (source, evidence) = (source.map(Key::new), evidence.and_then(Evidence::new));
            let record = ConsentRecord { channel, topic, point, at, says, expires, source, evidence };
            (record, counts.unwrap_or(at))
        })
}

fn point() -> impl Strategy<Value = (ChannelKind, String, Option<DeviceTag>, Instant, Option<BlockReason>)> {
    use BlockReason::*;
    let token = prop_oneof![Just("a@b.de".to_owned()), "[a-z😀]{1,9}"];
    let device = (option::of(text()), option::of(hash()));
    let device =
        device.prop_map(|(kind, id)| DeviceTag { kind: kind.and_then(|kind| DeviceKind::from_name(&kind)), id });
    let blocked = prop::sample::select(vec![HardBounce, Invalid, Host, Erased, OptOut, Complaint]);
    (kind(), token, option::of(device), instant(), option::of(blocked))
}

/// Events as a history takes them, with properties of any kind.
fn history() -> impl Strategy<Value = History> {
    let event = (name(), instant(), vec((key(), value()), 0..3), 0..4_u32);
    vec(event, 0..40).prop_map(|events| {
        let mut history = History::default();
        for (name, at, properties, keep) in events {
            let columns: Vec<Key> = properties.iter().map(|(key, _)| key.clone()).collect();
            let fields: Fields = properties.into_iter().collect();
            let keep = Keep { last: keep * 5, within: Span::ZERO };
            history.record(&Key::new(name), at, &columns, |key| fields.get(key), keep, Instant::MAX);
        }
        history
    })
}

/// Figures of events in any order, of several currencies and shops, and of sums that a host keeps.
fn figures() -> impl Strategy<Value = Figures> {
    let event = (0..7_usize, instant(), option::of(0..4_u32), option::of(-10_000..10_000_i64), 0..4_usize, name());
    let engaged = vec((0..24_u8, option::of(name())), 0..4);
    let sums = option::of((any::<i64>(), any::<u32>(), instant(), instant()));
    (vec(event, 0..45), engaged, sums).prop_map(|(events, engaged, sums)| {
        let codes = ["EUR", "usd", "GBP", "no"];
        let mut figures = Figures::default();
        if let Some((amount, orders, first, last)) = sums {
            let value = Money { amount: Decimal::new(amount, 4), currency: "EUR".parse().unwrap() };
            figures = Figures::of_sums(value, orders, first, last);
        }
        for (which, at, order, amount, code, name) in events {
            let names = [
                "Order Completed",
                "Order Completed",
                "Order Refunded",
                "Order Cancelled",
                "Product Viewed",
                "Product Added",
                "page",
            ];
            let mut event = Event::track(names[which]).property("category", name.as_str()).property("brand", "b");
            if let Some(order) = order {
                event = event.property("order_id", i64::from(order));
            }
            if let Some(amount) = amount {
                event = event.property("total", Decimal::new(amount, 3));
            }
            event = event.property("currency", codes[code]);
            let shop = if at.as_millis() % 50 == 0 { "SEK" } else { "EUR" };
            figures.observe(&event, at, &FigureRules::default(), shop.parse().unwrap());
        }
        for (hour, device) in engaged {
            figures.engaged(hour, device.as_deref());
        }
        figures
    })
}

fn seen() -> impl Strategy<Value = Seen> {
    let ids = vec((0..2_000_u32, 0..200_i64), 0..60);
    ids.prop_map(|ids| {
        let (mut seen, mut now) = (Seen::default(), Instant::from_millis(1_700_000_000_000));
        for (id, hours) in ids {
            now += Span::hours(hours);
            seen.take(&id.to_string(), now, Span::days(30));
        }
        seen
    })
}

fn memberships() -> impl Strategy<Value = Memberships> {
    vec((hash(), any::<bool>(), instant()), 0..5).prop_map(|said| {
        let mut memberships = Memberships::default();
        said.into_iter().for_each(|(segment, inside, until)| memberships.set(Standing::new(segment, inside, until)));
        memberships
    })
}

fn whereabouts() -> impl Strategy<Value = (Whereabouts, Instant)> {
    let of = || option::of(text());
    (of(), of(), of(), instant()).prop_map(|(zone, locale, country, at)| (Whereabouts { zone, locale, country }, at))
}

fn profile() -> impl Strategy<Value = Profile> {
    let attribute = (key(), value(), instant(), instant(), any::<bool>());
    let ids = (option::of(text()), vec(text(), 0..2));
    let who = (any::<u128>(), ids, vec(text(), 0..3), vec(attribute, 0..6));
    let book = (vec(consent(), 0..5), option::of(instant()));
    let reach = (vec(point(), 0..4), book, option::of(kind()), option::of(whereabouts()));
    let record = (any::<u32>(), any::<u32>(), option::of(instant()))
        .prop_map(|(sent, engaged, last_engaged)| ChannelRecord { sent, engaged, last_engaged });
    let did = (history(), vec(contact(), 0..5), seen(), vec((kind(), record), 0..3), memberships(), figures());
    (who, reach, did, instant(), instant()).prop_map(|(who, reach, did, first_seen, last_seen)| {
        let (id, (user_id, aliases), anonymous_ids, attributes) = who;
        let (points, (consents, merged), preferred, place) = reach;
        let mut profile = Profile::new(CustomerId::from_u128(id), first_seen);
        profile.user_id = user_id;
        profile.aliases = aliases;
        profile.anonymous_ids = anonymous_ids;
        profile.attributes = Attributes::from_list(
            attributes
                .into_iter()
                .map(|(key, value, since, said, anonymous)| Attribute { key, value, since, said, anonymous })
                .collect(),
        );
        for (kind, token, device, at, blocked) in points {
            let point = ContactPoint::token(&token).unwrap();
            if profile.points.add(kind, point.clone(), device, at) {
                blocked.into_iter().for_each(|reason| assert!(profile.points.block(&point, reason)));
            } else {
                profile.points.drop(point.hash(), at);
            }
        }
        profile.consents = ConsentBook::from_parts(consents, merged);
        profile.preferred = preferred;
        profile.place = place.map(Box::new);
        (profile.history, profile.contacts, profile.events_seen, profile.channels, profile.memberships) =
            (did.0, ContactLog::from_list(did.1), did.2, did.3, did.4);
        profile.figures = did.5;
        profile.last_seen = last_seen;
        profile
    })
}

fn timer() -> impl Strategy<Value = Timer> {
    let next = (any::<i64>(), instant()).prop_map(|(date, at)| Occasion { date, at });
    (hash(), option::of(any::<i64>()), option::of(next)).prop_map(|(journey, done, next)| Timer { journey, done, next })
}

/// Any state that can be held at all.
pub(super) fn state() -> impl Strategy<Value = CustomerState> {
    let links = || vec(any::<u64>(), 0..3);
    let stage = prop_oneof![
        Just(Stage::Live),
        any::<u128>().prop_map(|to| Stage::Moved(CustomerId::from_u128(to))),
        (links(), links(), 0..3_usize).prop_map(|(open, settled, erase)| {
            let erase = [Erase::No, Erase::Visitor, Erase::Asked][erase];
            Stage::Awaiting(Box::new(Awaiting { open, settled, erase }))
        }),
        (vec(any::<u128>(), 0..3), vec(any::<u128>(), 0..3))
            .prop_map(|(users, strong)| Stage::Erased(Box::new(Tombstone { users, strong }))),
    ];
    let absorbed = vec(any::<u128>().prop_map(CustomerId::from_u128), 0..3);
    let more = (absorbed, any::<u64>(), instant(), vec(timer(), 0..3));
    (profile(), vec(run(), 0..3), vec(hold(), 0..4), (stage, more), instant(), instant()).prop_map(
        |(profile, runs, holds, (stage, (absorbed, judged, erased, timers)), last, segments_due)| CustomerState {
            profile,
            runs,
            holds,
            stage,
            absorbed,
            judged,
            erased,
            last,
            segments_due,
            timers,
        },
    )
}
