//! What one JSON object of an import file holds: a run of either engine, bare or wrapped as AWS's
//! tools wrap it, or a page of them.

use std::ops::Range;

use serde_json::value::RawValue;

use super::{Defaults, LineErrorReason};
use crate::model::JobRun;
use crate::sources::ConvertError;
use crate::sources::emr_serverless_convert::EmrRun;
use crate::sources::emr_session_convert::EmrSession;
use crate::sources::events;
use crate::sources::glue_convert::GlueRun;
use crate::sources::glue_session_convert::GlueSession;
use crate::sources::json::Members;

/// What an object holds.
pub(super) enum Content {
    /// One run.
    Run(Box<JobRun>),
    /// What an event tells of: no run, one, or two.
    Runs(Vec<JobRun>),
    /// The Glue records of a page, all of one kind: where in the object, and on which line of the
    /// file.
    GluePage(GlueRecord, Vec<(Range<usize>, u64)>),
}

/// What a page of Glue's is of.
#[derive(Clone, Copy)]
pub(super) enum GlueRecord {
    JobRun,
    Session,
}

/// How an object is recognised: by the members that only its kind has. Wrappers carry the JSON
/// text of what they wrap.
enum Shape<'a> {
    Neither,
    Glue,
    Emr,
    GluePage(GlueRecord, &'a str),
    GlueWrapped(&'a str),
    GlueSession,
    GlueSessionWrapped(&'a str),
    EmrWrapped(&'a str),
    EmrSession,
    EmrSessionWrapped(&'a str),
    Event,
    EmrList,
}

/// Reads an object that begins on `line`.
pub(super) fn content(
    json: &str,
    line: u64,
    defaults: &Defaults,
) -> Result<Content, LineErrorReason> {
    let members = members(json, line)?;
    let run = match shape(&members)? {
        Shape::GluePage(kind, page) => {
            return Ok(Content::GluePage(kind, glue_page(json, page, line)?));
        }
        Shape::Glue => glue(&members, defaults)?,
        Shape::GlueSession => glue_session(&members, defaults)?,
        Shape::Emr => emr(&members, defaults)?,
        Shape::EmrSession => emr_session(&members, defaults)?,
        Shape::GlueWrapped(json) => glue(&self::members(json, line)?, defaults)?,
        Shape::GlueSessionWrapped(json) => glue_session(&self::members(json, line)?, defaults)?,
        Shape::EmrWrapped(json) => emr(&self::members(json, line)?, defaults)?,
        Shape::EmrSessionWrapped(json) => emr_session(&self::members(json, line)?, defaults)?,
        Shape::Event => return Ok(Content::Runs(events::runs(&members)?)),
        Shape::EmrList => return Err(LineErrorReason::EmrList),
        Shape::Neither => return Err(LineErrorReason::NoRun),
    };
    Ok(Content::Run(Box::new(run)))
}

/// Reads a record of a page of Glue's that begins on `line`.
pub(super) fn glue_record(
    kind: GlueRecord,
    json: &str,
    line: u64,
    defaults: &Defaults,
) -> Result<JobRun, LineErrorReason> {
    let members = members(json, line)?;
    match kind {
        GlueRecord::JobRun => glue(&members, defaults),
        GlueRecord::Session => glue_session(&members, defaults),
    }
}

fn shape<'a>(members: &Members<'a>) -> Result<Shape<'a>, ConvertError> {
    let (mut wrapped, mut bare) = (None, Shape::Neither);
    for member in members.iter() {
        let value = member.value.get();
        if value == "null" {
            continue;
        }
        match member.name.as_ref() {
            "JobRuns" => {
                member.once(&mut wrapped, Some(Shape::GluePage(GlueRecord::JobRun, value)))?;
            }
            "Sessions" => {
                member.once(&mut wrapped, Some(Shape::GluePage(GlueRecord::Session, value)))?;
            }
            "JobRun" => member.once(&mut wrapped, Some(Shape::GlueWrapped(value)))?,
            "jobRun" => member.once(&mut wrapped, Some(Shape::EmrWrapped(value)))?,
            "Session" => member.once(&mut wrapped, Some(Shape::GlueSessionWrapped(value)))?,
            "session" => member.once(&mut wrapped, Some(Shape::EmrSessionWrapped(value)))?,
            "jobRuns" | "sessions" => member.once(&mut wrapped, Some(Shape::EmrList))?,
            "detail-type" => member.once(&mut wrapped, Some(Shape::Event))?,
            // Members of sessions alone; what sessions share with job runs does not outdo them.
            "sessionId" => bare = Shape::EmrSession,
            "CreatedOn" | "Status" => bare = Shape::GlueSession,
            "jobRunId" | "applicationId" if !matches!(bare, Shape::EmrSession) => {
                bare = Shape::Emr;
            }
            "Id" | "JobRunState" | "JobName" if !matches!(bare, Shape::GlueSession) => {
                bare = Shape::Glue;
            }
            _ => {}
        }
    }
    Ok(wrapped.unwrap_or(bare))
}

/// The records of a page of `get-job-runs`, for the caller to read one by one.
fn glue_page(
    json: &str,
    page: &str,
    line: u64,
) -> Result<Vec<(Range<usize>, u64)>, LineErrorReason> {
    let records: Vec<&RawValue> =
        serde_json::from_str(page).map_err(|error| not_json(&error, line))?;
    let (mut records_with_lines, mut seen, mut line) = (Vec::new(), 0, line);
    for record in records {
        let record = record.get();
        // The record is a part of the object's own text.
        let start = record.as_ptr() as usize - json.as_ptr() as usize;
        line += count_lines(&json[seen..start]);
        records_with_lines.push((start..start + record.len(), line));
        seen = start;
    }
    Ok(records_with_lines)
}

fn count_lines(text: &str) -> u64 {
    text.bytes().map(|byte| u64::from(byte == b'\n')).sum()
}

fn members(json: &str, line: u64) -> Result<Members<'_>, LineErrorReason> {
    Members::parse(json).map_err(|error| not_json(&error, line))
}

/// The parser counts lines from the record's own beginning; people count them from the file's.
fn not_json(error: &serde_json::Error, line: u64) -> LineErrorReason {
    let (own_line, column) = (error.line(), error.column());
    let text = error.to_string();
    let message = text.strip_suffix(&format!(" at line {own_line} column {column}"));
    let line = line + u64::try_from(own_line).unwrap_or_default().saturating_sub(1);
    let message = message.unwrap_or(&text);
    LineErrorReason::Unreadable(format!("not JSON: {message} (line {line}, column {column})"))
}

fn glue(members: &Members<'_>, defaults: &Defaults) -> Result<JobRun, LineErrorReason> {
    let run = GlueRun::from_json(members)?;
    let (account, region) = place(defaults)?;
    Ok(run.into_run(account, region)?)
}

fn glue_session(members: &Members<'_>, defaults: &Defaults) -> Result<JobRun, LineErrorReason> {
    let session = GlueSession::from_json(members)?;
    let (account, region) = place(defaults)?;
    Ok(session.into_run(account, region, None)?)
}

fn emr_session(members: &Members<'_>, defaults: &Defaults) -> Result<JobRun, LineErrorReason> {
    let session = EmrSession::from_json(members)?;
    if session.place().is_some() {
        return Ok(session.into_run("", "")?);
    }
    let (account, region) = place(defaults)?;
    Ok(session.into_run(account, region)?)
}

fn emr(members: &Members<'_>, defaults: &Defaults) -> Result<JobRun, LineErrorReason> {
    let run = EmrRun::from_json(members)?;
    if run.place().is_some() {
        // It is taken before any other, so none is needed.
        return Ok(run.into_run("", "")?);
    }
    let (account, region) = place(defaults)?;
    Ok(run.into_run(account, region)?)
}

/// Where a run was whose record does not say.
fn place(defaults: &Defaults) -> Result<(&str, &str), LineErrorReason> {
    let missing = LineErrorReason::MissingPlace;
    let account = defaults.account.as_deref().ok_or(missing("account"))?;
    let region = defaults.region.as_deref().ok_or(missing("region"))?;
    Ok((account, region))
}
