//! The table of quota peaks: how much was used at most, when, who shared it, what waited, and when
//! the quota will be reached.

use super::{Limits, cut_line};
use crate::analysis::{Figures, QuotaFigures};
use crate::model::quota_title;
use crate::report::format;
use crate::report::quota_words;
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
    let peak = quota_words::range(quota.peak, quota.peak_upper);
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
            text: visible(quota_title(&quota.quota)),
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
        note: Some(note(quota, limits))
            .filter(|n| !n.is_empty())
            .map(|text| Note { text, link: None }),
    }
}

/// Who shared the peak, what waited, and where the trend leads.
fn note(quota: &QuotaFigures, limits: &Limits) -> String {
    let teams = quota_words::teams_at_peak(quota).map(|teams| format!("By team: {teams}"));
    let waited = quota_words::waited(quota);
    let sentences = [shared_by(quota, limits), teams, waited, quota_words::outlook(quota)];
    sentences.into_iter().flatten().collect::<Vec<_>>().join(". ")
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
