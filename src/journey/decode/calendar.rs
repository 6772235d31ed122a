//! Dates and schedules, from their JSON.

use super::Decoder;
use crate::journey::calendar::{AtDate, Days, LeapDay, Offset, Recurs, Schedule};
use crate::primitives::fault::{Node, Object};
use crate::primitives::local::{LocalTime, Weekday, Weekdays};

/// At this time of day where a trigger or a wait by date does not say.
const MORNING: (u32, u32) = (9, 0);

impl<'a> Decoder<'a> {
    /// The `date`, `every`, `offset`, `time` and `leap_day` of an object that may have more.
    pub(super) fn at_date(&mut self, object: &Object<'a>) -> Option<AtDate> {
        let attribute = object.need("date").and_then(|node| node.key());
        let recurs = match object.get("every") {
            None => Some(Recurs::Once),
            Some(node) if node.json() == "year" => {
                let leap_days = [("february_28", LeapDay::February28), ("march_1", LeapDay::March1)];
                let leap_day = object.get("leap_day").map_or(Some(LeapDay::default()), |node| node.one_of(&leap_days));
                leap_day.map(Recurs::Yearly)
            }
            Some(node) => {
                node.fault("a `date` comes once, or `every` \"year\"");
                None
            }
        };
        if object.get("every").is_none() {
            self.misplaced(object, "leap_day", "only a date that comes `every` \"year\" meets common years");
        }
        let offset = object.get("offset").map_or(Some(Offset::default()), |node| node.parsed());
        let time = time(object);
        let attribute = attribute?;
        if !self.needs.attributes.contains(&attribute) {
            self.needs.attributes.push(attribute.clone());
        }
        Some(AtDate { attribute, recurs: recurs?, offset: offset?, time: time? })
    }

    /// The `every`, `weekdays`, `day` and `time` of an object that may have more.
    pub(super) fn schedule(&mut self, object: &Object<'a>) -> Option<Schedule> {
        let time = time(object);
        let every = object.need("every")?;
        let days = match every.text()? {
            "year" => {
                every.fault("a year is counted from a `date`: name an attribute");
                None
            }
            _ => match every.one_of(&[("day", "day"), ("week", "week"), ("month", "month")])? {
                "day" => Some(Days::Every),
                "week" => object.need("weekdays").and_then(|node| weekdays(&node)).map(Days::OfWeek),
                _ => {
                    let day = object.need("day").and_then(|node| node.integer(1..=31));
                    day.and_then(|day| u32::try_from(day).ok()).map(Days::OfMonth)
                }
            },
        };
        for (name, of) in [("weekdays", "week"), ("day", "month")] {
            if every.json() != of {
                self.misplaced(object, name, &format!("only what comes `every` \"{of}\" has it"));
            }
        }
        Some(Schedule { days: days?, time: time? })
    }

    fn misplaced(&mut self, object: &Object<'a>, name: &str, why: &str) {
        if let Some(node) = object.get(name) {
            node.fault(why);
            self.faulty = true;
        }
    }
}

fn time(object: &Object<'_>) -> Option<LocalTime> {
    let (hour, minute) = MORNING;
    object.get("time").map_or_else(|| LocalTime::from_hour_minute(hour, minute), |node| node.parsed())
}

pub(super) fn weekdays(list: &Node<'_>) -> Option<Weekdays> {
    let days: Option<Vec<Weekday>> = list.list()?.iter().map(|node| node.parsed()).collect();
    let set = Weekdays::new(days?);
    if set.is_none() {
        list.fault("name at least one weekday");
    }
    set
}
