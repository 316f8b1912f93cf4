//! EMR Serverless in rest-json: applications, runs by creation date, every attempt, billed
//! resources that come late, and interactive sessions. Reading only.

use std::collections::BTreeMap;

use axum::http::{Method, Uri};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Answer, Asked, page, parameters, percent_decoded};

/// The applications of one account and region.
#[derive(Default)]
pub(crate) struct EmrServerless {
    pub(crate) applications: BTreeMap<String, Application>,
}

/// An application and its runs.
pub(crate) struct Application {
    name: String,
    architecture: Option<String>,
    maximum_cpu: Option<String>,
    tags: BTreeMap<String, String>,
    pub(crate) runs: BTreeMap<String, Run>,
    /// `Session` objects by id.
    pub(crate) sessions: BTreeMap<String, Value>,
    /// `Spark` or `Hive`.
    pub(crate) kind: &'static str,
}

/// A run: the `JobRun` object of each of its attempts, the first one first.
pub(crate) struct Run {
    attempts: Vec<Value>,
    /// For how many more questions an ended attempt's billed resources stay `{}`.
    unbilled_asks: usize,
}

/// The limit of the service's own model, on every list.
const PAGE_MAX: usize = 50;

/// The states filter takes this many of the nine states.
const STATES_MAX: usize = 8;

impl EmrServerless {
    /// Adds an application with an architecture and a limit of 400 vCPU.
    pub(crate) fn add_application(&mut self, id: &str, name: &str, tags: &[(&str, &str)]) {
        let application = Application {
            name: name.to_owned(),
            architecture: Some("ARM64".to_owned()),
            maximum_cpu: Some("400 vCPU".to_owned()),
            tags: tags.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
            runs: BTreeMap::new(),
            sessions: BTreeMap::new(),
            kind: "Spark",
        };
        self.applications.insert(id.to_owned(), application);
    }

    /// Adds a session, or replaces it.
    pub(crate) fn put_session(&mut self, application: &str, id: &str, mut session: Value) {
        session["applicationId"] = application.into();
        session["sessionId"] = id.into();
        session["arn"] = format!(
            "arn:aws:emr-serverless:eu-west-1:111122223333:/applications/{application}\
             /sessions/{id}"
        )
        .into();
        let sessions = &mut self.applications.get_mut(application).unwrap().sessions;
        sessions.insert(id.to_owned(), session);
    }

    /// Adds a run with its attempts, or replaces it.
    pub(crate) fn put_run(&mut self, application: &str, id: &str, attempts: Vec<Value>) {
        self.put_late_billed_run(application, id, attempts, 0);
    }

    /// The same, with the billed resources of ended attempts held back for a number of questions.
    pub(crate) fn put_late_billed_run(
        &mut self,
        application: &str,
        id: &str,
        mut attempts: Vec<Value>,
        unbilled_asks: usize,
    ) {
        for (number, attempt) in (1..).zip(&mut attempts) {
            attempt["applicationId"] = application.into();
            attempt["jobRunId"] = id.into();
            attempt["arn"] = format!(
                "arn:aws:emr-serverless:eu-west-1:111122223333:/applications/{application}\
                 /jobruns/{id}"
            )
            .into();
            attempt["attempt"] = number.into();
        }
        let runs = &mut self.applications.get_mut(application).unwrap().runs;
        runs.insert(id.to_owned(), Run { attempts, unbilled_asks });
    }

    pub(crate) fn answer(&mut self, asked: &Asked) -> Answer {
        let input = &asked.input;
        let result = match asked.operation.as_str() {
            "ListApplications" => self.list_applications(input),
            "GetApplication" => self.get_application(input),
            "ListJobRuns" => self.list_job_runs(input),
            "GetJobRun" => self.get_job_run(input),
            "ListJobRunAttempts" => self.list_attempts(input),
            "ListSessions" => self.list_sessions(input),
            "GetSession" => self.get_session(input),
            other => Err(Answer::error(404, "UnknownOperationException", other)),
        };
        result.unwrap_or_else(|error| error)
    }

    fn list_applications(&self, input: &Value) -> Result<Answer, Answer> {
        let summaries: Vec<Value> = self
            .applications
            .iter()
            .map(|(id, application)| {
                let mut summary = application.json(id);
                summary["id"] = summary["applicationId"].take();
                for detail in ["applicationId", "tags", "maximumCapacity"] {
                    summary.as_object_mut().unwrap().remove(detail);
                }
                summary
            })
            .collect();
        listed("applications", &summaries, "applications", input)
    }

    fn get_application(&self, input: &Value) -> Result<Answer, Answer> {
        let id = input["applicationId"].as_str().unwrap();
        Ok(Answer::ok(&json!({ "application": self.application(id)?.json(id) })))
    }

    fn list_job_runs(&self, input: &Value) -> Result<Answer, Answer> {
        let id = input["applicationId"].as_str().unwrap();
        let runs = self.application(id)?.runs.values();
        let runs = runs.map(|run| summary(run.attempts.last().unwrap())).collect();
        listed("jobRuns", &selected(runs, input)?, id, input)
    }

