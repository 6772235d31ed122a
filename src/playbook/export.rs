//! Everything held of a customer, as JSON that a person can read (promise 2.4).

mod told;

use told::{Told, fields, list, map, say, value};

use super::Playbook;
use crate::customer::{
    Affinities, Attribute, Bought, ConsentRecord, Contact, DeviceCopy, DeviceTag, Figures, HandOver, History,
    Occurrence, Point, Profile, Purchases, Says, SentTo, Series, Suppression,
};
use crate::event::Whereabouts;
use crate::primitives::local::date_of;
use crate::primitives::{DeviceKind, Instant, Key};
use crate::record::{CustomerState, Hold, Pending, Run, Stage, Timer};

impl Playbook {
    /// Everything that a record holds of its customer, as indented JSON whose fields stand in one order: who it is and where
    /// they are reached, attributes with their times, consent, segments, figures, the history of events that is kept,
    /// messages with what became of them, and runs of journeys. Hashes, by which the record knows orders and events again,
    /// are written in hex; the playbook gives names to segments and steps.
    ///
    /// `listed` is what the suppression list says of each contact point, in the order of the record's, as
    /// [`Store::suppressed`](crate::Store::suppressed) answers; empty where it was not asked.
    ///
    /// ```
    /// use throughline::{CustomerId, CustomerState, Instant, Playbook};
    /// let playbook = Playbook::from_json(r#"{"version": 1, "currency": "EUR"}"#)?;
    /// let state = CustomerState::new(CustomerId::new("anna"), Instant::from_millis(0));
    /// assert!(playbook.export(&state, &[]).starts_with("{\n  \"customer\": "));
    /// # Ok::<(), throughline::Faults>(())
    /// ```
    #[must_use]
    pub fn export(&self, state: &CustomerState, listed: &[Option<Suppression>]) -> String {
        serde_json::to_string_pretty(&self.told(state, listed)).unwrap_or_default()
    }

    // Each struct is taken apart by all of its fields: one that is added does not compile until it is told here.
    fn told(&self, state: &CustomerState, listed: &[Option<Suppression>]) -> Told {
        let CustomerState { profile, runs, holds, stage, absorbed, erased, judged, last, segments_due, timers } = state;
        let Profile {
            id,
            user_id,
            aliases,
            anonymous_ids,
            attributes,
            points,
            consents,
            history,
            figures,
            contacts,
            events_seen,
            channels,
            memberships,
            preferred,
            place,
            first_seen,
            last_seen,
        } = profile;
        let (said, merged) = consents.parts();
        let mut attributes: Vec<Attribute> = attributes.iter().map(Attribute::from).collect();
        attributes.sort_by(|a, b| a.key.as_str().cmp(b.key.as_str()));
        let listed = listed.iter().chain(std::iter::repeat(&None));
        map([
            ("customer", say(id)),
            ("stage", stage_told(stage)),
            ("erased_at", time(*erased)),
            ("user_id", say(user_id)),
            ("former_user_ids", say(aliases)),
            ("visitor_ids", say(anonymous_ids)),
            ("records_joined", say(absorbed)),
            ("first_seen", time(*first_seen)),
            ("last_seen", time(*last_seen)),
            ("last_change", time(*last)),
            ("place", place.as_ref().map_or(Told::NONE, |place| place_told(&place.0, place.1))),
            ("preferred_channel", say(preferred)),
            ("attributes", list(attributes.iter().map(attribute))),
            ("contact_points", list(points.iter().zip(listed).map(|(known, listed)| point(known, *listed)))),
            ("consent", list(said.map(|(record, counts)| consent(profile, record, counts)))),
            ("consent_merged_at", merged.map_or(Told::NONE, time)),
            (
                "segments",
                list(memberships.iter().filter(|held| held.inside()).map(|held| self.segment(held.segment()))),
            ),
            ("segments_as_of_definitions", hex(*judged)),
            ("segments_next_change", time(*segments_due)),
            ("figures", figures_told(figures)),
            ("history", events(history)),
            ("messages", list(contacts.iter().map(contact))),
            (
                "channels",
                list(channels.iter().map(|(kind, record)| {
                    let crate::customer::ChannelRecord { sent, engaged, last_engaged } = record;
                    map([
                        ("channel", say(kind)),
                        ("sent", say(sent)),
                        ("engaged", say(engaged)),
                        ("last_engaged", last_engaged.map_or(Told::NONE, time)),
                    ])
                })),
            ),
            ("journeys", list(runs.iter().map(|run| self.run(run)))),
            ("journeys_by_time", list(timers.iter().map(|timer| self.timer(timer)))),
            ("journeys_remembered", list(holds.iter().map(|held| self.hold(held)))),
            ("events_known_by_hash", say(&events_seen.len())),
        ])
    }

