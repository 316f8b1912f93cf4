//! Glue in JSON 1.1: jobs, their runs newest first, interactive sessions, tags. Reading only: a
//! call that would start or stop anything is answered as unknown, and stands in the log.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Asked, page};

/// The jobs of one account and region. A deleted job takes its runs along.
#[derive(Default)]
pub(crate) struct Glue {
    pub(crate) jobs: BTreeMap<String, Job>,
    /// `Session` objects by id, with their tags.
    pub(crate) sessions: BTreeMap<String, (Value, BTreeMap<String, String>)>,
}

/// A job and its runs.
pub(crate) struct Job {
    /// `Command.Name`.
    pub(crate) command: String,
    pub(crate) tags: BTreeMap<String, String>,
    /// `JobRun` objects, in any order: the newest is answered first.
    pub(crate) runs: Vec<Value>,
}

/// The limits of the service's own model.
const RUNS_PAGE_MAX: u64 = 200;
const JOBS_PAGE_MAX: u64 = 1000;

impl Glue {
    /// Adds a job, or replaces it.
    pub(crate) fn add_job(&mut self, name: &str, command: &str, tags: &[(&str, &str)]) {
        let tags = tags.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        let job = Job { command: command.to_owned(), tags, runs: Vec::new() };
        self.jobs.insert(name.to_owned(), job);
    }

    /// Adds a run to a job, or replaces the one with its id.
    pub(crate) fn put_run(&mut self, job: &str, mut run: Value) {
        run["JobName"] = job.into();
        let runs = &mut self.jobs.get_mut(job).unwrap().runs;
        runs.retain(|known| known["Id"] != run["Id"]);
        runs.push(run);
    }

    /// Adds a session, or replaces it.
    pub(crate) fn put_session(&mut self, session: Value, tags: &[(&str, &str)]) {
        let id = session["Id"].as_str().unwrap().to_owned();
        let tags = tags.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        self.sessions.insert(id, (session, tags));
    }

    pub(crate) fn answer(&self, asked: &Asked) -> Answer {
        let input = &asked.input;
        let result = match asked.operation.as_str() {
            "GetJobs" => self.get_jobs(input),
            "GetJobRuns" => self.get_job_runs(input),
            "GetJobRun" => self.get_job_run(input),
            "GetTags" => self.get_tags(asked),
            "ListSessions" => self.list_sessions(input),
            "GetSession" => self.get_session(input),
            other => Err(Answer::error(400, "UnknownOperationException", other)),
        };
        result.unwrap_or_else(|error| error)
    }

    fn get_jobs(&self, input: &Value) -> Result<Answer, Answer> {
        let jobs: Vec<Value> = self
            .jobs
            .iter()
            .map(|(name, job)| {
                json!({
                    "Name": name,
                    "Role": "arn:aws:iam::111122223333:role/etl",
                    "Command": { "Name": job.command, "ScriptLocation": "s3://example/job.py" },
                    "DefaultArguments": { "--secret": "do-not-keep" },
                    "MaxRetries": 0,
                    "CreatedOn": 1_600_000_000.5
                })
            })
            .collect();
        let size = size(input, JOBS_PAGE_MAX)?;
        let (jobs, next) = page(&jobs, "jobs", input["NextToken"].as_str(), size)?;
        Ok(Answer::ok(&with_token(json!({ "Jobs": jobs }), next)))
    }

    fn get_job_runs(&self, input: &Value) -> Result<Answer, Answer> {
        let name = input["JobName"].as_str().unwrap_or("");
        let mut runs = self.job(name)?.runs.clone();
        runs.sort_by(|a, b| started(b).total_cmp(&started(a)));
        let size = size(input, RUNS_PAGE_MAX)?;
        let (runs, next) = page(&runs, name, input["NextToken"].as_str(), size)?;
        Ok(Answer::ok(&with_token(json!({ "JobRuns": runs }), next)))
    }

    fn get_job_run(&self, input: &Value) -> Result<Answer, Answer> {
        let job = self.job(input["JobName"].as_str().unwrap_or(""))?;
        let run = job.runs.iter().find(|run| run["Id"] == input["RunId"]);
        run.map(|run| Answer::ok(&json!({ "JobRun": run }))).ok_or_else(not_found)
    }

