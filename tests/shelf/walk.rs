//! One customer through one template of the shelf, and a record of the ways that were gone.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};

use serde_json::{Value as Json, json};
use throughline::{Event, JourneyTemplate, Playbook, TemplateParameter, Value, What};

use crate::shop::Shop;

/// A way of a journey: from one step at which a run rests, or its begin, to the next, or the end.
pub type Way = (String, String);

thread_local! {
    /// The ways that walks on this thread went, by journey.
    static GONE: RefCell<BTreeMap<String, BTreeSet<Way>>> = RefCell::default();
}

pub fn gone(journey: &str) -> BTreeSet<Way> {
    GONE.with_borrow(|gone| gone.get(journey).cloned().unwrap_or_default())
}

/// A playbook of a shop with these channels, everything that texts read of the brand, and these uses of templates.
pub fn book(channels: &[&str], shelf: Json) -> Json {
    let specs: serde_json::Map<String, Json> = channels
        .iter()
        .map(|id| {
            (
                (*id).to_owned(),
                if ["email", "sms", "whatsapp"].contains(id) { json!({}) } else { json!({"by_id": true}) },
            )
        })
        .collect();
    let links = [
        "shop",
        "cart",
        "checkout",
        "orders",
        "rate",
        "review",
        "referral",
        "reorder",
        "loyalty",
        "stay",
        "profile",
        "help",
        "subscribe",
        "unsubscribe",
    ];
    let links: serde_json::Map<String, Json> =
        links.iter().map(|name| ((*name).to_owned(), format!("https://fern.example/{name}").into())).collect();
    json!({
        "version": 1, "currency": "EUR", "channels": specs, "brand": {"name": "Fern", "links": links},
        "policy": {"topics_default": "opt_out", "zone": "Europe/London"}, "shelf": shelf
    })
}

/// What has to be said of a template, as its examples say it, and what differs.
pub fn with(name: &str, differs: Json) -> Json {
    let template = JourneyTemplate::named(name).unwrap_or_else(|| panic!("no {name}"));
    let mut values: serde_json::Map<String, Json> = template
        .parameters()
        .iter()
        .filter(|parameter| parameter.is_required())
        .map(|parameter| (parameter.name().to_owned(), written(parameter.example().unwrap())))
        .collect();
    values.extend(differs.as_object().unwrap().clone());
    values.into()
}

pub fn written(value: &Value) -> Json {
    serde_json::to_value(value).unwrap()
}

/// Anna's way through one template.
pub struct Walk {
    name: &'static str,
    pub shop: Shop,
}

impl Walk {
    /// Through a template with its defaults, in a shop with e-mail and push; Anna is known since January.
    pub fn of(name: &'static str) -> Walk {
        Walk::on(name, &["email", "push"], json!({}))
    }

    pub fn on(name: &'static str, channels: &[&str], differs: Json) -> Walk {
        let mut walk = Walk::unknown(name, channels, differs);
        walk.happens("01-01 00:00", crate::shop::known().with_trait("first_name", "Anna"));
        walk
    }

    /// Through a template as somebody of whom nothing is known.
    pub fn unknown(name: &'static str, channels: &[&str], differs: Json) -> Walk {
        let mut shop = Shop::new(book(channels, json!({name: {"use": name, "with": with(name, differs)}})));
        shop.around.explain = true;
        Walk { name, shop }
    }

    /// An event at `MM-DD hh:mm` of 2026.
    pub fn happens(&mut self, time: &str, event: Event) {
        self.shop.event(&instant(time), event);
    }

    /// The end: everything that is due until then has happened. The hand-overs, each as its time, message and channel.
    pub fn until(&mut self, time: &str) -> Vec<String> {
        self.shop.pass(&instant(time));
        self.sent()
    }

    pub fn sent(&self) -> Vec<String> {
        let prefix = format!("{}_", self.name);
        self.handed
            .iter()
            .map(|(at, envelope)| {
                let at = at.to_string();
                let message = envelope.message.id.as_str().strip_prefix(&prefix).unwrap();
                format!("{} {} {message} {}", &at[5..10], &at[11..16], envelope.channel.id)
            })
            .collect()
    }

    /// All texts of a hand-over.
    pub fn said(&self, handed: usize) -> String {
        let texts = self.handed[handed].1.content.texts();
        texts.into_iter().map(|(name, text)| format!("{name}: {text}\n")).collect()
    }

    /// A receipt of a hand-over.
    pub fn answers(&mut self, time: &str, receipt: &str, handed: usize) {
        let id = self.handed[handed].1.id.to_string();
        self.happens(time, Event::track(receipt).property("envelope_id", id.as_str()));
    }

    /// Why the runs ended, in order.
    pub fn ended(&self) -> Vec<String> {
        let reasons = self.notes.iter().filter_map(|note| match &note.what {
            What::RunEnded { reason, .. } => Some(reason.word().to_owned()),
            _ => None,
        });
        reasons.collect()
    }