    fn list_sessions(&self, input: &Value) -> Result<Answer, Answer> {
        let id = input["applicationId"].as_str().unwrap();
        let application = self.application(id)?;
        if application.kind != "Spark" {
            return Err(Answer::error(400, "ValidationException", "not a Spark application"));
        }
        let summary = |session: &Value| {
            let mut summary = session.clone();
            for detail in ["tags", "totalResourceUtilization", "billedResourceUtilization"]
                .into_iter()
                .chain(["startedAt", "endedAt", "totalExecutionDurationSeconds"])
            {
                summary.as_object_mut().unwrap().remove(detail);
            }
            summary
        };
        let sessions = application.sessions.values().map(summary).collect();
        listed("sessions", &selected(sessions, input)?, id, input)
    }

    fn get_session(&self, input: &Value) -> Result<Answer, Answer> {
        let application = self.application(input["applicationId"].as_str().unwrap())?;
        // The path's fourth part, whatever kind of thing it names.
        let session = application.sessions.get(input["jobRunId"].as_str().unwrap());
        session.map(|json| Answer::ok(&json!({ "session": json }))).ok_or_else(not_found)
    }

    fn get_job_run(&mut self, input: &Value) -> Result<Answer, Answer> {
        let (application, id) = path(input);
        let run = self
            .applications
            .get_mut(application)
            .and_then(|application| application.runs.get_mut(id))
            .ok_or_else(not_found)?;
        let asked_for = input["attempt"].as_str().map(|text| text.parse::<usize>().unwrap());
        let number = asked_for.unwrap_or(run.attempts.len());
        let mut attempt = run.attempts.get(number - 1).ok_or_else(not_found)?.clone();
        if run.unbilled_asks > 0 && !attempt["endedAt"].is_null() {
            run.unbilled_asks -= 1;
            attempt["billedResourceUtilization"] = json!({});
        }
        Ok(Answer::ok(&json!({ "jobRun": attempt })))
    }

    fn list_attempts(&self, input: &Value) -> Result<Answer, Answer> {
        let (application, id) = path(input);
        let run = self.application(application)?.runs.get(id).ok_or_else(not_found)?;
        let summaries: Vec<Value> = run
            .attempts
            .iter()
            .map(|attempt| {
                let mut summary = summary(attempt);
                summary["jobCreatedAt"] = attempt["createdAt"].clone();
                summary
            })
            .collect();
        listed("jobRunAttempts", &summaries, id, input)
    }

    fn application(&self, id: &str) -> Result<&Application, Answer> {
        self.applications.get(id).ok_or_else(not_found)
    }
}

impl Application {
    fn json(&self, id: &str) -> Value {
        let mut application = json!({
            "applicationId": id,
            "name": self.name,
            "arn": format!("arn:aws:emr-serverless:eu-west-1:111122223333:/applications/{id}"),
            "releaseLabel": "emr-7.9.0",
            "type": self.kind,
            "state": "STARTED",
            "createdAt": 1_600_000_000.25,
            "updatedAt": 1_600_000_000.25,
            "tags": self.tags
        });
        if let Some(architecture) = &self.architecture {
            application["architecture"] = architecture.as_str().into();
        }
        if let Some(cpu) = &self.maximum_cpu {
            application["maximumCapacity"] = json!({ "cpu": cpu, "memory": "3000 GB" });
        }
        application
    }
}

/// The operation and the members of a rest-json request.
pub(crate) fn understand(method: &Method, uri: &Uri) -> (String, Value) {
    let mut input = parameters(uri.query().unwrap_or(""));
    let parts: Vec<String> =
        uri.path().split('/').filter(|part| !part.is_empty()).map(percent_decoded).collect();
    for (name, at) in [("applicationId", 1), ("jobRunId", 3)] {
        if let Some(id) = parts.get(at) {
            input[name] = id.as_str().into();
        }
    }
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let operation = match parts[..] {
        _ if method != Method::GET => "NotReading",
        ["applications"] => "ListApplications",
        ["applications", _] => "GetApplication",
        ["applications", _, "jobruns"] => "ListJobRuns",
        ["applications", _, "jobruns", _] => "GetJobRun",
        ["applications", _, "jobruns", _, "attempts"] => "ListJobRunAttempts",
        ["applications", _, "sessions"] => "ListSessions",
        ["applications", _, "sessions", _] => "GetSession",
        _ => "Unknown",
    };
    (operation.to_owned(), input)
}

fn path(input: &Value) -> (&str, &str) {
    (input["applicationId"].as_str().unwrap(), input["jobRunId"].as_str().unwrap())
}

fn not_found() -> Answer {
    Answer::error(404, "ResourceNotFoundException", "Resource does not exist")
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(texts) => texts.iter().map(|text| text.as_str().unwrap().into()).collect(),
        _ => Vec::new(),
    }
}