    fn segment(&self, hash: u64) -> Told {
        let named = self.segments().find(|id| crate::customer::Memberships::normal(id.key().hash()) == hash);
        named.map_or_else(|| hex(hash), say)
    }

    fn run(&self, run: &Run) -> Told {
        let Run { journey, version, id, key, about, began, place, wake, data, sent, pending } = run;
        let crate::journey::Place { step, visit, since, attempt, awaiting, note } = place;
        let position = self.by_journey.get(&(journey.key().hash(), *version)).copied();
        let graph = position.and_then(|position| self.journeys.get(usize::from(position)));
        map([
            ("journey", say(journey)),
            ("version", say(version)),
            ("run", hex(*id)),
            ("key", say(key)),
            ("about", about.map_or(Told::NONE, hex)),
            ("began", time(*began)),
            ("step", graph.map_or_else(|| say(step), |graph| say(graph.step_name(*step)))),
            ("since", time(*since)),
            ("steps_taken", say(visit)),
            ("attempt", say(attempt)),
            ("awaits_its_message", say(awaiting)),
            ("note", say(note)),
            ("wakes", wake.map_or(Told::NONE, time)),
            ("trigger", fields(data)),
            ("messages_sent", say(sent)),
            ("waiting_message", pending.as_deref().map_or(Told::NONE, waiting)),
        ])
    }

    fn hold(&self, held: &Hold) -> Told {
        let Hold { journey, key, about, run, began, ended, after } = held;
        let named = self.journeys().find(|known| known.id().key().hash() == *journey);
        map([
            ("journey", named.map_or_else(|| hex(*journey), |known| say(known.id()))),
            ("key", hex(*key)),
            ("about", about.map_or(Told::NONE, hex)),
            ("run", hex(*run)),
            ("began", time(*began)),
            ("ended", time(*ended)),
            ("remembered_for", say(after)),
        ])
    }

    fn timer(&self, timer: &Timer) -> Told {
        let Timer { journey, done, next } = timer;
        let named = self.journeys().find(|known| known.id().key().hash() == *journey);
        map([
            ("journey", named.map_or_else(|| hex(*journey), |known| say(known.id()))),
            ("latest_date", done.map_or(Told::NONE, date)),
            ("next_date", next.map_or(Told::NONE, |next| date(next.date))),
            ("next_at", next.map_or(Told::NONE, |next| time(next.at))),
        ])
    }
}

fn stage_told(stage: &Stage) -> Told {
    match stage {
        Stage::Live => say("live"),
        Stage::Awaiting(_) => say("becomes one with another record"),
        Stage::Moved(to) => map([("part_of", say(to))]),
        Stage::Erased(_) => say("erased"),
    }
}

fn place_told(place: &Whereabouts, said: Instant) -> Told {
    let Whereabouts { zone, locale, country } = place;
    map([("zone", say(zone)), ("locale", say(locale)), ("country", say(country)), ("said", time(said))])
}

