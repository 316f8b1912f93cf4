//! How precise the rules about jumps are on a real log: how often they fire on what really
//! happened, and whether they fire on every jump that is planted in it. Used by the benchmark,
//! which prints it, and by a test.
//!
//! Each run is judged at the second after its end, with what would be known then: the day before
//! run by run, and the days before that by what is rolled up of them. After the warm-up of a job
//! (as many runs as the rules want to know), the runs on which a rule fires are counted, each once.
//!
//! Jumps are planted by a measure that is not the rules': a run is made to take five times what its
//! job usually takes, and another to cost five times what it usually costs, by more workers. Usual
//! is the median, where four in five of the job's last runs are within two thirds and one and a
//! half of it and no two went beyond three times it; else, as nothing is unusual there, the most of
//! them (of at least twenty); but no less than the median of the same weekday. Only where five
//! times that is beyond the rules' floors.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufReader;

use jiff::civil::{Date, Weekday};
use jiff::{SignedDuration, Timestamp, ToSpan};
use runledger::alerts::{
    AlertSettings, Evaluator, Facts, JobDay, JobFacts, RULES, Recipients, RunFacts, WINDOW,
};
use runledger::analysis::{Books, DayRollUps, RollUpPart};
use runledger::config::Config;
use runledger::model::{JobKey, JobRun, RunIdentity, RunState, utc_day};
use runledger::sources::files::{Defaults, Reader};
use runledger::store::StoredRun;
use rust_decimal::Decimal;

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
    /// Those that were not found: rule, job, run.
    pub(crate) missed: Vec<String>,
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
        findings
            .filter_map(|found| Some((code(&found.code)?, found.subject.run_id.clone())))
            .collect()
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
            let found = self.log.found(&self.key, facts, now);
            if index % EVERY == 0 {
                let already: Vec<&str> = found.iter().map(|(code, _)| *code).collect();
                self.plant(index, &already, precision);
            }
            for (code, run) in found {
                // A day that jumped names no run.
                let what = if run.is_empty() { utc_day(now).to_string() } else { run };
                fired.insert((code, what));
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

    /// Makes a run go five times beyond what is usual for its job, and sees whether that is found.
    /// Not where something of the job is found `already`: a rule names the worst of a job only.
    fn plant(&self, index: usize, already: &[&str], precision: &mut Precision) {
        if self.runs[index].stored.run.state != RunState::Succeeded {
            return;
        }
        for (code, run) in
            [("cost-jump", self.dearer(index)), ("duration-jump", self.longer(index))]
        {
            let Some(run) = run.filter(|_| !already.contains(&code)) else { continue };
            let now = run.ended + 1.second();
            let found = self.log.found(&self.key, self.facts(now, Some((index, &run))), now);
            let id = &run.stored.run.identity.run_id;
            // The day that a dear run makes dear is the same finding, and costs more.
            let is_it = |of: &String| of == id || of.is_empty();
            let is_caught = found.iter().any(|(found, of)| *found == code && is_it(of));
            let (planted, caught) = precision.planted.entry(code).or_default();
            *planted += 1;
            *caught += usize::from(is_caught);
            if !is_caught {
                precision.missed.push(format!("{code} {} {id}", self.key.job));
            }
        }
    }

    /// What is usual of the runs before an instant, but for one; `None` while they are few. Values
    /// that say nothing are none.
    fn usual(
        &self,
        at: Timestamp,
        but: usize,
        value: impl Fn(&Known) -> Option<u64>,
    ) -> Option<u64> {
        let first = utc_day(at).saturating_sub(DAYS.days());
        let known = |run: &&Known| run.ended <= at && utc_day(run.ended) >= first;
        let runs = self.runs.iter().enumerate().filter(|(index, _)| *index != but);
        let last = runs.map(|(_, run)| run).rev().filter(known);
        let last =
            last.filter_map(|run| Some((utc_day(run.ended).weekday(), value(run)?))).take(60);
        let last: Vec<(Weekday, u64)> = last.collect();
        let weekday = utc_day(at).weekday();
        let mut same: Vec<u64> =
            last.iter().filter(|(day, _)| *day == weekday).map(|(_, value)| *value).collect();
        same.sort_unstable();
        let least = if same.len() < 3 { 0 } else { middle(&same) };
        let mut values: Vec<u64> = last.into_iter().map(|(_, value)| value).collect();
        values.sort_unstable();
        let count = values.len();
        if count < WARM_UP {
            return None;
        }
        let (tenth, median, ninth) = (values[count / 10], middle(&values), values[count * 9 / 10]);
        let is_even = tenth * 3 >= median * 2 && ninth * 2 <= median * 3;
        if is_even && values[count - 2] <= median * 3 {
            return Some(median.max(least));
        }
        values.pop().filter(|_| count >= MOST_OF)
    }

    /// The run, had it taken five times as long as usual, by what is known at its end.
    fn longer(&self, index: usize) -> Option<Known> {
        // How long a run took that failed early on says nothing.
        let is_good = |run: &&Known| run.stored.run.state.is_good_end();
        let seconds =
            |run: &Known| Some(run).filter(is_good).map(|r| r.stored.run.runtime_seconds());
        let mut planted = None;
        let mut end = self.runs[index].ended;
        // What takes longer ends later, and more is known by then.
        for _ in 0..5 {
            let usual = self.usual(end, index, seconds)?;
            let mut run = self.runs[index].stored.run.clone();
            let longer =
                i64::try_from(usual * 5).ok()? - i64::try_from(run.execution_seconds?).ok()?;
            run.execution_seconds = Some(usual * 5);
            run.ended_at = run.ended_at.map(|end| end + SignedDuration::from_secs(longer));
            run.updated_at = run.ended_at;
            planted = self.log.known(run).filter(|_| usual * 4 > FLOOR_SECONDS);
            end = planted.as_ref()?.ended;
        }
        planted
    }

    /// The run, had it cost five times as much as usual, by more workers.
    fn dearer(&self, index: usize) -> Option<Known> {
        let nanos = |run: &Known| {
            let price = self.log.books.price(&run.stored.run).price;
            u64::try_from(price.cost()?.nanos()).ok()
        };
        let usual = self.usual(self.runs[index].ended, index, nanos)?;
        let own = nanos(&self.runs[index])?;
        if i128::from(usual) * 4 <= FLOOR_USD || own == 0 {
            return None;
        }
        let mut run = self.runs[index].stored.run.clone();
        let times = Decimal::from(usual * 5).checked_div(Decimal::from(own))?;
        let more = |quantity: Decimal| (quantity * times).ceil();
        run.worker_count = run.worker_count.and_then(|n| u32::try_from(more(n.into())).ok());
        run.max_capacity = run.max_capacity.map(more);
        run.dpu_seconds = run.dpu_seconds.map(more);
        self.log.known(run)
    }
}

/// The median of sorted values.
fn middle(sorted: &[u64]) -> u64 {
    sorted[(sorted.len() - 1) / 2].midpoint(sorted[sorted.len() / 2])
}

/// What is rolled up of runs, by day.
fn days<'r>(runs: impl Iterator<Item = &'r Known>) -> BTreeMap<Date, JobDay> {
    let mut by_day: BTreeMap<Date, DayRollUps> = BTreeMap::new();
    for run in runs {
        by_day.entry(utc_day(run.ended)).or_default().add(run.part.clone());
    }
    let of_day = |(day, roll_ups): (Date, DayRollUps)| {
        let roll_up = roll_ups.finish(day).into_iter().next()?;
        Some((day, JobDay::of(roll_up).1))
    };
    by_day.into_iter().filter_map(of_day).collect()
}
