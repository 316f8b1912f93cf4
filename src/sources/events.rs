//! EventBridge events of Glue and EMR Serverless, as partial facts of runs: which run, in which
//! state, since when. What an event leaves out, a later question to the API fills in.
//!
//! Events come at best once and in any order, so each is stamped such that merging it with what
//! AWS's API says of the run never makes the answer worse. Pure; fetches nothing from a queue.

use jiff::Timestamp;

use super::convert::{ConvertError, error_text, name, required, shown};
use super::emr_serverless_convert::{EmrRun, Utilization};
use super::json::Members;
use crate::model::{Engine, JobRun, Reading, RunIdentity, RunState, Stamp, Teller, utc_day};

const RECORD: &str = "an EventBridge event";

/// The state of an attempt that has ended in a way that nobody has told yet. AWS has no word for
/// it, and it counts as not terminal, so the run is asked for.
const ENDED: &str = "ENDED";

/// A fact that any answer of the API beats.
const WEAKEST: Stamp = Stamp { terminal: false, updated_at: None };

/// What EventBridge wraps around every event.
#[derive(Default)]
struct Envelope<'a> {
    account: Option<String>,
    region: Option<String>,
    time: Option<Timestamp>,
    source: Option<String>,
    kind: Option<String>,
    detail: Option<Members<'a>>,
    /// The first of `resources`, which names the run where the detail does not.
    resource: Option<String>,
}

/// Where and when an event was sent.
struct Origin {
    account: String,
    region: String,
    time: Timestamp,
}

/// Why a text is no event that tells of runs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// No JSON object.
    #[error("not a JSON object: {0}")]
    NotJson(String),
    /// An object that is no such event.
    #[error(transparent)]
    Convert(#[from] ConvertError),
}

/// The runs that the text of one EventBridge event tells of: none where it is about something else
/// of either engine, two where one attempt follows another.
///
/// # Errors
/// Where the text is no event of either engine, or leaves out which run or state it is about.
pub fn runs_of_event(text: &str) -> Result<Vec<JobRun>, EventError> {
    // The parser's words may quote a text that anybody can have sent.
    let members = Members::parse(text).map_err(|e| EventError::NotJson(shown(&e.to_string())))?;
    Ok(runs(&members)?)
}

/// The runs that an event tells of: none where it is about something else of either engine, two
/// where one attempt follows another.
///
/// # Errors
/// Where the event is of neither engine, or leaves out which run or state it is about.
pub(super) fn runs(event: &Members<'_>) -> Result<Vec<JobRun>, ConvertError> {
    let envelope = Envelope::from_json(event)?;
    let source = required(RECORD, "source", envelope.source)?;
    let kind = required(RECORD, "detail-type", envelope.kind)?;
    let missing = |member| ConvertError::Missing { record: RECORD, member };
    let detail = envelope.detail.ok_or(missing("detail"))?;
    let origin = Origin {
        account: required(RECORD, "account", envelope.account)?,
        region: required(RECORD, "region", envelope.region)?,
        time: envelope.time.ok_or(missing("time"))?,
    };
    let mut runs = match (source.as_str(), kind.as_str()) {
        ("aws.glue", "Glue Job State Change" | "Glue Job Run Status") => {
            vec![glue_state(&origin, &detail)?]
        }
        ("aws.emr-serverless", "EMR Serverless Job Run State Change") => {
            vec![emr_state(&origin, &detail)?]
        }
        ("aws.emr-serverless", "EMR Serverless Job Run Retry") => emr_retry(&origin, &detail)?,
        ("aws.emr-serverless", "EMR Serverless Job Resource Utilization Update") => {
            vec![emr_utilization(&origin, &detail, envelope.resource)?]
        }
        ("aws.glue" | "aws.emr-serverless", _) => Vec::new(),
        _ => return Err(ConvertError::ForeignEvent(source)),
    };
    runs.iter_mut().for_each(|run| run.told(Teller::Event, origin.time));
    Ok(runs)
}

impl<'a> Envelope<'a> {
    fn from_json(members: &Members<'a>) -> Result<Self, ConvertError> {
        let mut event = Self::default();
        for member in members.iter() {
            match member.name.as_ref() {
                "account" => member.text(&mut event.account)?,
                "region" => member.text(&mut event.region)?,
                "time" => member.time(&mut event.time)?,
                "source" => member.text(&mut event.source)?,
                "detail-type" => member.text(&mut event.kind)?,
                "detail" => member.once(&mut event.detail, member.object()?)?,
                "resources" => event.resource = member.texts()?.into_iter().next(),
                _ => {}
            }
        }
        Ok(event)
    }
}