fn attribute(attribute: &Attribute) -> Told {
    let Attribute { key, value: held, since, said, anonymous } = attribute;
    map([
        ("name", say(key)),
        ("value", value(held)),
        ("since", time(*since)),
        ("said", time(*said)),
        ("said_before_known", say(anonymous)),
    ])
}

fn point(known: &Point, listed: Option<Suppression>) -> Told {
    let Point { point, kind, device, fresh, blocked } = known;
    map([
        ("channel", say(kind)),
        ("address", say(point.as_str())),
        ("device", device.as_deref().map_or(Told::NONE, device_told)),
        ("last_given", time(*fresh)),
        ("blocked", say(blocked)),
        ("suppressed", say(&listed.iter().flat_map(Suppression::blocks).collect::<Vec<_>>())),
    ])
}

fn device_told(device: &DeviceTag) -> Told {
    let DeviceTag { kind, id } = device;
    map([("kind", say(&kind.as_ref().map(DeviceKind::as_str))), ("id", id.map_or(Told::NONE, hex))])
}

fn consent(profile: &Profile, record: &ConsentRecord, counts: Instant) -> Told {
    let ConsentRecord { channel, topic, point, at, says, expires, source, evidence } = record;
    let address = |hash: u64| {
        let known = profile.points.iter().find(|known| known.point.hash() == hash);
        known.map_or_else(|| hex(hash), |known| say(known.point.as_str()))
    };
    map([
        ("channel", say(channel)),
        ("topic", say(topic)),
        ("contact_point", point.map_or(Told::NONE, address)),
        (
            "says",
            say(match says {
                Says::Revoked => "revoked",
                Says::Granted(_) => "granted",
                Says::SignedUp { .. } => "signed_up",
                Says::Confirmed => "confirmed",
            }),
        ),
        ("basis", say(&record.grant())),
        (
            "to_be_confirmed_before",
            match says {
                Says::SignedUp { until } => time(*until),
                _ => Told::NONE,
            },
        ),
        ("source", say(source)),
        ("evidence", say(evidence)),
        ("at", time(*at)),
        ("expires", expires.map_or(Told::NONE, time)),
        ("counts_from", time(counts)),
    ])
}

fn figures_told(figures: &Figures) -> Told {
    let Some(crate::customer::Parts { purchases, considered, decided, affinities, habits }) = figures.parts() else {
        return Told::NONE;
    };
    let Purchases { currency, lines, settled } = purchases;
    let Affinities { half_life, landmark, held } = affinities;
    map([
        ("currency", say(currency)),
        ("net", bought(&figures.bought(crate::customer::MoneyBasis::Net))),
        ("gross", bought(&figures.bought(crate::customer::MoneyBasis::Gross))),
        (
            "orders_and_returns",
            list(lines.iter().map(|line| {
                let crate::customer::Line { at, kind, order, amount, currency } = line;
                map([
                    ("at", time(*at)),
                    ("kind", say(&format!("{kind:?}").to_lowercase())),
                    ("order", hex(*order)),
                    ("amount_in_ten_thousandths", say(amount)),
                    ("currency", say(currency)),
                ])
            })),
        ),
        ("older_in_sums", settled.as_ref().map_or(Told::NONE, |sums| list([bought(&sums.net), bought(&sums.gross)]))),
        ("considered", considered.map_or(Told::NONE, time)),
        ("decided", decided.map_or(Told::NONE, time)),
        ("likes_half_life_days", say(half_life)),
        ("likes_as_of_period", say(landmark)),
        (
            "likes",
            list(held.iter().map(|liked| {
                let crate::customer::Affinity { of, name, score } = liked;
                map([("of", say(of)), ("name", say(name)), ("score", say(score))])
            })),
        ),
        (
            "habits",
            habits.as_ref().map_or(Told::NONE, |habits| {
                let crate::customer::Habits { hours, devices } = &**habits;
                map([("engaged_by_hour", say(hours)), ("engaged_by_device", say(devices))])
            }),
        ),
    ])
}

