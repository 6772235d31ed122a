//! Goals by arm: what the runs of each journey came to with its messages and without (promises 6.6, 6.10).

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use super::summary::{ArmSummary, LiftSummary};
use crate::customer::Arm;
use crate::journey::EndReason;
use crate::playbook::{Hashed, Outcome, RunNamed, What};
use crate::primitives::{CustomerId, JourneyId};

/// The runs of every customer who was drawn, since a merge may yet show that they are to be left out.
#[derive(Default)]
pub(super) struct Lift(HashMap<CustomerId, Customer>);

#[derive(Default)]
struct Customer {
    /// Two records of different arms of the holdout of all marketing.
    mixed: bool,
    journeys: HashMap<u64, Runs, BuildHasherDefault<Hashed>>,
}

/// One customer's runs of one journey.
#[derive(Default)]
struct Runs {
    arm: Option<Arm>,
    begun: u64,
    goals: u64,
    mixed: bool,
}

impl Runs {
    fn add(&mut self, arm: Option<Arm>, begun: u64, goals: u64) {
        self.mixed |= self.arm.is_some() && arm.is_some() && self.arm != arm;
        self.arm = self.arm.or(arm);
        self.begun += begun;
        self.goals += goals;
    }
}

impl Lift {
    pub(super) fn count(&mut self, customer: CustomerId, outcome: &Outcome) {
        for notice in &outcome.notices {
            match &notice.what {
                What::RunBegun(run) => self.run(customer, run, 1, 0),
                What::Goal { run, .. } => self.run(customer, run, 0, 1),
                // Another run of the same customer goes on in its place.
                What::RunEnded { run, reason: EndReason::Merged } => {
                    if let Some(runs) = self.known(customer, &run.journey) {
                        runs.begun = runs.begun.saturating_sub(1);
                    }
                }
                What::Merged { record } => self.merge(customer, *record),
                What::ArmsMixed { journey: None } => self.0.entry(customer).or_default().mixed = true,
                What::ArmsMixed { journey: Some(journey) } => self.of(customer, journey).mixed = true,
                _ => {}
            }
        }
    }

    fn run(&mut self, customer: CustomerId, run: &RunNamed, begun: u64, goals: u64) {
        if run.arm.is_some() {
            self.of(customer, &run.journey).add(run.arm, begun, goals);
        }
    }

    fn of(&mut self, customer: CustomerId, journey: &JourneyId) -> &mut Runs {
        self.0.entry(customer).or_default().journeys.entry(journey.key().hash()).or_default()
    }

    fn known(&mut self, customer: CustomerId, journey: &JourneyId) -> Option<&mut Runs> {
        self.0.get_mut(&customer)?.journeys.get_mut(&journey.key().hash())
    }

    fn merge(&mut self, survivor: CustomerId, record: CustomerId) {
        let Some(theirs) = self.0.remove(&record) else { return };
        let ours = self.0.entry(survivor).or_default();
        ours.mixed |= theirs.mixed;
        for (journey, runs) in theirs.journeys {
            let known = ours.journeys.entry(journey).or_default();
            known.mixed |= runs.mixed;
            known.add(runs.arm, runs.begun, runs.goals);
        }
    }

    /// What it came to, by the hashes of the journeys' names.
    pub(super) fn by_journey(&self) -> HashMap<u64, LiftSummary, BuildHasherDefault<Hashed>> {
        let mut all: HashMap<u64, LiftSummary, BuildHasherDefault<Hashed>> = HashMap::default();
        for customer in self.0.values() {
            for (journey, runs) in &customer.journeys {
                let lift = all.entry(*journey).or_default();
                match runs.arm {
                    _ if customer.mixed || runs.mixed => lift.left_out += runs.begun,
                    Some(Arm::Treated) => lift.treated.add(runs),
                    Some(Arm::HeldOut) => lift.held_out.add(runs),
                    None => {}
                }
            }
        }
        all
    }
}

impl ArmSummary {
    fn add(&mut self, runs: &Runs) {
        self.runs += runs.begun;
        self.goals += runs.goals;
    }
}
