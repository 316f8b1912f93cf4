//! Small statements with one of everything, on which templates are tried when they are loaded.

use jiff::Timestamp;

use crate::analysis::{BillState, GapKind, GapLine, TrueUp};
use crate::chargeback::{
    Book, CellKey, Closing, Facts, Forecast, Outlook, RunUse, SplitRules, Statement,
};
use crate::model::{Engine, RunIdentity, Usd};
use crate::ownership::UNALLOCATED;

/// A month in which nothing ran, and one with a row in every table.
pub(in crate::report) fn samples() -> [Statement; 2] {
    let empty = Book::default().finish(facts(None, Vec::new())).0;
    let usd = Usd::from_nanos(2_000_000_000);
    let mut book = Book::default();
    for team in ["team", UNALLOCATED] {
        let identity = RunIdentity {
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            engine: Engine::Glue,
            application_id: None,
            run_id: team.into(),
            attempt: 1,
        };
        book.add(RunUse {
            cell: CellKey {
                cost_center: "100".into(),
                team: team.into(),
                account: identity.account.clone(),
                region: identity.region.clone(),
                engine: "glue".into(),
                job: "job".into(),
            },
            identity: &identity,
            used: usd,
            cost: Ok(usd),
            ended_here: true,
            under_way: false,
            off_bill: team == UNALLOCATED,
        });
    }
    let outlook = |forecast| Outlook {
        team: "team".into(),
        month: "1970-01".into(),
        budget_usd: usd,
        used_usd: usd,
        through: None,
        incomplete_usd: usd,
        incomplete_because: Some("reason".into()),
        forecast,
    };
    let forecast = Forecast { low_usd: usd, usd, high_usd: usd };
    let budgets = vec![outlook(None), outlook(Some(forecast))];
    let mut full = book.finish(facts(Some(&bill(usd)), budgets)).0;
    full.warnings.push("something to know".into());
    full.closed = true;
    full.closing = Some(Closing {
        at: Timestamp::UNIX_EPOCH,
        by: "somebody".into(),
        forced_because: Some("reason".into()),
    });
    [empty, full]
}

fn facts<'a>(bill: Option<&'a TrueUp>, budgets: Vec<Outlook>) -> Facts<'a> {
    static NO_COST_CENTERS: std::collections::BTreeMap<String, String> =
        std::collections::BTreeMap::new();
    static RULES: std::sync::LazyLock<SplitRules> = std::sync::LazyLock::new(SplitRules::default);
    Facts {
        month: "1970-01",
        as_of: Timestamp::UNIX_EPOCH,
        bill,
        rules: &RULES,
        corrections: &[],
        unpriced_before: &[],
        budgets,
        under_way_runs: 1,
        without_end_runs: 1,
        not_collected: &[],
        is_kept: true,
        cost_centers: &NO_COST_CENTERS,
        also: &[],
    }
}

fn bill(usd: Usd) -> TrueUp {
    let line = |kind| GapLine {
        kind,
        account: Some("111122223333".into()),
        usage_type: Some("type".into()),
        usd,
        explanation: "because".into(),
    };
    TrueUp {
        days: jiff::civil::Date::ZERO..jiff::civil::Date::ZERO,
        day_count: 0,
        days_read: 0,
        days_settled: 0,
        gap_usd: None,
        over_tolerance: false,
        over_estimates: Vec::new(),
        questions: Vec::new(),
        state: BillState::Final,
        reason: None,
        estimate_usd: usd + usd,
        off_bill_usd: usd,
        bill_usd: Some(usd + usd + usd + usd),
        lines: vec![line(GapKind::Tax), line(GapKind::OtherUsage)],
    }
}