    fn list_sessions(&self, input: &Value) -> Result<Answer, Answer> {
        let sessions: Vec<Value> = self.sessions.values().map(|(json, _)| json.clone()).collect();
        let size = size(input, JOBS_PAGE_MAX)?;
        let (page, next) = page(&sessions, "sessions", input["NextToken"].as_str(), size)?;
        let ids: Vec<&Value> = page.iter().map(|session| &session["Id"]).collect();
        Ok(Answer::ok(&with_token(json!({ "Ids": ids, "Sessions": page }), next)))
    }

    fn get_session(&self, input: &Value) -> Result<Answer, Answer> {
        let known = self.sessions.get(input["Id"].as_str().unwrap_or(""));
        known.map(|(json, _)| Answer::ok(&json!({ "Session": json }))).ok_or_else(not_found)
    }

    fn get_tags(&self, asked: &Asked) -> Result<Answer, Answer> {
        let arn = asked.input["ResourceArn"].as_str().unwrap_or("");
        let place = format!("arn:aws:glue:{}:{}:", asked.region, asked.account);
        let resource = arn.strip_prefix(&place).and_then(|resource| resource.split_once('/'));
        let tags = match resource {
            Some(("job", name)) => &self.job(name)?.tags,
            Some(("session", id)) => &self.sessions.get(id).ok_or_else(not_found)?.1,
            _ => return Err(Answer::error(400, "InvalidInputException", "invalid ARN")),
        };
        Ok(Answer::ok(&json!({ "Tags": tags })))
    }

    fn job(&self, name: &str) -> Result<&Job, Answer> {
        self.jobs.get(name).ok_or_else(not_found)
    }
}

fn not_found() -> Answer {
    Answer::error(400, "EntityNotFoundException", "Entity Not Found")
}

fn started(run: &Value) -> f64 {
    run["StartedOn"].as_f64().unwrap_or(0.0)
}

fn size(input: &Value, most: u64) -> Result<usize, Answer> {
    match input["MaxResults"].as_u64().unwrap_or(most.min(200)) {
        size if (1..=most).contains(&size) => Ok(usize::try_from(size).unwrap()),
        size => Err(Answer::error(400, "InvalidInputException", &format!("MaxResults {size}"))),
    }
}

fn with_token(mut body: Value, next: Option<String>) -> Value {
    if let Some(next) = next {
        body["NextToken"] = next.into();
    }
    body
}

/// A run as Glue records one, with the members that recorded answers have: job arguments that must
/// not be kept among them. Times are epoch seconds; a run without an end is still `state`.
pub(crate) fn run(id: &str, state: &str, started: f64, completed: Option<f64>) -> Value {
    let mut run = json!({
        "Id": id,
        "Attempt": 0,
        "StartedOn": started,
        "LastModifiedOn": completed.unwrap_or(started),
        "JobRunState": state,
        "Arguments": { "--password": "do-not-keep" },
        "PredecessorRuns": [],
        "AllocatedCapacity": 10,
        "ExecutionTime": completed.map_or(0, |end| seconds(end - started)),
        "Timeout": 2880,
        "MaxCapacity": 10.0,
        "WorkerType": "G.1X",
        "NumberOfWorkers": 10,
        "LogGroupName": "/aws-glue/jobs",
        "GlueVersion": "4.0",
        "ExecutionClass": "STANDARD"
    });
    if let Some(end) = completed {
        run["CompletedOn"] = end.into();
    }
    run
}

/// A session as Glue records one: no time of its last change, figures as doubles. While it is open
/// its `DPUSeconds` grow.
pub(crate) fn session(id: &str, status: &str, created: f64, completed: Option<f64>) -> Value {
    let ran = completed.map_or(60.0, |end| end - created);
    let mut session = json!({
        "Id": id,
        "CreatedOn": created,
        "Status": status,
        "Role": "arn:aws:iam::111122223333:role/teams/analysts",
        "Command": { "Name": "glueetl", "PythonVersion": "3" },
        "DefaultArguments": { "--password": "do-not-keep" },
        "Progress": 0.0,
        "MaxCapacity": 5.0,
        "GlueVersion": "4.0",
        "NumberOfWorkers": 5,
        "WorkerType": "G.1X",
        "ExecutionTime": ran,
        "DPUSeconds": ran * 5.0,
        "IdleTimeout": 60,
        "SessionType": "LIVY"
    });
    if let Some(end) = completed {
        session["CompletedOn"] = end.into();
    }
    session
}

#[allow(clippy::cast_possible_truncation)]
fn seconds(span: f64) -> i64 {
    span as i64
}