    pub fn attribute(&self, name: &str) -> Option<Json> {
        use throughline::Customer;
        self.state.profile.attribute(&name.into()).map(|value| serde_json::to_value(value).unwrap())
    }
}

/// How faults are told of a playbook with this shelf.
pub fn faults(channels: &[&str], shelf: Json) -> Vec<String> {
    match Playbook::from_json(&book(channels, shelf).to_string()) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(ToString::to_string).collect(),
    }
}

fn instant(time: &str) -> String {
    format!("2026-{}:00Z", time.replace(' ', "T"))
}

impl Deref for Walk {
    type Target = Shop;

    fn deref(&self) -> &Shop {
        &self.shop
    }
}

impl DerefMut for Walk {
    fn deref_mut(&mut self) -> &mut Shop {
        &mut self.shop
    }
}

/// What a walk went is remembered when it is over.
impl Drop for Walk {
    fn drop(&mut self) {
        let journeys = journeys(self.name);
        let rest = |journey: &str, id: &str| journeys[journey].iter().any(|step| step["id"] == id && rests(step));
        let mut at: BTreeMap<u64, String> = BTreeMap::new();
        let went = |journey: &str, from: String, to: String| {
            GONE.with_borrow_mut(|gone| gone.entry(journey.to_owned()).or_default().insert((from, to)));
        };
        for note in &self.shop.notes {
            match &note.what {
                What::RunBegun(run) => drop(at.insert(run.run, "begin".to_owned())),
                What::Step { run, step } => {
                    let from = at.insert(run.run, step.to_string());
                    went(run.journey.as_str(), from.unwrap(), step.to_string());
                }
                What::RunEnded { run, reason } if reason.word() == "completed" => {
                    let last = at.remove(&run.run).unwrap();
                    if rest(run.journey.as_str(), &last) {
                        went(run.journey.as_str(), last, "end".to_owned());
                    }
                }
                _ => {}
            }
        }
    }
}

/// The steps of a template's journeys.
pub fn journeys(name: &str) -> BTreeMap<String, Vec<Json>> {
    let template = JourneyTemplate::named(name).unwrap();
    let json: Json =
        serde_json::from_str(&filled(template).to_json().unwrap_or_else(|faults| panic!("{faults}"))).unwrap();
    let steps = |(name, journey): (&String, &Json)| (name.clone(), journey["steps"].as_array().unwrap().clone());
    json["journeys"].as_object().unwrap().iter().map(steps).collect()
}

/// With what every use has to say, as the examples say it.
pub fn filled(template: JourneyTemplate) -> JourneyTemplate {
    let required = template.parameters().into_iter().filter(TemplateParameter::is_required);
    required.fold(template, |template, parameter| template.with(parameter.name(), parameter.example().unwrap().clone()))
}

/// Whether a run can rest at a step.
fn rests(step: &Json) -> bool {
    ["wait", "wait_until", "wait_for", "message", "cascade"].iter().any(|kind| step.get(kind).is_some())
}

/// Every way that a journey of these steps has. A step at which no run rests is passed, unless it is the last one.
pub fn ways(steps: &[Json]) -> BTreeSet<Way> {
    let mut all = BTreeSet::new();
    reach(steps, "begin", Some(&steps[0]), &mut all);
    for step in steps.iter().filter(|step| rests(step)) {
        for next in nexts(steps, step) {
            reach(steps, step["id"].as_str().unwrap(), next, &mut all);
        }
    }
    all
}

fn reach(steps: &[Json], from: &str, to: Option<&Json>, all: &mut BTreeSet<Way>) {
    let Some(to) = to else {
        all.insert((from.to_owned(), "end".to_owned()));
        return;
    };
    let id = to["id"].as_str().unwrap().to_owned();
    if rests(to) {
        all.insert((from.to_owned(), id));
        return;
    }
    for next in nexts(steps, to) {
        match next {
            None => drop(all.insert((from.to_owned(), id.clone()))),
            next => reach(steps, from, next, all),
        }
    }
}

/// Where a step may lead; `None` is the end.
fn nexts<'s>(steps: &'s [Json], step: &'s Json) -> Vec<Option<&'s Json>> {
    let at = steps.iter().position(|other| other == step).unwrap();
    let named = |name: &str| steps.iter().find(|step| step["id"] == name);
    let by = |field: &str, otherwise: Option<&'s Json>| step[field].as_str().map_or(otherwise, named);
    let following = steps.get(at + 1);
    let next = by("next", following);
    if let Some(arms) = step["branch"].as_array() {
        let arms = arms.iter().map(|arm| named(arm["next"].as_str().unwrap()));
        return arms.chain([by("else", None)]).collect();
    }
    if step.get("wait_for").is_some() {
        return vec![by("then", following), by("else", following)];
    }
    vec![next, by("on_skip", next), by("engaged", next)]
}
