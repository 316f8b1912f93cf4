//! Alerts as a step of a round: facts from the store, evaluated and told. What goes wrong here is
//! said, and stops nothing else of the round.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::{AlertsError, Outlets, Teller, Telling, Told};
use crate::alerts::Evaluator;
use crate::analysis::Books;
use crate::delivery::{Channel, Sender};
use crate::store::{Clock, Store};
use crate::tasks::alert_facts::{FactsSources, alert_facts};
use crate::tasks::deliver::Outcome;

/// What telling after a round needs.
pub struct Alerting<'r> {
    /// The rules, and who is told.
    pub evaluator: Evaluator,
    /// The ways out.
    pub outlets: Outlets<Sender, Channel>,
    /// What facts are gathered of.
    pub sources: FactsSources<'r>,
    /// Who tells, for the record.
    pub by: String,
}

/// What telling after a round came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertsTold {
    /// Recipients who were told just now.
    pub told: usize,
    /// Who could not be told, each with the reason, and what else went wrong.
    pub troubles: Vec<String>,
}

impl Alerting<'_> {
    /// Evaluates what is stored as of `now`, and tells.
    ///
    /// # Errors
    /// As [`Teller::tell`].
    pub async fn tell<C: Clock>(
        &self,
        (store, books): (&Store, &Arc<Books>),
        clock: &C,
        baseline: bool,
        sends: bool,
        now: Timestamp,
    ) -> Result<Told, AlertsError> {
        let facts = alert_facts(store, books, &self.sources, now).await?;
        let Self { evaluator, outlets, by, .. } = self;
        let teller = Teller { store, evaluator, outlets, clock, by: by.clone(), sends };
        teller.tell(facts, baseline).await
    }

    /// The step of a round.
    pub(in crate::tasks) async fn after_round<C: Clock>(
        &self,
        store: &Store,
        books: &Arc<Books>,
        clock: &C,
        now: Timestamp,
    ) -> AlertsTold {
        match self.tell((store, books), clock, false, true, now).await {
            Ok(told) => AlertsTold::of(&told),
            Err(error) => AlertsTold { told: 0, troubles: vec![format!("no alerts: {error}")] },
        }
    }
}

impl AlertsTold {
    fn of(told: &Told) -> Self {
        // Whoever was faster, or is at it, tells what is to be told.
        let Telling::Done(deliveries) = &told.telling else { return Self::default() };
        let trouble = |outcome: &Outcome| match outcome {
            Outcome::Failed { reason, .. } => Some(format!("not told: {reason}")),
            Outcome::Unknown { reason } => Some(format!("may have been told: {reason}")),
            _ => None,
        };
        let troubles = deliveries.rows.iter().filter_map(|row| {
            let to = &row.occurrence.recipient;
            trouble(&row.outcome).map(|trouble| format!("alerts to {to} {trouble}"))
        });
        Self { told: deliveries.sent_now(), troubles: troubles.collect() }
    }
}

/// Part of a line.
impl fmt::Display for AlertsTold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "alerts told to {}", self.told)?;
        self.troubles.iter().try_for_each(|trouble| write!(f, ", {trouble}"))
    }
}
