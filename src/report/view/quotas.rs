//! The table of quota peaks: how much was used at most, when, and who shared it.

use super::{Limits, cut_line};
use crate::analysis::{Figures, QuotaFigures};
use crate::report::format;
use crate::report::table::{Bar, Cell, Column, Lead, Note, Row, Table, Tone};
use crate::report::words::{shortened, visible};

/// How many of the jobs that shared a peak are named.
const SHARES_SHOWN: usize = 5;

pub(super) fn quotas(figures: &Figures, limits: &Limits) -> Option<Table> {
    if figures.quotas.is_empty() {
        return None;
    }
    // The fullest first; the JSON keeps the order of accounts.
    let mut all: Vec<&QuotaFigures> = figures.quotas.iter().collect();
    all.sort_by(|one, other| {
        other.share.total_cmp(&one.share).then(other.peak.total_cmp(&one.peak))
    });
    let shown = &all[..all.len().min(limits.quotas)];
    let table = Table {
        title: "Quota peaks".into(),
        caption: "The highest use at one moment, fullest quota first.".into(),
        columns: vec![
            Column::words("Used"),
            Column::numbers("Peak"),
            Column::numbers("Quota"),
            Column::numbers("When"),
            Column::numbers("Over 80%"),
            Column::numbers("Over 90%"),
        ],
        rows: shown.iter().map(|quota| quota_row(quota, figures, limits)).collect(),
        cut: cut_line(shown.len(), all.len(), "quota"),
        led: true,
        ..Table::default()
    };
    Some(table.finished())
}

fn quota_row(quota: &QuotaFigures, figures: &Figures, limits: &Limits) -> Row {
    let peak = match quota.peak_upper {
        #[expect(clippy::float_cmp, reason = "equal bounds are the same number, not a result")]
        Some(upper) if upper == quota.peak => format::quantity(quota.peak),
        Some(upper) => format!("{}–{}", format::quantity(quota.peak), format::quantity(upper)),
        None => format!("{} or more", format::quantity(quota.peak)),
    };
    let used = if quota.limit.is_some() {
        let tone = match quota.share {
            0.9.. => Tone::Bad,
            0.8.. => Tone::Warn,
            _ => Tone::Plain,
        };
        let bar = Some(Bar::of(quota.share));
        Cell { text: format::share(quota.share), tone, bar, ..Cell::default() }
    } else {
        Cell::new("–").with_tone(Tone::Muted)
    };
    let over = |seconds: u64| {
        if quota.limit.is_none() {
            return Cell::new("–").with_tone(Tone::Muted);
        }
        let tone = if seconds > 0 { Tone::Warn } else { Tone::Muted };
        Cell::new(format::duration(seconds)).with_tone(tone)
    };
    let when = quota
        .peak_at
        .map_or_else(|| "–".to_owned(), |at| format::short_time(at, &figures.period.time_zone));
    Row {
        lead: Some(Lead {
            text: quota_name(&quota.quota),
            aside: format!("{} {}", visible(&quota.account), visible(&quota.region)),
        }),
        cells: vec![
            used,
            Cell::new(peak),
            Cell::new(quota.limit.map_or_else(|| "not known".to_owned(), format::quantity)),
            Cell::new(when),
            over(quota.seconds_over_80),
            over(quota.seconds_over_90),
        ],
        note: shared_by(quota, limits).map(|text| Note { text, link: None }),
    }
}

fn shared_by(quota: &QuotaFigures, limits: &Limits) -> Option<String> {
    if quota.shared_by.is_empty() {
        return None;
    }
    let shares = quota.shared_by.iter().take(SHARES_SHOWN).map(|share| {
        format!(
            "{} {}",
            shortened(&share.job, limits.name_columns / 2),
            format::quantity(share.held)
        )
    });
    let mut text = format!("Shared by {}", shares.collect::<Vec<_>>().join(", "));
    let hidden = quota.shared_by.len().saturating_sub(SHARES_SHOWN) as u64;
    if hidden > 0 {
        text.push_str(&format!(" and {}", format::plural(hidden, "more job")));
    }
    Some(text)
}

/// A quota's name for people.
fn quota_name(key: &str) -> String {
    match key {
        "glue-concurrent-runs" => "Glue concurrent job runs".to_owned(),
        "glue-dpus" => "Glue DPUs".to_owned(),
        "glue-flex-dpus" => "Glue Flex DPUs".to_owned(),
        "emr-serverless-vcpus" => "EMR Serverless vCPUs".to_owned(),
        other => visible(other),
    }
}
