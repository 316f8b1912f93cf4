//! Tables as CSV (RFC 4180, UTF-8): safe to open in a spreadsheet.
//!
//! A text that a spreadsheet would take for a formula gets an apostrophe in front, which the
//! spreadsheet hides. Numbers are written by this program and stay as they are.

use std::borrow::Cow;

use crate::analysis::Figures;

/// A table that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write CSV: {0}")]
pub struct TableError(String);

/// Every job of the report, in its order.
///
/// # Errors
/// Never for a writer in memory, as this is.
pub fn jobs_csv(figures: &Figures) -> Result<Vec<u8>, TableError> {
    let header = [
        "engine",
        "account",
        "region",
        "job",
        "team",
        "runs",
        "retries",
        "unpriced_runs",
        "failed_runs",
        "cost_usd",
        "change_usd",
        "waste_usd",
        "runtime_seconds",
        "avg_workers",
        "account_name",
    ];
    let rows = figures.jobs.iter().map(|job| {
        let bad = |state: &&String| crate::model::RunState::from(state.as_str()).is_bad_end();
        let failed: u64 = job.by_state.keys().filter(bad).map(|state| job.by_state[state]).sum();
        vec![
            text(&job.engine),
            text(&job.account),
            text(&job.region),
            text(&job.job),
            text(&job.team),
            number(job.runs),
            number(job.retries),
            number(job.unpriced_runs),
            number(failed),
            number(job.cost_usd),
            job.change_usd.map_or(Cow::Borrowed(""), number),
            number(job.waste_usd),
            number(job.runtime_seconds),
            number(format_args!("{:.1}", job.avg_workers)),
            text(job.account_name.as_deref().unwrap_or_default()),
        ]
    });
    written(&header, rows)
}

/// Every failure of the report, in its order.
///
/// # Errors
/// Never for a writer in memory, as this is.
pub fn failures_csv(figures: &Figures) -> Result<Vec<u8>, TableError> {
    let header = [
        "engine",
        "account",
        "region",
        "job",
        "team",
        "state",
        "runs",
        "cost_usd",
        "error",
        "latest_run_id",
        "latest_end",
        "account_name",
    ];
    let rows = figures.failures.iter().map(|failure| {
        vec![
            text(&failure.engine),
            text(&failure.account),
            text(&failure.region),
            text(&failure.job),
            text(&failure.team),
            text(&failure.state),
            number(failure.runs),
            number(failure.cost_usd),
            text(&failure.error),
            text(&failure.latest.run_id),
            number(failure.latest_end),
            text(failure.account_name.as_deref().unwrap_or_default()),
        ]
    });
    written(&header, rows)
}

pub(super) fn written<'a>(
    header: &[&str],
    rows: impl Iterator<Item = Vec<Cow<'a, str>>>,
) -> Result<Vec<u8>, TableError> {
    let refused = |error: csv::Error| TableError(error.to_string());
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(header).map_err(refused)?;
    for row in rows {
        writer.write_record(row.iter().map(AsRef::as_ref)).map_err(refused)?;
    }
    writer.into_inner().map_err(|error| TableError(error.to_string()))
}

pub(super) fn number(value: impl std::fmt::Display) -> Cow<'static, str> {
    Cow::Owned(value.to_string())
}

pub(super) fn text(value: &str) -> Cow<'_, str> {
    // The wide forms count too: a spreadsheet set to Japanese or Chinese takes them for the others.
    let formula = value.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    if formula || value.starts_with(['\t', '\r', '\n']) {
        Cow::Owned(format!("'{value}"))
    } else {
        Cow::Borrowed(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_stays_a_text() {
        for harmful in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "＝1"] {
            assert!(text(harmful).starts_with('\''), "{harmful}");
        }
        assert_eq!(text("load-2026"), "load-2026");
    }

    #[test]
    fn what_is_written_reads_back() {
        let rows = vec![vec![Cow::Borrowed("a,\"b\"\r\nc"), Cow::Borrowed("-1.5")]];
        let bytes = written(&["x", "y"], rows.into_iter()).unwrap();
        assert_eq!(bytes, b"x,y\r\n\"a,\"\"b\"\"\r\nc\",-1.5\r\n");
    }
}
