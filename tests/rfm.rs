//! RFM over real shops' logs, against facts computed independently from the raw rows. Where the logs are absent each test
//! says that it skipped.

mod logs;

use std::collections::BTreeMap;
use std::sync::Arc;

use logs::{data, events, truth};
use rust_decimal::Decimal;
use serde_json::{Value as Json, json};
use throughline::{Customer, Instant, MoneyBasis, Playbook, Rehearsal, RfmFit, RfmModel, RfmScore, Span};

fn rehearsed(folder: &std::path::Path, playbook: Json) -> Rehearsal<'static> {
    let playbook = Playbook::from_json(&playbook.to_string()).unwrap_or_else(|faults| panic!("{faults}"));
    let mut rehearsal = Rehearsal::new(Arc::new(playbook));
    events(folder).for_each(|event| rehearsal.event(event).unwrap());
    rehearsal
}

fn fitted(rehearsal: &Rehearsal<'_>, now: Instant, money: MoneyBasis) -> RfmModel {
    let mut fit = RfmFit::new(now).with_money(money);
    // Guests, who buy once and are never known, are nobody's customers.
    rehearsal.store().for_each(|state| {
        if state.profile.identified() {
            fit.add(&state.profile);
        }
    });
    fit.finish().unwrap()
}

fn scores(rehearsal: &Rehearsal<'_>, model: &RfmModel, now: Instant) -> Vec<RfmScore> {
    let mut scores = Vec::new();
    rehearsal.store().for_each(|state| {
        if state.profile.identified() {
            scores.extend(model.score(&state.profile, now));
        }
    });
    scores
}

/// How many lie in each band, as the truth has it: bands without anybody are not there.
fn counts(scores: &[RfmScore], band: impl Fn(&RfmScore) -> u8) -> Json {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    scores.iter().for_each(|score| *counts.entry(band(score).to_string()).or_default() += 1);
    json!(counts)
}

fn thousandths(model: &RfmModel) -> Vec<u64> {
    let thousandths = |edge: &Decimal| (edge * Decimal::from(1_000)).normalize().to_string().parse().unwrap();
    model.monetary.iter().map(thousandths).collect()
}

/// The gross model of online_retail, with the rehearsal that it was fitted over.
fn online_retail(folder: &std::path::Path) -> (Rehearsal<'static>, RfmModel) {
    let rehearsal = rehearsed(folder, json!({"version": 1, "currency": "GBP"}));
    let model = fitted(&rehearsal, AS_OF.parse().unwrap(), MoneyBasis::Gross);
    (rehearsal, model)
}

const AS_OF: &str = "2011-06-27T00:00:00Z";

#[test]
fn promise_5_2_rfm_of_online_retail_gives_the_bands_of_the_raw_rows() {
    let Some(folder) = data("online_retail") else { return };
    let truth = &truth(&folder)["rfm"];
    let now = AS_OF.parse().unwrap();
    let (rehearsal, model) = online_retail(&folder);
    assert_eq!(model.customers, 2_931);
    let minutes: Vec<i64> = model.recency.iter().map(|edge| edge.as_millis() / 60_000).collect();
    assert_eq!(json!(minutes), truth["edges"]["recency_min"]);
    assert_eq!(json!(model.frequency), truth["edges"]["freq"]);
    assert_eq!(json!(thousandths(&model)), truth["edges"]["mon"]);
    let scores = scores(&rehearsal, &model, now);
    assert_eq!(counts(&scores, |score| score.recency), truth["R"]);
    assert_eq!(counts(&scores, |score| score.frequency), truth["F"]);
    assert_eq!(counts(&scores, |score| score.monetary), truth["M"]);
    let group = |name: &str| json!(scores.iter().filter(|score| model.group(**score) == Some(name)).count());
    assert_eq!(group("champions"), truth["champions R>=4&F>=4&M>=4"]);
    assert_eq!(group("at_risk"), truth["at_risk R<=2&F>=4"]);

    // Its returns name no order: with net money they lower the customers' money, and no number of orders.
    let net = fitted(&rehearsal, now, MoneyBasis::Net);
    assert_eq!((net.customers, &net.frequency), (model.customers, &model.frequency));
    assert_eq!(thousandths(&net), [204_500, 353_600, 654_170, 1_345_700]);
}

#[test]
fn promise_5_5_segments_of_a_fitted_model_are_entered_and_left_by_themselves() {
    let Some(folder) = data("online_retail") else { return };
    let truth = &truth(&folder)["rfm"];
    let now = AS_OF.parse().unwrap();
    let (_, model) = online_retail(&folder);
    let playbook = json!({"version": 1, "currency": "GBP", "rfm": model, "segments": {
        "champions": {"all": [{"identified": true}, {"rfm": {"group": "champions"}}]},
        "at_risk": {"all": [{"identified": true}, {"rfm": {"recency": {"at_most": 2}, "frequency": {"at_least": 4}}}]}}});
    let mut rehearsal = rehearsed(&folder, playbook);
    // Whoever was scored earlier has moved on by time alone.
    let summary = rehearsal.run_until(Some(now));
    assert_eq!(json!(summary.segments["champions"]), truth["champions R>=4&F>=4&M>=4"]);
    assert_eq!(json!(summary.segments["at_risk"]), truth["at_risk R<=2&F>=4"]);
}

#[test]
fn promise_5_2_rfm_of_the_rewards_programme_gives_the_bands_of_the_raw_rows() {
    let Some(folder) = data("starbucks_dev") else { return };
    let truth = &truth(&folder)["rfm"];
    let now: Instant = "2018-07-27".parse::<Instant>().unwrap() + Span::hours(720);
    let rehearsal = rehearsed(&folder, json!({"version": 1, "currency": "USD"}));
    let model = fitted(&rehearsal, now, MoneyBasis::Net);
    assert_eq!(json!(model.customers), truth["n"]);
    let hours: Vec<i64> = model.recency.iter().map(|edge| edge.as_millis() / 3_600_000).collect();
    assert_eq!(json!(hours), truth["edges"]["recency_h"]);
    assert_eq!(json!(model.frequency), truth["edges"]["frequency"]);
    let cents: Vec<u64> = thousandths(&model).iter().map(|n| n / 10).collect();
    assert_eq!(json!(cents), truth["edges"]["monetary_cents"]);
    let scores = scores(&rehearsal, &model, now);
    assert_eq!(counts(&scores, |score| score.recency), truth["R"]);
    assert_eq!(counts(&scores, |score| score.frequency), truth["F"]);
    assert_eq!(counts(&scores, |score| score.monetary), truth["M"]);
    let cell = |n: u8| scores.iter().filter(|s| [s.recency, s.frequency, s.monetary] == [n, n, n]).count();
    assert_eq!((json!(cell(5)), json!(cell(1))), (truth["cells_555"].clone(), truth["cells_111"].clone()));
}
