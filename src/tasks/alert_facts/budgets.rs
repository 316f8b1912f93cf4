//! Budgets from roll-ups: the same outlook as the report's, and what was used today on top.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::alerts::BudgetFacts;
use crate::chargeback::Budgets;
use crate::model::{Period, utc_day};
use crate::store::Store;
use crate::tasks::budgets::{Complete, Used};

/// The UTC month that an instant is in; `None` where nobody has a budget.
pub(super) fn month(budgets: &Budgets, now: Timestamp) -> Option<Period> {
    let name = utc_day(now).strftime("%Y-%m").to_string();
    (!budgets.is_empty()).then(|| Period::month(&name, &TimeZone::UTC).ok()).flatten()
}

/// How it stands with each budget.
pub(super) fn of(
    budgets: &Budgets,
    month: &Period,
    used: &Used,
    complete: &Complete,
    store: &Store,
    now: Timestamp,
) -> Vec<BudgetFacts> {
    let outlooks = used.outlooks(budgets, month, complete, store.kept_since(now), now);
    let of_outlook = |outlook: crate::chargeback::Outlook| BudgetFacts {
        // A budget that is overrun today is not told tomorrow, nor when all is collected.
        used: outlook.used_usd + outlook.incomplete_usd + used.on(&outlook.team, utc_day(now)),
        team: outlook.team,
        month: outlook.month,
        budget: outlook.budget_usd,
        forecast: outlook.forecast.map(|forecast| forecast.usd),
    };
    outlooks.into_iter().map(of_outlook).collect()
}
