//! How precise the rules about jumps are on a real log: how often they fire on what really
//! happened, and whether they fire on every jump that is planted in it. Used by the benchmark,
//! which prints it, and by a test.
//!
//! Each run is judged at the second after its end, with what would be known then: the day before
//! run by run, and the days before that by what is rolled up of them. After the warm-up of a job
//! (as many runs as the rules want to know), the runs on which a rule fires are counted, each once.
//!
//! Jumps are planted by a measure that is not the rules': a run is made to take five times what its
//! job usually needs, and to cost as much as that. What a job usually needs is the median, where
//! nine in ten of its last runs are within half and twice of it, and else, as no length is unusual
//! there, the most of them (of at least twenty). Only where five times that is beyond the rules'
//! floors.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufReader;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use runledger::alerts::{
    AlertSettings, Evaluator, Facts, JobDay, JobFacts, RULES, Recipients, RunFacts, WINDOW,
};
use runledger::analysis::{Books, DayRollUps, RollUpPart};
use runledger::config::Config;
use runledger::model::{JobKey, JobRun, RunIdentity, RunState, Usd, utc_day};
use runledger::sources::files::{Defaults, Reader};
use runledger::store::StoredRun;

/// The two rules.
const CODES: [&str; 2] = ["cost-jump", "duration-jump"];
/// How many runs the rules want to know of a job.
const WARM_UP: usize = 10;
/// How far back days are known.
const DAYS: i64 = 35;
/// The rules' floors: a quarter of them is the least of which five times is beyond.
const FLOOR_SECONDS: u64 = 15 * 60;
const FLOOR_USD: i128 = 5_000_000_000;
/// Runs of an uneven job by which one can tell the most that it does.
const MOST_OF: usize = 20;
/// A jump is planted in every so many runs.
const EVERY: usize = 5;

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Precision {
    /// Runs of the log.
    pub(crate) runs: usize,
    /// Runs after their job's warm-up.
    pub(crate) judged: usize,
    /// Of those, runs on which a rule fired, or days, by rule.
    pub(crate) fired: BTreeMap<&'static str, usize>,
    /// Jumps that were planted, and how many of them were found, by rule.
    pub(crate) planted: BTreeMap<&'static str, (usize, usize)>,
}

/// A run with what is rolled up of it.
struct Known {
    stored: StoredRun,
    part: RollUpPart,
    ended: Timestamp,
}

/// The log's runs of one job, by end.
struct Job<'l> {
    log: &'l Log,
    key: JobKey,
    runs: Vec<Known>,
    days: BTreeMap<Date, JobDay>,
}

/// What is judged by.
struct Log {
    books: Books,
    evaluator: Evaluator,
}

/// Judges a log of Glue runs, in lines of JSON.
pub(crate) fn precision(lines: &str) -> Precision {
    let books = Config::default().books(&[]).expect("the shipped rates");
    let log = Log { books, evaluator: evaluator() };
    let mut jobs: BTreeMap<JobKey, Vec<Known>> = BTreeMap::new();
    for run in read(lines) {
        let RunIdentity { engine, account, region, .. } = run.identity.clone();
        let key = JobKey { engine, account, region, job: log.books.job(&run) };
        jobs.entry(key).or_default().extend(log.known(run));
    }
    let mut precision = Precision::default();
    for (key, mut runs) in jobs {
        runs.sort_by_key(|run| run.ended);
        let days = days(runs.iter());
        Job { log: &log, key, runs, days }.judge(&mut precision);
    }
    precision
}

/// Both rules as they are by default, and no other.
fn evaluator() -> Evaluator {
    let others = RULES.iter().filter(|rule| !CODES.contains(&rule.code));
    let off = others.map(|rule| format!("[rules.{}]\nenabled = false\n", rule.code));
    let settings: AlertSettings = toml::from_str(&off.collect::<String>()).expect("settings");
    let recipients = Recipients::new(&settings, &BTreeMap::new());
    Evaluator::new(&settings, recipients).expect("rules")
}

fn read(lines: &str) -> Vec<JobRun> {
    let place = (Some("111122223333".to_owned()), Some("us-east-1".to_owned()));
    let defaults = Defaults { account: place.0, region: place.1 };
    let reader = Reader::new(BufReader::new(lines.as_bytes()), "log", defaults);
    reader.expect("a log").map(|run| run.expect("a run")).collect()
}

impl Log {
    fn known(&self, run: JobRun) -> Option<Known> {
        let stored = StoredRun { first_stored: run.end()?, run };
        let part = RollUpPart::of(&stored, &self.books)?;
        Some(Known { ended: stored.run.end()?, part, stored })
    }

    /// What the rules say of a job: the codes, with the run that each names.
    fn found(&self, key: &JobKey, job: JobFacts, now: Timestamp) -> Vec<(&'static str, String)> {
        let jobs = BTreeMap::from([(key.clone(), job)]);
        let facts = Facts { now, jobs, ..Facts::default() };
        let evaluation = self.evaluator.evaluate(facts, &BTreeMap::new(), false);
        let code = |of: &str| CODES.into_iter().find(|code| *code == of);
        let findings = evaluation.alerts.into_iter().map(|alert| alert.finding);
        findings.filter_map(|found| Some((code(&found.code)?, found.subject.run_id))).collect()
    }

