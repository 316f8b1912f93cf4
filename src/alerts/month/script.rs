//! Reads the script of a month.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::alerts::rules::testing::{Run, at};
use crate::alerts::{BudgetFacts, TeamUse};

/// A month's script.
pub(super) struct Script {
    pub(super) jobs: Vec<Job>,
    /// By time.
    pub(super) happenings: Vec<Happening>,
    /// What is told: `11-04 02:30 OPEN run-failed load: platform`.
    pub(super) expected: Vec<String>,
}

/// A job and when it runs.
pub(super) struct Job {
    pub(super) name: String,
    pub(super) team: String,
    rhythm: String,
    hour: i8,
    minute: i8,
    minutes: i64,
    usd: String,
}

/// Something that happens.
pub(super) struct Happening {
    pub(super) at: Timestamp,
    pub(super) what: What,
}

/// What happens.
pub(super) enum What {
    /// To the run of a job that starts then.
    Run { job: String, how: String },
    /// What teams use of the quota from then on.
    Quota(Vec<TeamUse>),
    /// How a budget stands from then on.
    Budget(BudgetFacts),
    /// Whether the source is read from then on.
    Source { read: bool },
}

impl Script {
    pub(super) fn read(text: &str) -> Self {
        let mut script = Self { jobs: Vec::new(), happenings: Vec::new(), expected: Vec::new() };
        for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
            if let Some(expected) = line.strip_prefix("=> ") {
                script.expected.push(expected.to_owned());
            } else if let Some(job) = line.strip_prefix("job ") {
                script.jobs.push(Job::read(job));
            } else {
                script.happenings.push(Happening::read(line));
            }
        }
        script.happenings.sort_by_key(|happening| happening.at);
        script
    }

    /// What happens to the run of a job that starts at a time.
    pub(super) fn of_run(&self, name: &str, start: Timestamp) -> &str {
        let of_run = self.happenings.iter().find_map(|happening| match &happening.what {
            What::Run { job, how } if job == name && happening.at == start => Some(how.as_str()),
            _ => None,
        });
        of_run.unwrap_or("runs well")
    }
}

impl Job {
    fn read(line: &str) -> Self {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, team, rhythm, start, minutes, usd] = words[..] else {
            panic!("not a job: {line}");
        };
        let (hour, minute) = start.split_once(':').unwrap();
        Self {
            name: name.into(),
            team: team.into(),
            rhythm: rhythm.into(),
            hour: hour.parse().unwrap(),
            minute: minute.parse().unwrap(),
            minutes: minutes.parse().unwrap(),
            usd: usd.into(),
        }
    }

    /// Whether a run of it starts then.
    pub(super) fn starts(&self, at: Timestamp) -> bool {
        let local = at.to_zoned(TimeZone::UTC);
        let weekend = matches!(local.weekday(), Weekday::Saturday | Weekday::Sunday);
        let in_hour = local.minute() == self.minute;
        let on_time = in_hour && local.hour() == self.hour;
        match self.rhythm.as_str() {
            "hourly" => in_hour,
            "daily" => on_time,
            "weekdays" => on_time && !weekend,
            "sundays" => on_time && local.weekday() == Weekday::Sunday,
            other => panic!("no rhythm: {other}"),
        }
    }

    /// The runs that come of a start: none, one, or one and its retry.
    pub(super) fn runs(&self, start: Timestamp, how: &str) -> Vec<Run> {
        let run = |id: &str, state: &str, start: Timestamp, minutes: i64, usd: &str| {
            let text = |at: Timestamp| at.strftime("%m-%d %H:%M").to_string();
            let id = format!("{}-{}{id}", self.name, start.strftime("%m%d%H%M"));
            Run::ended(&id, state, &text(start), &text(start + minutes.minutes())).cost(usd)
        };
        let well = |minutes, usd: &str| vec![run("", "SUCCEEDED", start, minutes, usd)];
        let words: Vec<&str> = how.split_whitespace().collect();
        match words[..] {
            ["runs", "well"] => well(self.minutes, &self.usd),
            ["does", "not", "start"] => Vec::new(),
            ["costs", usd] => well(self.minutes, usd),
            ["takes", minutes] => well(minutes.parse().unwrap(), &self.usd),
            ["fails"] => vec![run("", "FAILED", start, self.minutes, &self.usd)],
            ["fails,", "and", "its", "retry", "goes", "well"] => {
                let first = run("", "FAILED", start, self.minutes, &self.usd);
                let again = start + self.minutes.minutes();
                let retry = run("-retry", "SUCCEEDED", again, self.minutes, &self.usd);
                let retry = retry.retry_of(&first.0.identity.run_id);
                vec![first, retry]
            }
            _ => panic!("a run never {how}"),
        }
    }
}

impl Happening {
    fn read(line: &str) -> Self {
        let (time, rest) = line.split_at(11);
        let (whose, how) = rest.trim().split_once(' ').unwrap();
        let what = match whose {
            "quota" => What::Quota(how.split_whitespace().map(team_use).collect()),
            "budget" => What::Budget(budget(how)),
            "source" => What::Source { read: how == "read" },
            job => What::Run { job: job.into(), how: how.trim().into() },
        };
        Self { at: at(time), what }
    }
}

/// `orders=70/3`: uses 70 while 3 of its runs wait.
fn team_use(text: &str) -> TeamUse {
    let (team, use_) = text.split_once('=').unwrap();
    let (used, waiting) = use_.split_once('/').unwrap_or((use_, "0"));
    let (used, waiting) = (used.parse().unwrap(), waiting.parse().unwrap());
    TeamUse { team: team.into(), used, share: None, waiting }
}

/// `orders 105 190`: used and forecast of 200 dollars.
fn budget(text: &str) -> BudgetFacts {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [team, used, forecast] = words[..] else { panic!("no budget: {text}") };
    BudgetFacts {
        team: team.into(),
        month: "2026-11".into(),
        budget: "200".parse().unwrap(),
        used: used.parse().unwrap(),
        forecast: Some(forecast.parse().unwrap()),
    }
}
