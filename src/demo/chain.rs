//! How one start of a job comes out: the run, the engine's retries, and the orchestrator's rerun.

use super::chance::Chance;
use super::company::World;
use super::facts;
use super::job::{Capacity, Glue, Job, Platform, Plot};
use super::mishaps::Mishap;
use super::rhythm::{DAY, Rhythm};
use super::weather::{Weather, weather};
use crate::model::{JobKind, JobRun, utc_day};

/// One attempt, before it is put into an engine's words.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    /// The id that the first attempt of its series got.
    pub(super) series_id: String,
    /// When the series was started, in milliseconds of the Unix epoch.
    pub(super) series_begin_ms: i64,
    /// 0 for the first of a series.
    pub(super) number: u32,
    /// When it was asked for, in milliseconds of the Unix epoch.
    pub(super) begin_ms: i64,
    /// Seconds until it had what it needs to work.
    pub(super) startup_seconds: u32,
    /// Seconds in which it worked.
    pub(super) seconds: u32,
    /// How it ended.
    pub(super) ending: Ending,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// As it should.
    Well,
    /// With an error that AWS reports in these words.
    Failed(String),
    /// At its configured timeout.
    TimedOut,
    /// Because somebody stopped it.
    Stopped,
    /// At its maintenance window.
    Expired,
    /// Before it began: there is no such job any more.
    Deleted,
}

impl Attempt {
    /// When it ends, in milliseconds of the Unix epoch.
    pub(super) fn end_ms(&self) -> i64 {
        self.begin_ms + (i64::from(self.startup_seconds) + i64::from(self.seconds)) * 1_000
    }
}

/// The runs that follow from one start, as far as they have begun by now.
pub(super) fn chain(world: &World, job: &Job, start: i64) -> Vec<JobRun> {
    let mut chance = Chance::of(world.seed, &job.name, start);
    let mut runs = Vec::new();
    let mut trouble = None;
    let mut begin_ms = start * 1_000 + i64::from(chance.between(0, 45_000));
    for series in 0..=u32::from(job.rerun) {
        if series > 0 {
            begin_ms += i64::from(chance.between(120, 900)) * 1_000;
        }
        let series_id = facts::new_id(job, &mut chance);
        let series_begin_ms = begin_ms;
        for number in 0..=job.max_retries {
            let (seconds, ending) = outcome(world, job, begin_ms, &mut trouble, &mut chance);
            let attempt = Attempt {
                series_id: series_id.clone(),
                series_begin_ms,
                number,
                begin_ms,
                startup_seconds: startup_seconds(job, &ending, &mut chance),
                seconds,
                ending,
            };
            if begin_ms > world.now_ms {
                return runs;
            }
            runs.push(facts::job_run(world, job, &attempt, &mut chance));
            let over = matches!(attempt.ending, Ending::Failed(_) | Ending::TimedOut);
            if !over || attempt.end_ms() > world.now_ms {
                return runs;
            }
            begin_ms = attempt.end_ms() + i64::from(chance.between(15, 60)) * 1_000;
            if attempt.ending == Ending::TimedOut {
                break;
            }
        }
    }
    runs
}

/// How long an attempt works and how it ends. `trouble` is what made the attempt before it fail,
/// and becomes what makes this one fail.
fn outcome(
    world: &World,
    job: &Job,
    begin_ms: i64,
    trouble: &mut Option<Mishap>,
    chance: &mut Chance,
) -> (u32, Ending) {
    let second = begin_ms.div_euclid(1_000);
    if job.rhythm == Rhythm::Stream {
        // Until the next Sunday's restart; the rest of the week is the time it took to start.
        return (7 * 86_400 - 180, Ending::Expired);
    }
    let skies = weather(world.seed, job.account, job.region, second);
    let usual = usual_seconds(world, job, second, skies, chance);
    match &job.plot {
        Some(Plot::Deleted) => return (0, Ending::Deleted),
        Some(Plot::Fails { since, until, after_percent, message })
            if (*since..*until).contains(&second) =>
        {
            return (part(usual, *after_percent), Ending::Failed((*message).to_owned()));
        }
        _ => {}
    }
    *trouble = next_trouble(job, *trouble, skies, chance);
    let limit = job.timeout_minutes * 60;
    if let Some(mishap) = *trouble {
        let (least, most) = mishap.after_percent();
        let message = match job.platform {
            Platform::Glue(_) => mishap.glue_message(&job.name, chance),
            Platform::Emr(_) => mishap.emr_message(),
        };
        let seconds = part(usual, chance.between(least, most));
        return (seconds.min(limit - 1), Ending::Failed(message));
    }
    // A few runs hang until their timeout, whatever they usually take.
    if usual >= limit || chance.happens(0.000_7) {
        return (limit, Ending::TimedOut);
    }
    if chance.happens(0.002) {
        return (part(usual, chance.between(5, 150)).min(limit - 1), Ending::Stopped);
    }
    (usual, Ending::Well)
}

/// What makes an attempt fail, if anything does: often what made the one before it fail.
fn next_trouble(
    job: &Job,
    before: Option<Mishap>,
    skies: Weather,
    chance: &mut Chance,
) -> Option<Mishap> {
    if let Some(mishap) = before {
        return (!chance.happens(mishap.cured_by_retry())).then_some(mishap);
    }
    let fails = chance.happens(job.fault_rate + skies.extra_fault_rate);
    fails.then(|| Mishap::draw(chance))
}

/// How long the job works if nothing goes wrong.
fn usual_seconds(
    world: &World,
    job: &Job,
    second: i64,
    skies: Weather,
    chance: &mut Chance,
) -> u32 {
    let weeks = (second - world.from).div_euclid(7 * DAY);
    let growth = (0..weeks).fold(1.0, |factor, _| factor * (1.0 + job.weekly_growth));
    // Mondays bring the weekend's data, and month ends bring everybody's.
    let date = utc_day(super::company::instant(second * 1_000));
    let weekday = match date.weekday().to_monday_zero_offset() {
        0 => 1.15,
        5 | 6 => 0.65,
        _ => 1.0,
    };
    let month_end = if date == date.last_of_month() || date.day() == 1 { 1.2 } else { 1.0 };
    let faster = match job.plot {
        Some(Plot::MoreWorkers { since, .. }) if second >= since => 0.85,
        _ => 1.0,
    };
    let usual = f64::from(job.seconds) * growth * weekday * month_end * faster;
    ((usual * skies.slowdown * chance.factor(job.spread)) as u32).max(5)
}

fn part(seconds: u32, percent: u32) -> u32 {
    (u64::from(seconds) * u64::from(percent) / 100).max(1) as u32
}

fn startup_seconds(job: &Job, ending: &Ending, chance: &mut Chance) -> u32 {
    let (least, most) = match &job.platform {
        _ if *ending == Ending::Deleted => (1, 1),
        _ if job.rhythm == Rhythm::Stream => (30, 90),
        Platform::Glue(Glue { kind: JobKind::PythonShell, .. }) => (5, 20),
        // Glue before 2.0 took minutes to find its machines.
        Platform::Glue(Glue { capacity: Capacity::TenThousandthDpus(_), .. }) => (150, 420),
        Platform::Glue(_) => (8, 40),
        Platform::Emr(_) => (15, 90),
    };
    chance.between(least, most)
}