/// Those of a list that its filters let through, newest first.
fn selected(mut list: Vec<Value>, input: &Value) -> Result<Vec<Value>, Answer> {
    let states = texts(&input["states"]);
    if states.len() > STATES_MAX {
        return Err(Answer::error(400, "ValidationException", "states: at most 8"));
    }
    let bound = |name: &str| {
        let time: Option<Timestamp> = input[name].as_str().map(|text| text.parse().unwrap());
        time.map(|time| time.as_millisecond() as f64 / 1000.0)
    };
    let (after, before) = (bound("createdAtAfter"), bound("createdAtBefore"));
    let created = |item: &Value| item["createdAt"].as_f64().unwrap();
    list.retain(|item| {
        let state = item["state"].as_str().unwrap();
        after.is_none_or(|after| created(item) > after)
            && before.is_none_or(|before| created(item) < before)
            && (states.is_empty() || states.iter().any(|wanted| wanted == state))
    });
    list.sort_by(|a, b| created(b).total_cmp(&created(a)));
    Ok(list)
}

/// A page of a list, as every list of the service is answered.
fn listed(name: &str, list: &[Value], of: &str, input: &Value) -> Result<Answer, Answer> {
    let size = input["maxResults"].as_str().map_or(PAGE_MAX, |text| text.parse().unwrap());
    if !(1..=PAGE_MAX).contains(&size) {
        return Err(Answer::error(400, "ValidationException", "maxResults: 1 to 50"));
    }
    let (items, next) = page(list, of, input["nextToken"].as_str(), size)?;
    let mut body = json!({ name: items });
    if let Some(next) = next {
        body["nextToken"] = next.into();
    }
    Ok(Answer::ok(&body))
}

/// What a list says of a run or an attempt: no utilisation, and `id` instead of `jobRunId`.
fn summary(attempt: &Value) -> Value {
    let mut summary = json!({ "id": attempt["jobRunId"], "type": "Spark" });
    for member in [
        "applicationId",
        "name",
        "mode",
        "arn",
        "createdBy",
        "createdAt",
        "updatedAt",
        "executionRole",
        "state",
        "stateDetails",
        "releaseLabel",
        "attempt",
        "attemptCreatedAt",
        "attemptUpdatedAt",
    ] {
        if !attempt[member].is_null() {
            summary[member] = attempt[member].clone();
        }
    }
    summary
}

/// An attempt as EMR Serverless records one. Times are epoch seconds; without an end it is still
/// at `state`, and nothing is billed yet.
pub(crate) fn attempt(name: &str, state: &str, created: f64, ended: Option<f64>) -> Value {
    let mut attempt = json!({
        "name": name,
        "createdBy": "arn:aws:sts::111122223333:assumed-role/scheduler/run",
        "createdAt": created,
        "updatedAt": ended.unwrap_or(created),
        "executionRole": "arn:aws:iam::111122223333:role/emr-serverless-job",
        "state": state,
        "stateDetails": "",
        "releaseLabel": "emr-7.9.0",
        "jobDriver": { "sparkSubmit": {
            "entryPoint": "s3://example/job.py",
            "entryPointArguments": ["--password", "do-not-keep"]
        } },
        "tags": { "cost-center": "CC-204" },
        "executionTimeoutMinutes": 720,
        "mode": "BATCH",
        "attemptCreatedAt": created,
        "attemptUpdatedAt": ended.unwrap_or(created),
        "startedAt": created + 60.0,
        "queuedDurationMilliseconds": 0
    });
    if let Some(ended) = ended {
        attempt["endedAt"] = ended.into();
        attempt["totalExecutionDurationSeconds"] = 486.into();
        attempt["totalResourceUtilization"] =
            json!({ "vCPUHour": 1.204, "memoryGBHour": 4.816, "storageGBHour": 6.02 });
        attempt["billedResourceUtilization"] =
            json!({ "vCPUHour": 1.267, "memoryGBHour": 5.067, "storageGBHour": 0.0 });
    }
    attempt
}

/// A session as EMR Serverless records one. While it is open nothing is billed yet.
pub(crate) fn session(state: &str, created: f64, updated: f64) -> Value {
    let mut session = json!({
        "name": "notebook-7f3a",
        "state": state,
        "stateDetails": "",
        "releaseLabel": "emr-7.13.0",
        "executionRoleArn": "arn:aws:iam::111122223333:role/analysts",
        "createdBy": "arn:aws:sts::111122223333:assumed-role/analysts/person",
        "createdAt": created,
        "updatedAt": updated,
        "startedAt": created + 60.0,
        "idleTimeoutMinutes": 60,
        "tags": { "team": "insight" }
    });
    if matches!(state, "TERMINATED" | "FAILED") {
        session["endedAt"] = updated.into();
        session["totalExecutionDurationSeconds"] = 486.into();
        session["totalResourceUtilization"] =
            json!({ "vCPUHour": 1.204, "memoryGBHour": 4.816, "storageGBHour": 6.02 });
        session["billedResourceUtilization"] =
            json!({ "vCPUHour": 1.267, "memoryGBHour": 5.067, "storageGBHour": 0.0 });
    }
    session
}