fn bought(bought: &Bought) -> Told {
    map([
        ("orders", say(&bought.orders)),
        ("value", say(&bought.value().normalize().to_string())),
        ("left_out", say(&bought.left_out)),
        ("first", bought.first.map_or(Told::NONE, time)),
        ("last", bought.last.map_or(Told::NONE, time)),
    ])
}

fn events(history: &History) -> Told {
    let mut series: Vec<&Series> = history.iter().collect();
    series.sort_by(|a, b| a.event().as_str().cmp(b.event().as_str()));
    list(series.into_iter().map(|series| {
        let properties: Vec<&Key> = series.columns().iter().map(|column| &column.property).collect();
        let row = |row: Occurrence<'_>| {
            let held = properties.iter().filter_map(|key| Some(((*key).clone(), row.property(key)?.to_value())));
            let held: crate::primitives::Fields = held.collect();
            map([("at", time(row.at)), ("properties", fields(&held))])
        };
        map([
            ("event", say(series.event())),
            ("times_ever", say(&series.total())),
            ("first", time(series.first())),
            ("kept", list(series.within(Instant::MIN, Instant::MAX).map(row))),
        ])
    }))
}

fn contact(contact: &Contact) -> Told {
    let Contact {
        id,
        message,
        channel,
        content,
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
    } = contact;
    map([
        ("id", say(id)),
        ("message", say(&message.id)),
        ("topic", say(&message.topic)),
        ("class", say(&message.class)),
        ("channel", say(&channel.id)),
        ("kind", say(&channel.kind)),
        ("content_key", say(content)),
        ("journey", say(&run.as_ref().map(|run| &run.journey))),
        (
            "contact_points",
            match to {
                SentTo::Id => Told::NONE,
                SentTo::Point(point) => list([hex(*point)]),
                SentTo::Devices(copies) => list(copies.iter().map(device_copy)),
            },
        ),
        ("decided", time(*decided)),
        ("handed_over_first", claims.map_or(Told::NONE, |(first, _)| time(first))),
        ("handed_over_last", claims.map_or(Told::NONE, |(_, last)| time(last))),
        ("tries", say(tries)),
        ("outcome_unknown", say(doubt)),
        ("status", say(status)),
        ("valid_until", time(*deadline)),
        ("engaged", say(&engaged.map(|(how, _)| how))),
        ("engaged_at", engaged.map_or(Told::NONE, |(_, at)| time(at))),
        ("cascade_goes_on", say(cascading)),
    ])
}

fn device_copy(copy: &DeviceCopy) -> Told {
    let DeviceCopy { id, point, hand_over: HandOver { tries, doubt, claims, status } } = copy;
    map([
        ("id", say(id)),
        ("token", hex(*point)),
        ("handed_over_first", claims.map_or(Told::NONE, |(first, _)| time(first))),
        ("handed_over_last", claims.map_or(Told::NONE, |(_, last)| time(last))),
        ("tries", say(tries)),
        ("outcome_unknown", say(doubt)),
        ("status", say(status)),
    ])
}

fn waiting(pending: &Pending) -> Told {
    let Pending { message, only, cascade, first, retry } = pending;
    map([
        ("message", say(message)),
        ("on", say(only)),
        ("stopped_by", say(cascade)),
        ("decided_first", time(*first)),
        ("decided_again", time(*retry)),
    ])
}

/// The ends of time stand for never.
fn time(at: Instant) -> Told {
    if at == Instant::MIN || at == Instant::MAX { Told::NONE } else { say(&at) }
}

fn date(days: i64) -> Told {
    let (year, month, day) = date_of(days);
    say(&format!("{year:04}-{month:02}-{day:02}"))
}

fn hex(hash: u64) -> Told {
    say(&format!("{hash:016x}"))
}
