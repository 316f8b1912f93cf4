//! What is known of a run, how old each fact is, and what is not known and matters.

use jiff::Timestamp;

use super::Fact;
use crate::model::{Definition, Engine, JobRun, Resources};
use crate::report::format::exact;

/// Every fact of a run, the run's own first.
pub(super) fn facts(run: &JobRun) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut tell = |name, field: &str, value: Option<String>| {
        let stamp = run.stamp_of(field);
        let (as_of, at_end) = (stamp.updated_at, stamp.terminal);
        facts.extend(value.map(|value| Fact { name, value, as_of, at_end, of_job: false }));
    };
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let seconds = |seconds: Option<u64>| Some(format!("{} s", exact(seconds?.into())));
    let hours = |used: Option<Resources>| used.map(resources);
    tell("state", "state", Some(run.state.to_string()));
    tell("job name", "job_name", run.job_name.clone());
    tell("kind", "kind", run.kind.as_ref().map(|kind| kind.as_str().to_owned()));
    tell("created", "created_at", time(run.created_at));
    tell("started", "started_at", time(run.started_at));
    tell("ended", "ended_at", time(run.ended_at));
    tell("execution time", "execution_seconds", seconds(run.execution_seconds));
    tell("version", "version", run.version.clone());
    let class = run.execution_class.as_ref();
    tell("execution class", "execution_class", class.map(|class| class.as_str().to_owned()));
    tell("worker type", "worker_type", run.worker_type.clone());
    tell("workers", "worker_count", run.worker_count.map(|count| count.to_string()));
    tell("maximum capacity", "max_capacity", run.max_capacity.map(|c| exact(c) + " DPU"));
    tell("DPU-seconds", "dpu_seconds", run.dpu_seconds.map(exact));
    tell("used", "used", hours(run.used));
    tell("billed", "billed", hours(run.billed));
    tell("retry of", "previous_run_id", run.previous_run_id.clone());
    tell("trigger", "trigger", run.trigger.clone());
    tell("error", "error", run.error.clone());
    tell("tags", "tags", run.tags.as_ref().map(tags));
    tell("imported cost", "imported_cost", run.imported_cost.map(|usd| usd.to_string()));
    tell("readings", "readings", readings(run));
    facts.extend(run.definition.iter().flat_map(of_definition));
    facts
}

/// What the job or application says.
fn of_definition(definition: &Definition) -> Vec<Fact> {
    let text = |word: &str| word.to_owned();
    let told = [
        ("job's kind", definition.kind.as_ref().map(|kind| text(kind.as_str()))),
        ("architecture", definition.architecture.as_ref().map(|a| text(a.as_str()))),
        ("application", definition.application_name.clone()),
        ("maximum vCPU", definition.maximum_vcpus.map(exact)),
        ("job's tags", definition.tags.as_ref().map(tags)),
    ];
    let (as_of, at_end) = (Some(definition.observed_at), definition.at_end);
    told.into_iter()
        .filter_map(|(name, value)| Some(Fact { name, value: value?, as_of, at_end, of_job: true }))
        .collect()
}

/// What is not known and would make the price or its owner surer.
pub(super) fn missing(run: &JobRun) -> Vec<String> {
    let mut missing = Vec::new();
    let mut note = |is_missing: bool, what: &str| {
        if is_missing {
            missing.push(what.to_owned());
        }
    };
    let (glue, emr) = match run.identity.engine {
        Engine::Glue => (true, false),
        Engine::EmrServerless => (false, true),
        Engine::Other(_) => (false, false),
    };
    let ended = run.state.is_terminal();
    let definition = run.definition.as_ref();
    note(run.told_by.is_empty(), "who told of the run: it was stored by an earlier version");
    note(!ended, "how it ended: it has not, as far as is known");
    note(ended && run.ended_at.is_none(), "its end: the source gave none of its own");
    note(glue && run.execution_seconds.is_none(), "how long it used resources");
    note(
        glue && run.version.is_none() && !run.is_session(),
        "its Glue version, which decides the rate",
    );
    note(glue && run.job_kind().is_none(), "its job's command, which decides the rate");
    note(emr && run.billed.is_none(), "what AWS billed: until it is told, the run has no price");
    let interim = run.billed.is_some() && !run.billed_is_final() && ended;
    note(emr && interim, "what AWS billed in the end: what is known is from before the end");
    let architecture = definition.and_then(|definition| definition.architecture.as_ref());
    note(emr && architecture.is_none(), "its application's architecture, which decides the rate");
    let untagged = definition.is_none_or(|definition| definition.tags.is_none());
    note((glue || emr) && untagged, "its job's or application's tags: nobody told them");
    missing
}

fn resources(hours: Resources) -> String {
    let Resources { vcpu_hours, memory_gb_hours, storage_gb_hours } = hours;
    let (vcpu, memory, storage) =
        (exact(vcpu_hours), exact(memory_gb_hours), exact(storage_gb_hours));
    format!("{vcpu} vCPU-hours, {memory} GB-hours of memory, {storage} GB-hours of storage")
}

fn tags(tags: &std::collections::BTreeMap<String, String>) -> String {
    if tags.is_empty() {
        return "none".to_owned();
    }
    let pairs: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(", ")
}

fn readings(run: &JobRun) -> Option<String> {
    let (first, last) = (run.readings.values().next()?, run.readings.values().last()?);
    let days = run.readings.len();
    Some(format!("{days} UTC days, from {} to {}: {}", first.at, last.at, resources(last.billed)))
}
