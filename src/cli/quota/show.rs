//! `quota show`: use against the quotas, now and over a period, by team.

use clap::Args;
use jiff::Timestamp;

use super::ask::Format;
use super::{Counter, json};
use crate::analysis::QuotaFigures;
use crate::cli::log::{complain, say};
use crate::cli::output::data;
use crate::cli::period::PeriodArguments;
use crate::cli::{Exit, Failure, World};
use crate::model::{MeasuredUse, Period};
use crate::report::words::visible;
use crate::report::{format, quota_words};
use crate::tasks::collect::targets;
use crate::tasks::quota::{Shown, StandingNow, add_measured};

#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(flatten)]
    period: PeriodArguments,
    /// Show AWS's own measurement beside it, where a quota has one: asks Service Quotas and
    /// CloudWatch, which charges for each metric asked for
    #[arg(long)]
    cloudwatch: bool,
    /// What to write to stdout
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl Show {
    pub(super) async fn run(self, world: &World) -> Result<Exit, Failure> {
        let counter = Counter::of(world.app().await?)?;
        let zone = counter.app.config.report("weekly").unwrap_or_default().zone()?;
        let period = self.period.period(world.now, &zone)?;
        let mut shown = counter.desk().show(&counter.books, &period, world.now).await?;
        let exit = match self.cloudwatch {
            true => measure(world, &counter, &mut shown, &period).await?,
            false => Exit::Done,
        };
        match self.format {
            Format::Json => data(&json(&shown)?)?,
            Format::Text => data(&text(&shown, &period))?,
        }
        Ok(exit)
    }
}

/// Asks CloudWatch, and says what that was.
async fn measure(
    world: &World,
    counter: &Counter,
    shown: &mut Shown,
    period: &Period,
) -> Result<Exit, Failure> {
    if shown.over_period.is_empty() {
        return Ok(Exit::Done);
    }
    let accounts = counter.app.accounts().await;
    let targets = targets(&accounts, &counter.app.config.collect).await?;
    let asked = add_measured(&accounts, &targets, shown, period, world.now).await;
    let metrics = format::plural(asked.metrics, "metric");
    say(world.quiet, &format!("asked CloudWatch for {metrics}, each of which AWS charges for"));
    for failure in &asked.failures {
        let allow = "allow `servicequotas:GetServiceQuota`, \
                     `servicequotas:GetAWSDefaultServiceQuota` and `cloudwatch:GetMetricData`";
        complain(failure, Some(allow));
    }
    Ok(if asked.failures.is_empty() { Exit::Done } else { Exit::Partly })
}

fn text(shown: &Shown, period: &Period) -> String {
    let mut lines = vec![format!("Now, {}", format::time(shown.as_of, period))];
    if shown.now.is_empty() {
        lines.push("  nothing runs, and no quota is known".to_owned());
    }
    shown.now.iter().for_each(|now| standing(now, period, &mut lines));
    let times = format!("times are {}", period.zone_name());
    lines.extend([String::new(), format!("Over {}, {times}", shown.period)]);
    if shown.over_period.is_empty() {
        lines.push("  nothing ran".to_owned());
    }
    for (index, figures) in shown.over_period.iter().enumerate() {
        let measured = shown.measured.as_ref().and_then(|measured| measured.get(index));
        over_period(figures, measured, period, &mut lines);
    }
    lines.iter().map(|line| visible(line) + "\n").collect()
}

