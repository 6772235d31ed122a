//! Triggers that join a run instead of beginning one (promise 8.5).

use super::input::What;
use super::runs::named;
use super::step::Turn;
use crate::journey::{Admission, Signal};

impl Turn<'_> {
    /// An event joins the run of its key, if that still gathers.
    pub(super) fn gather(&mut self, id: u64, admission: &Admission) {
        let known =
            |turn: &Self| turn.state.runs.iter().find(|run| run.id == id).map(|run| (named(run), run.data.clone()));
        let Some((run, before)) = known(self) else { return };
        self.signal(id, &Signal::Gathered { data: &admission.data, at: admission.began });
        let joined = known(self).is_none_or(|(_, after)| after != before);
        let what = match joined {
            true => What::RunGathered(run),
            false => What::NotBegun { journey: run.journey, reason: "running" },
        };
        self.out.notice(self.now, what);
    }
}
