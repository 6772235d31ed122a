//! A journey of one's own beside those of the playbook: it thanks at the 3rd, 5th and 10th order that the customer made,
//! which no graph of fixed steps says as shortly.
use std::sync::Arc;
use throughline::{
    Act, Admission, Advance, Customer, Diagram, Entry, Event, EventNeed, Fields, Instant, Journey, JourneyId, Keep,
    Key, Needs, Place, Playbook, Rehearsal, RunView, Shape, Signal, Span, Stuck,
};

const PLAYBOOK: &str = r#"{
  "version": 1, "currency": "EUR", "channels": {"in_app": {}}, "policy": {"topics_default": "opt_out"},
  "messages": {
    "thanks": {"dedupe": "1h", "variants": {"in_app": {"body": "Another milestone. Thank you!"}}},
    "hello": {"class": "transactional", "variants": {"in_app": {"body": "Hello!"}}}},
  "journeys": {"welcome": {"trigger": {"event": "Signed Up"}, "steps": [{"id": "greet", "message": "hello"}]}}
}"#;

const MILESTONES: [u64; 3] = [3, 5, 10];

#[derive(Debug)]
struct Milestones {
    id: JourneyId,
    order: Key,
}

impl Journey for Milestones {
    fn id(&self) -> &JourneyId {
        &self.id
    }

    fn version(&self) -> u32 {
        1
    }

    /// Of other events it hears nothing, and the record keeps no more than this: how many there were is always known.
    fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        let keep = Keep { last: 1, within: Span::ZERO };
        needs.event(EventNeed { event: self.order.clone(), properties: Vec::new(), keep });
        needs
    }

    /// The first order begins the one run that a customer ever has.
    fn admit(&self, signal: &Signal<'_>, _: &dyn Customer, _: Instant) -> Option<Admission> {
        let Signal::Event { at, .. } = signal else { return None };
        Some(Admission { key: None, about: None, entry: Entry::Once, began: *at, data: Fields::new(), refused: None })
    }

    /// A run remembers only its place: which milestone comes next. The same record and signal give the same answer, so this
    /// journey can be rehearsed like any other.
    fn advance(&self, run: &RunView<'_>, _: &Signal<'_>, who: &dyn Customer, _: Instant) -> Result<Advance, Stuck> {
        let orders = who.history().and_then(|history| history.series(&self.order)).map_or(0, |series| series.total());
        let next = run.place.step;
        let Some(milestone) = MILESTONES.get(next as usize) else { return Ok(Advance::stay(None)) };
        if orders < *milestone {
            return Ok(Advance::stay(None));
        }
        let place = Place { step: next + 1, visit: run.place.visit + 1, ..run.place.clone() };
        let thanks = Act::Message { message: "thanks".into(), only: None, cascade: None };
        Ok(Advance { place: Some(place), acts: vec![thanks], wake: None })
    }

    fn step_name(&self, step: u32) -> &str {
        ["none yet", "third", "fifth", "tenth"].get(step as usize).copied().unwrap_or("beyond")
    }

    fn diagram(&self) -> Option<Diagram> {
        let mut diagram = Diagram::new(self.id.as_str());
        let mut last = diagram.place("", "Order Completed", Shape::Begin);
        for (step, milestone) in (1..).zip(MILESTONES) {
            let next = diagram.place(self.step_name(step), "message thanks", Shape::Message);
            diagram.arrow(last, next, format!("{milestone} orders"));
            last = next;
        }
        Some(diagram)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let milestones = Milestones { id: "milestones".into(), order: "Order Completed".into() };
    let playbook = Arc::new(Playbook::builder().with_journey(milestones).build(PLAYBOOK)?);
    let mut rehearsal = Rehearsal::new(playbook.clone());
    let start: Instant = "2026-03-01T10:00:00Z".parse()?;
    rehearsal.event(Event::track("Signed Up").user("anna").at(start))?;
    for day in 1..=6 {
        rehearsal.event(Event::track("Order Completed").user("anna").at(start + Span::days(day)))?;
    }
    let summary = rehearsal.finish(None);
    for journey in playbook.journeys() {
        let Some(mut diagram) = journey.diagram() else { continue };
        summary.journey(journey.id().as_str()).count_into(&mut diagram);
        println!("{}", diagram.to_mermaid());
    }
    assert_eq!(summary.messages["thanks"]["in_app"], 2);
    Ok(())
}