fn standing(now: &StandingNow, period: &Period, lines: &mut Vec<String>) {
    let it = &now.standing;
    let mut line = format!(
        "  {} in {} {}: {} of {} in use",
        it.quota,
        now.account,
        now.region,
        format::quantity(it.running),
        limit(it.limit, it.limit_source)
    );
    if let Some(limit) = it.limit.filter(|limit| it.running + it.reserved > *limit) {
        let over = format::quantity(it.running + it.reserved - limit);
        line.push_str(&format!(", {over} OVER THE QUOTA"));
    }
    let parts = [
        (it.running_at_most, "of it at most"),
        (it.waiting, "of it waiting"),
        (it.reserved, "reserved"),
    ];
    for (units, what) in parts.into_iter().filter(|(units, _)| *units > 0.0) {
        line.push_str(&format!(", {} {what}", format::quantity(units)));
    }
    if it.unknown_runs > 0 {
        line.push_str(&format!(
            ", and {} of unknown capacity",
            format::plural(it.unknown_runs, "run")
        ));
    }
    let through = now.collected_through.map_or_else(
        || "runs are imported only".to_owned(),
        |at: Timestamp| format!("collected until {}", format::short_time(at, &period.time_zone)),
    );
    lines.push(format!("{line} ({through})"));
    for team in &it.teams {
        let mut line = format!("    {}: {} in use", team.team, format::quantity(team.running));
        let parts = [
            (Some(team.reserved).filter(|units| *units > 0.0), "", " reserved"),
            (Some(team.sure_of).filter(|units| *units > 0.0), "sure of ", ""),
            (team.burst, "at most ", ""),
        ];
        for (units, before, after) in parts {
            let part = units.map(|units| format!(", {before}{}{after}", format::quantity(units)));
            line.push_str(&part.unwrap_or_default());
        }
        lines.push(line);
    }
}

fn over_period(
    figures: &QuotaFigures,
    measured: Option<&MeasuredUse>,
    period: &Period,
    lines: &mut Vec<String>,
) {
    let QuotaFigures { account, region, quota, peak, .. } = figures;
    let at = |at: Timestamp| format!(" at {}", format::short_time(at, &period.time_zone));
    let when = figures.peak_at.map(at).unwrap_or_default();
    let peak = quota_words::range(*peak, figures.peak_upper);
    let limit = limit(figures.limit, figures.limit_source);
    let mut line = format!("  {quota} in {account} {region}: peak {peak} of {limit}{when}");
    if figures.limit.is_some() {
        let over = [figures.seconds_over_80, figures.seconds_over_90].map(format::duration);
        line.push_str(&format!(
            ", {}; over 80 % for {}, over 90 % for {}",
            format::share(figures.share),
            over[0],
            over[1]
        ));
    }
    lines.push(line);
    let shares: Vec<String> = figures
        .shared_by
        .iter()
        .map(|share| format!("{} {}", share.job, format::quantity(share.held)))
        .collect();
    let shared = (!shares.is_empty()).then(|| format!("shared by {}", shares.join(", ")));
    let teams = quota_words::teams_at_peak(figures).map(|teams| format!("by team: {teams}"));
    let own = figures
        .teams
        .iter()
        .map(|team| format!("{} {}", team.team, quota_words::range(team.peak, team.peak_upper)));
    let own = format!("each team's own peak: {}", own.collect::<Vec<_>>().join(", "));
    let sentences = [
        shared,
        teams,
        (figures.teams.len() > 1).then_some(own),
        quota_words::waited(figures),
        quota_words::outlook(figures),
        measured.map(|measured| cloudwatch(measured, at)),
    ];
    lines.extend(sentences.into_iter().flatten().map(|sentence| format!("    {sentence}")));
}

/// AWS's own measurement. It has what no run tells of, and says nothing between its spans.
fn cloudwatch(measured: &MeasuredUse, at: impl Fn(Timestamp) -> String) -> String {
    let Some(peak) = measured.peak else {
        let reason = measured.not_told.as_deref().unwrap_or("no reason given");
        return format!("CloudWatch: not told ({reason})");
    };
    let within = measured.within_seconds.and_then(|seconds| u64::try_from(seconds).ok());
    let within = within.map(|seconds| format!(" within {} minutes", seconds / 60));
    let when = measured
        .peak_at
        .map(at)
        .map(|at| within.unwrap_or_default() + &at.replacen(" at", " from", 1));
    format!("CloudWatch: peak {}{}", format::quantity(peak), when.unwrap_or_default())
}

fn limit(limit: Option<f64>, source: Option<&'static str>) -> String {
    let source = source.map(|source| format!(" ({source})")).unwrap_or_default();
    let known = limit.map(|limit| format!("{}{source}", format::quantity(limit)));
    known.unwrap_or_else(|| "an unknown quota".to_owned())
}
