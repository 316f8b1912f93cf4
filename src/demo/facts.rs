//! Attempts in the words of the engines: the fields that Glue and EMR Serverless fill, and no
//! others.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::chain::{Attempt, Ending};
use super::chance::Chance;
use super::company::{World, instant};
use super::job::{Application, Capacity, Emr, Glue, Job, Metering, Platform, Plot};
use super::rhythm::{DAY, Rhythm};
use super::teams;
use crate::model::{
    Definition, Engine, ExecutionClass, JobKind, JobRun, Resources, RunIdentity, RunState, utc_day,
};

/// AWS says what it billed for an EMR Serverless run this long after its end.
const BILLED_AFTER_MS: i64 = 40 * 60 * 1_000;

/// An id for a run that is no retry.
pub(super) fn new_id(job: &Job, chance: &mut Chance) -> String {
    match job.platform {
        Platform::Glue(_) => format!("jr_{}", chance.hex(64)),
        Platform::Emr(_) => format!("00{}", chance.id(14)),
    }
}

/// What the engine says about an attempt by now.
pub(super) fn job_run(world: &World, job: &Job, attempt: &Attempt, chance: &mut Chance) -> JobRun {
    let mut run = match &job.platform {
        Platform::Glue(glue) => glue_run(world, job, glue, attempt, chance),
        Platform::Emr(emr) => emr_run(world, job, emr, attempt, chance),
    };
    // A deleted job has neither a command nor tags to ask for.
    if attempt.ending != Ending::Deleted {
        run.define(definition(world, job, attempt));
    }
    run
}

fn has_ended(world: &World, attempt: &Attempt) -> bool {
    attempt.end_ms() <= world.now_ms
}

fn definition(world: &World, job: &Job, attempt: &Attempt) -> Definition {
    let observed_at = instant(attempt.end_ms().min(world.now_ms));
    match &job.platform {
        Platform::Glue(glue) => Definition {
            observed_at,
            kind: Some(glue.kind.clone()),
            tags: Some(job.tags.clone()),
            ..Definition::default()
        },
        Platform::Emr(emr) => Definition {
            observed_at,
            architecture: Some(emr.application.architecture.clone()),
            application_name: Some(emr.application.name.to_owned()),
            maximum_vcpus: Some(emr.application.maximum_vcpus.into()),
            tags: Some(application_tags(emr.application)),
            ..Definition::default()
        },
    }
}

fn application_tags(application: &Application) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::from([("env".to_owned(), "prod".to_owned())]);
    if let Some(team) = application.team.map(teams::team) {
        tags.insert("team".to_owned(), team.name.to_owned());
        tags.insert("cost-center".to_owned(), team.cost_center.to_owned());
    }
    tags
}

fn glue_run(
    world: &World,
    job: &Job,
    glue: &Glue,
    attempt: &Attempt,
    chance: &mut Chance,
) -> JobRun {
    let retry_id = |number: u32| match number {
        0 => attempt.series_id.clone(),
        number => format!("{}_attempt_{number}", attempt.series_id),
    };
    let identity = identity(job, Engine::Glue, None, retry_id(attempt.number), 1);
    let mut run = JobRun::new(identity, RunState::Running);
    let begin = instant(attempt.begin_ms);
    run.job_name = Some(job.name.clone());
    run.updated_at = Some(begin);
    run.started_at = Some(begin);
    run.previous_run_id = attempt.number.checked_sub(1).map(retry_id);
    run.version = Some(glue.version.to_owned());
    run.timeout_minutes = (job.rhythm != Rhythm::Stream).then(|| job.timeout_minutes.into());
    run.trigger.clone_from(&job.trigger);
    run.execution_class = match glue.metering {
        Metering::Flex => Some(ExecutionClass::Flex),
        // Glue says so since there has been another class.
        _ if glue.kind == JobKind::Spark && glue.version >= "3.0" => Some(ExecutionClass::Standard),
        _ => None,
    };
    let capacity = capacity_at(job, glue, attempt);
    if let Capacity::Workers(worker_type, count) = capacity {
        run.worker_type = Some(worker_type.to_owned());
        run.worker_count = Some(count);
    }
    run.max_capacity = Some(capacity.dpus());
    // Drawn in any case, so that a run's other facts are the same before and after its end.
    let metered_percent = match glue.metering {
        Metering::Fixed => None,
        Metering::AutoScaled => Some(chance.between(35, 85)),
        Metering::Flex => Some(chance.between(75, 99)),
    };
    if has_ended(world, attempt) {
        end_glue(&mut run, attempt, capacity, metered_percent);
    }
    run
}

fn end_glue(run: &mut JobRun, attempt: &Attempt, capacity: Capacity, metered_percent: Option<u32>) {
    let end = instant(attempt.end_ms());
    run.updated_at = Some(end);
    run.ended_at = Some(end);
    run.execution_seconds = Some(attempt.seconds.into());
    run.dpu_seconds = metered_percent.map(|percent| {
        let full = capacity.dpus() * Decimal::from(attempt.seconds);
        (full * Decimal::new(percent.into(), 2)).round_dp(1)
    });
    let (state, error) = match &attempt.ending {
        Ending::Well => (RunState::Succeeded, None),
        Ending::Failed(message) => (RunState::Failed, Some(message.clone())),
        Ending::TimedOut => (RunState::Timeout, None),
        Ending::Stopped => (RunState::Stopped, None),
        Ending::Expired => (RunState::Expired, None),
        Ending::Deleted => {
            (RunState::Error, Some(format!("Entity Not Found: job {}", name_of(run))))
        }
    };
    run.state = state;
    run.error = error;
}