/// A Glue run's state. The end is not given: an event's own time is only near it.
fn glue_state(origin: &Origin, detail: &Members<'_>) -> Result<JobRun, ConvertError> {
    let (mut run_id, mut state, mut job_name) = (None, None, None);
    let (mut message, mut started_at) = (None, None);
    for member in detail.iter() {
        match member.name.as_ref() {
            "jobRunId" => member.text(&mut run_id)?,
            "jobName" => member.text(&mut job_name)?,
            "state" => member.text(&mut state)?,
            "message" => member.text(&mut message)?,
            "startedOn" => member.time(&mut started_at)?,
            _ => {}
        }
    }
    let identity = RunIdentity {
        account: origin.account.clone(),
        region: origin.region.clone(),
        engine: Engine::Glue,
        application_id: None,
        run_id: required(RECORD, "jobRunId", run_id)?,
        attempt: 1,
    };
    let state = RunState::from(required(RECORD, "state", state)?.as_str());
    let mut run = JobRun::new(identity, state);
    run.job_name = name("jobName", job_name)?;
    run.updated_at = Some(origin.time);
    run.started_at = started_at;
    run.error = error_text(message).filter(|_| run.state.is_bad_end());
    if run.error.is_some() {
        // The run's own `ErrorMessage` says more, and bears an earlier time than the event.
        run.older.insert("error".to_owned(), WEAKEST);
    }
    Ok(run)
}

/// An EMR Serverless run's state. Where the event does not name the attempt, an end may be that of
/// a later one, so it is told without a time: it is found to be asked for, and any better fact of
/// the first attempt's end stands against it.
fn emr_state(origin: &Origin, detail: &Members<'_>) -> Result<JobRun, ConvertError> {
    let run = EmrRun::from_json(detail)?;
    let attempt_is_told = run.attempt.is_some();
    let mut run = partial(run, origin)?;
    if run.state.is_terminal() && !attempt_is_told {
        run.updated_at = None;
    }
    Ok(run)
}

/// The end of one attempt of an EMR Serverless run and the beginning of the next.
fn emr_retry(origin: &Origin, detail: &Members<'_>) -> Result<Vec<JobRun>, ConvertError> {
    let (mut ended, mut begun) = (EmrRun::from_json(detail)?, EmrRun::from_json(detail)?);
    for member in detail.iter() {
        match member.name.as_ref() {
            "previousAttempt" => member.small_count(&mut ended.attempt)?,
            "previousAttemptState" => member.text(&mut ended.state)?,
            "previousAttemptCreatedAt" => member.time(&mut ended.attempt_created_at)?,
            "previousAttemptEndedAt" => member.time(&mut ended.ended_at)?,
            "newAttempt" => member.small_count(&mut begun.attempt)?,
            "newAttemptCreatedAt" => member.time(&mut begun.attempt_created_at)?,
            _ => {}
        }
    }
    // Without their numbers the two attempts would be taken for one.
    let numbered = |run: &EmrRun, member| {
        run.attempt.map(|_| ()).ok_or(ConvertError::Missing { record: RECORD, member })
    };
    numbered(&ended, "previousAttempt")?;
    numbered(&begun, "newAttempt")?;
    ended.attempt_updated_at = ended.ended_at;
    begun.attempt_updated_at = begun.attempt_created_at;
    begun.state = Some(RunState::Submitted.to_string());
    Ok(vec![partial(ended, origin)?, partial(begun, origin)?])
}

/// What an attempt has used so far, or in the end.
fn emr_utilization(
    origin: &Origin,
    detail: &Members<'_>,
    arn: Option<String>,
) -> Result<JobRun, ConvertError> {
    let mut told = EmrRun::from_json(detail)?;
    let (mut is_final, mut calculated_to) = (None, None);
    for member in detail.iter() {
        match member.name.as_ref() {
            "calculatedTo" => member.time(&mut calculated_to)?,
            "resourceUtilizationFinal" => member.flag(&mut is_final)?,
            "totalBilledResourceUtilization" => {
                Utilization::from_json(member, &mut told.billed_utilization)?;
            }
            _ => {}
        }
    }
    told.arn = told.arn.or(arn);
    if is_final != Some(true) {
        told.state = Some(RunState::Running.to_string());
        told.updated_at = Some(origin.time);
        return Ok(with_reading(partial(told, origin)?, calculated_to.unwrap_or(origin.time)));
    }
    told.state = Some(ENDED.to_owned());
    told.updated_at = None;
    let mut run = partial(told, origin)?;
    // Told of an ended attempt, but not of when AWS last changed it: the figures are final, and
    // give way to what the API says later.
    let at_end = Stamp { terminal: true, updated_at: None };
    for (field, is_known) in [("used", run.used.is_some()), ("billed", run.billed.is_some())] {
        if is_known {
            run.older.insert(field.to_owned(), at_end);
        }
    }
    Ok(with_reading(run, calculated_to.unwrap_or(origin.time)))
}

/// The run with its meters read.
fn with_reading(mut run: JobRun, at: Timestamp) -> JobRun {
    run.readings =
        run.billed.map(|billed| (utc_day(at), Reading { at, billed })).into_iter().collect();
    run
}

/// A run of which an event told: what it left out is not known, rather than AWS's default.
fn partial(run: EmrRun, origin: &Origin) -> Result<JobRun, ConvertError> {
    let mode_is_told = run.mode.is_some();
    let run = run.into_run(&origin.account, &origin.region)?;
    Ok(JobRun {
        kind: run.kind.filter(|_| mode_is_told),
        execution_class: None,
        unknown: None,
        ..run
    })
}