    fn facts(&self, run: &Known) -> RunFacts {
        RunFacts::of(&run.stored.run, &self.books.price(&run.stored.run))
    }
}

impl Job<'_> {
    fn judge(&self, precision: &mut Precision) {
        precision.runs += self.runs.len();
        let mut fired = BTreeSet::new();
        for index in WARM_UP..self.runs.len() {
            precision.judged += 1;
            let now = self.runs[index].ended + 1.second();
            let facts = self.facts(now, None);
            for (code, run) in self.log.found(&self.key, facts, now) {
                // A day that jumped names no run.
                let what = if run.is_empty() { utc_day(now).to_string() } else { run };
                fired.insert((code, what));
            }
            if index % EVERY == 0 {
                self.plant(index, precision);
            }
        }
        for (code, _) in fired {
            *precision.fired.entry(code).or_default() += 1;
        }
    }

    /// What is known of the job at a time. One run may have gone otherwise than in the log.
    fn facts(&self, now: Timestamp, other: Option<(usize, &Known)>) -> JobFacts {
        let (today, window) = (utc_day(now), now - WINDOW);
        let first = today.saturating_sub(DAYS.days());
        let from = self.runs.partition_point(|run| utc_day(run.ended) < first);
        let all = self.runs.iter().enumerate().skip(from);
        let others = all.filter(|(index, _)| other.is_none_or(|(of, _)| of != *index));
        let runs = others.map(|(_, run)| run).chain(other.map(|(_, run)| run));
        let recent = runs.clone().filter(|run| run.ended > window && run.ended <= now);
        let ended = recent.map(|run| self.log.facts(run)).collect();
        let days = match other {
            None => self.days.range(first..today).map(|(_, day)| day.clone()).collect(),
            Some(_) => days(runs.filter(|run| utc_day(run.ended) < today)).into_values().collect(),
        };
        JobFacts { ended, days, ..JobFacts::default() }
    }

    /// Makes a run five times as long as its job usually needs, and sees whether that is found.
    fn plant(&self, index: usize, precision: &mut Precision) {
        if self.runs[index].stored.run.state != RunState::Succeeded {
            return;
        }
        let Some(usual) = self.usual_seconds(index) else { return };
        let Some(run) = self.five_times(index, usual) else { return };
        let now = run.ended + 1.second();
        let cost = self.log.books.price(&run.stored.run).price.cost().unwrap_or_default();
        let is_beyond = |code: &str| match code {
            "cost-jump" => cost.nanos() * 4 > FLOOR_USD * 5,
            _ => usual * 4 > FLOOR_SECONDS,
        };
        let found = self.log.found(&self.key, self.facts(now, Some((index, &run))), now);
        let id = &run.stored.run.identity.run_id;
        for code in CODES.into_iter().filter(|code| is_beyond(code)) {
            let (planted, caught) = precision.planted.entry(code).or_default();
            *planted += 1;
            *caught += usize::from(found.iter().any(|(found, of)| *found == code && of == id));
        }
    }

    /// What the job's last good runs needed, by the measure that the module tells.
    fn usual_seconds(&self, index: usize) -> Option<u64> {
        let before = self.runs[..index].iter().filter(|run| run.stored.run.state.is_good_end());
        let seconds = before.rev().take(60).map(|run| run.stored.run.runtime_seconds());
        let mut seconds: Vec<u64> = seconds.collect();
        seconds.sort_unstable();
        let count = seconds.len();
        if count < WARM_UP {
            return None;
        }
        let (tenth, median, ninth) =
            (seconds[count / 10], seconds[count / 2], seconds[count * 9 / 10]);
        if tenth * 2 >= median && ninth <= median * 2 {
            return Some(median);
        }
        seconds.pop().filter(|_| count >= MOST_OF)
    }

    /// The run, had it taken five times as long as usual.
    fn five_times(&self, index: usize, usual: u64) -> Option<Known> {
        let mut run = self.runs[index].stored.run.clone();
        let (old, new) = (run.execution_seconds?, usual * 5);
        let longer = SignedDuration::from_secs(i64::try_from(new).ok()? - i64::try_from(old).ok()?);
        run.execution_seconds = Some(new);
        run.ended_at = run.ended_at.map(|end| end + longer);
        run.updated_at = run.ended_at;
        if let Some(dpu_seconds) = run.dpu_seconds {
            let (old, new) = (rust_decimal::Decimal::from(old), rust_decimal::Decimal::from(new));
            run.dpu_seconds = Some((dpu_seconds * new).checked_div(old)?);
        }
        self.log.known(run)
    }
}

/// What is rolled up of runs, by day.
fn days<'r>(runs: impl Iterator<Item = &'r Known>) -> BTreeMap<Date, JobDay> {
    let mut by_day: BTreeMap<Date, DayRollUps> = BTreeMap::new();
    for run in runs {
        by_day.entry(utc_day(run.ended)).or_default().add(run.part.clone());
    }
    let of_day = |(day, roll_ups): (Date, DayRollUps)| {
        let roll_up = roll_ups.finish(day).into_iter().next()?;
        let (runs, cost): (u64, Usd) = (roll_up.totals().runs, roll_up.totals().cost);
        Some((day, JobDay { day, runs, cost, ends: roll_up.samples }))
    };
    by_day.into_iter().filter_map(of_day).collect()
}