fn name_of(run: &JobRun) -> &str {
    run.job_name.as_deref().unwrap_or_default()
}

fn capacity_at(job: &Job, glue: &Glue, attempt: &Attempt) -> Capacity {
    match (&job.plot, glue.capacity) {
        (Some(Plot::MoreWorkers { since, count }), Capacity::Workers(worker_type, _))
            if attempt.begin_ms >= since * 1_000 =>
        {
            Capacity::Workers(worker_type, *count)
        }
        (_, capacity) => capacity,
    }
}

fn emr_run(world: &World, job: &Job, emr: &Emr, attempt: &Attempt, chance: &mut Chance) -> JobRun {
    let application_id = format!("00{}", Chance::of(world.seed, emr.application.name, 0).id(14));
    let identity = identity(
        job,
        Engine::EmrServerless,
        Some(application_id),
        attempt.series_id.clone(),
        attempt.number + 1,
    );
    let started_ms = attempt.begin_ms + i64::from(attempt.startup_seconds) * 1_000;
    let started = started_ms <= world.now_ms;
    let state = if started { RunState::Running } else { RunState::Scheduled };
    let mut run = JobRun::new(identity, state);
    run.job_name = Some(emr_name(job, emr, attempt));
    run.kind = Some(JobKind::Spark);
    run.created_at = Some(instant(attempt.begin_ms));
    run.started_at = started.then(|| instant(started_ms));
    run.updated_at = run.started_at.or(run.created_at);
    run.version = Some(emr.application.release.to_owned());
    run.execution_class =
        Some(if emr.flex { ExecutionClass::Flex } else { ExecutionClass::Standard });
    run.timeout_minutes = Some(job.timeout_minutes.into());
    run.tags = Some(if emr.tags_runs { job.tags.clone() } else { BTreeMap::new() });
    let used = used(emr, attempt.seconds, chance.between(700, 980));
    let billed_permille = chance.between(1_000, 1_060);
    if has_ended(world, attempt) {
        end_emr(&mut run, attempt);
        run.used = Some(used);
        // The figures come some time after the end, with no newer time stamp.
        run.billed = (attempt.end_ms() + BILLED_AFTER_MS <= world.now_ms)
            .then(|| billed(used, billed_permille));
    }
    run
}

fn end_emr(run: &mut JobRun, attempt: &Attempt) {
    let end = instant(attempt.end_ms());
    run.updated_at = Some(end);
    run.ended_at = Some(end);
    run.execution_seconds = Some(attempt.seconds.into());
    let (state, error) = match &attempt.ending {
        Ending::Failed(message) => (RunState::Failed, Some(message.clone())),
        Ending::TimedOut => (
            RunState::Failed,
            Some("Job run exceeded its execution timeout and was cancelled".to_owned()),
        ),
        Ending::Stopped => (RunState::Cancelled, None),
        Ending::Well | Ending::Expired | Ending::Deleted => (RunState::Success, None),
    };
    run.state = state;
    run.error = error;
}

/// The run's name: the job's, with the date or the minute for which it was started where the
/// scheduler adds it. Every attempt has the name of its series.
fn emr_name(job: &Job, emr: &Emr, attempt: &Attempt) -> String {
    if !emr.dated {
        return job.name.clone();
    }
    let date = utc_day(instant(attempt.series_begin_ms));
    if let Rhythm::Every { .. } = job.rhythm {
        let minute = attempt.series_begin_ms.rem_euclid(DAY * 1_000) / 60_000;
        let day = date.strftime("%Y%m%d");
        return format!("{}-{day}T{:02}{:02}00", job.name, minute / 60, minute % 60);
    }
    format!("{}-{date}", job.name)
}

/// What a run used: its vCPUs and memory for most of the time, and 20 GB of storage a worker.
fn used(emr: &Emr, seconds: u32, permille: u32) -> Resources {
    let vcpu_thousandths = u64::from(emr.vcpus) * u64::from(seconds) * u64::from(permille) / 3_600;
    let vcpu_hours = Decimal::new(i64::try_from(vcpu_thousandths).unwrap_or(i64::MAX), 3);
    // Workers have four vCPUs each: 20 GB are 5 for each vCPU.
    Resources {
        vcpu_hours,
        memory_gb_hours: vcpu_hours * Decimal::from(emr.gb_per_vcpu),
        storage_gb_hours: vcpu_hours * Decimal::from(5),
    }
}

/// What AWS bills for it: a little more, for the one-minute minimum of each worker; no storage,
/// because the first 20 GB of a worker are free.
fn billed(used: Resources, permille: u32) -> Resources {
    let more = |hours: Decimal| (hours * Decimal::new(permille.into(), 3)).round_dp(3);
    Resources {
        vcpu_hours: more(used.vcpu_hours),
        memory_gb_hours: more(used.memory_gb_hours),
        storage_gb_hours: Decimal::ZERO,
    }
}

fn identity(
    job: &Job,
    engine: Engine,
    application_id: Option<String>,
    run_id: String,
    attempt: u32,
) -> RunIdentity {
    RunIdentity {
        account: job.account.to_owned(),
        region: job.region.to_owned(),
        engine,
        application_id,
        run_id,
        attempt,
    }
}
