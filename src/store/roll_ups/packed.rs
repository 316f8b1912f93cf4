//! Roll-ups of several jobs as JSON in one attribute: short, members that are only ever added to.
//! The same roll-ups give the same text, so that what did not change is seen not to have.
//!
//! Several, because alerts read five weeks of all jobs every few minutes, and a Query's price in
//! processor time is per item. Names that many share stand once, and are named by their place.
//!
//! The first form was an item for each job. What it counts is read; of its runs it told too little,
//! and days of that form are rebuilt while they can be.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::start_of;
use crate::model::{
    Counts, EarlierUse, Engine, HourCount, JobKey, JobKind, LastOwner, RetryOf, RollUp, RunSample,
    RunState, Usd,
};

/// The form that is written now. A day that was rebuilt in an earlier one lacks something.
pub(super) const FORM: i64 = 3;

#[derive(Default, Serialize, Deserialize)]
struct Packed<'a> {
    /// Engines, accounts, regions, teams, states, kinds.
    #[serde(borrow, rename = "w")]
    words: Vec<Cow<'a, str>>,
    #[serde(borrow, rename = "o")]
    owners: Vec<Owner<'a>>,
    #[serde(borrow, rename = "j")]
    jobs: Vec<Job<'a>>,
    /// Since the third form: beside the jobs, because the second form reads those as they are.
    #[serde(borrow, rename = "b", default, skip_serializing_if = "Vec::is_empty")]
    beside: Vec<Beside<'a>>,
}

/// What else is known of the job at a place, of those of which something is.
#[derive(Serialize, Deserialize)]
struct Beside<'a> {
    #[serde(rename = "j")]
    job: usize,
    /// Of runs by their place: attempt, application and error, the latter two as words.
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    samples: Vec<(usize, u32, Option<usize>, Option<usize>)>,
    /// What its runs try again of earlier days: run id, and the attempts below which number unless
    /// all.
    #[serde(borrow, rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    retries: Vec<(Cow<'a, str>, Option<u32>)>,
}

/// Team, whether it is known by a tag (1), tags.
#[derive(PartialEq, Serialize, Deserialize)]
struct Owner<'a>(usize, u8, #[serde(borrow)] Option<BTreeMap<Cow<'a, str>, Cow<'a, str>>>);

/// Engine, account, region, name, hours, runs, what was used earlier, owner.
#[derive(Serialize, Deserialize)]
struct Job<'a>(
    usize,
    usize,
    usize,
    #[serde(borrow)] Cow<'a, str>,
    Vec<Hour>,
    #[serde(borrow)] Vec<Sample<'a>>,
    Vec<(Date, usize, i128)>,
    usize,
);

/// Hour, team, runs, failures, unpriced, seconds of work, DPU-seconds and vCPU-hours unless none,
/// nano-dollars.
#[derive(Serialize, Deserialize)]
struct Hour(u8, usize, u64, u64, u64, u64, Option<Decimal>, Option<Decimal>, i128);

/// End in seconds of the day, seconds from its start until then, state, kind, seconds of work,
/// nano-dollars, run id.
#[derive(Serialize, Deserialize)]
struct Sample<'a>(
    i64,
    Option<i64>,
    usize,
    usize,
    u64,
    Option<i128>,
    #[serde(borrow)] Option<Cow<'a, str>>,
);

impl<'a> Packed<'a> {
    fn word(&mut self, word: &'a str) -> usize {
        let place = self.words.iter().position(|known| known == word);
        place.unwrap_or_else(|| {
            self.words.push(word.into());
            self.words.len() - 1
        })
    }

    fn owner(&mut self, owner: &'a LastOwner) -> usize {
        let borrowed = |(key, value): (&'a String, &'a String)| {
            (Cow::from(key.as_str()), Cow::from(value.as_str()))
        };
        let tags = owner.tags.as_ref().map(|tags| tags.iter().map(borrowed).collect());
        let owner = Owner(self.word(&owner.team), owner.tagged.into(), tags);
        let place = self.owners.iter().position(|known| *known == owner);
        place.unwrap_or_else(|| {
            self.owners.push(owner);
            self.owners.len() - 1
        })
    }

    fn hour(&mut self, hour: &'a HourCount) -> Hour {
        let Counts { runs, failures, unpriced, runtime_seconds, dpu_seconds, vcpu_hours, cost } =
            hour.counts;
        let some = |quantity: Decimal| (!quantity.is_zero()).then(|| quantity.normalize());
        Hour(
            hour.hour,
            self.word(&hour.team),
            runs,
            failures,
            unpriced,
            runtime_seconds,
            some(dpu_seconds),
            some(vcpu_hours),
            cost.nanos(),
        )
    }

    fn beside(&mut self, job: usize, roll_up: &'a RollUp) {
        let mut samples = Vec::new();
        for (place, run) in roll_up.samples.iter().enumerate() {
            let application = run.application_id.as_deref().map(|id| self.word(id));
            let error = run.error.as_deref().map(|error| self.word(error));
            if run.attempt != 1 || application.is_some() || error.is_some() {
                samples.push((place, run.attempt, application, error));
            }
        }
        let below = |below: u32| (below != u32::MAX).then_some(below);
        let retry = |of: &'a RetryOf| (Cow::from(of.run_id.as_str()), below(of.below));
        let retries: Vec<_> = roll_up.retries.iter().map(retry).collect();
        if !samples.is_empty() || !retries.is_empty() {
            self.beside.push(Beside { job, samples, retries });
        }
    }

    fn sample(&mut self, sample: &'a RunSample, midnight: i64) -> Sample<'a> {
        let ended = sample.ended.as_second();
        Sample(
            ended - midnight,
            sample.started.map(|start| ended - start.as_second()),
            self.word(sample.state.as_str()),
            self.word(sample.kind.as_str()),
            sample.runtime_seconds,
            sample.cost.map(Usd::nanos),
            sample.run_id.as_deref().map(Cow::Borrowed),
        )
    }
}

/// The text of roll-ups of one day.
pub(super) fn pack(day: Date, roll_ups: &[&RollUp]) -> String {
    let (mut packed, midnight) = (Packed::default(), start_of(day));
    for (place, roll_up) in roll_ups.iter().enumerate() {
        let RollUp { day: _, job, hours, samples, retries: _, earlier, last_owner } = roll_up;
        let hours = hours.iter().map(|hour| packed.hour(hour)).collect();
        let samples = samples.iter().map(|run| packed.sample(run, midnight)).collect();
        let earlier = earlier.iter().map(|e| (e.day, packed.word(&e.team), e.cost.nanos()));
        let earlier = earlier.collect();
        let job = Job(
            packed.word(job.engine.as_str()),
            packed.word(&job.account),
            packed.word(&job.region),
            job.job.as_str().into(),
            hours,
            samples,
            earlier,
            packed.owner(last_owner),
        );
        packed.jobs.push(job);
        packed.beside(place, roll_up);
    }
    // Strings and numbers always serialise.
    serde_json::to_string(&packed).unwrap_or_default()
}

/// Reads what [`pack`] wrote.
pub(super) fn unpack(text: &str, day: Date) -> Result<Vec<RollUp>, String> {
    let packed: Packed<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let roll_ups = packed.jobs.iter().map(|job| unpacked(&packed, job, day));
    let mut roll_ups = roll_ups.collect::<Result<Vec<_>, String>>()?;
    for beside in &packed.beside {
        let roll_up = roll_ups.get_mut(beside.job).ok_or("a job is missing")?;
        add_beside(roll_up, &packed, beside)?;
    }
    Ok(roll_ups)
}

fn add_beside(
    roll_up: &mut RollUp,
    packed: &Packed<'_>,
    beside: &Beside<'_>,
) -> Result<(), String> {
    let word = |place: usize| packed.words.get(place).ok_or("a word is missing");
    let word = |place: Option<usize>| {
        Ok::<_, String>(place.map(word).transpose()?.map(|word| word.to_string()))
    };
    for (place, attempt, application, error) in &beside.samples {
        let run = roll_up.samples.get_mut(*place).ok_or("a run is missing")?;
        run.attempt = *attempt;
        run.application_id = word(*application)?;
        run.error = word(*error)?;
    }
    let retry = |(run_id, below): &(Cow<'_, str>, Option<u32>)| RetryOf {
        run_id: run_id.to_string(),
        below: below.unwrap_or(u32::MAX),
    };
    roll_up.retries = beside.retries.iter().map(retry).collect();
    Ok(())
}

fn unpacked(packed: &Packed<'_>, job: &Job<'_>, day: Date) -> Result<RollUp, String> {
    let Job(engine, account, region, name, hours, samples, earlier, owner) = job;
    let word = |place: usize| packed.words.get(place).map(Cow::as_ref).ok_or("a word is missing");
    let hour = |hour: &Hour| {
        let Hour(number, team, runs, failures, unpriced, runtime_seconds, dpu, vcpu, cost) = hour;
        let counts = Counts {
            runs: *runs,
            failures: *failures,
            unpriced: *unpriced,
            runtime_seconds: *runtime_seconds,
            dpu_seconds: dpu.unwrap_or_default(),
            vcpu_hours: vcpu.unwrap_or_default(),
            cost: Usd::from_nanos(*cost),
        };
        Ok(HourCount { hour: *number, team: word(*team)?.to_owned(), counts })
    };
    let midnight = start_of(day);
    let sample = |sample: &Sample<'_>| {
        let Sample(ended, lasted, state, kind, runtime_seconds, cost, run_id) = sample;
        let ended = midnight.saturating_add(*ended);
        let began = |lasted: i64| instant(ended.saturating_sub(lasted));
        Ok(RunSample {
            ended: instant(ended)?,
            started: lasted.map(began).transpose()?,
            run_id: run_id.as_deref().map(str::to_owned),
            attempt: 1,
            application_id: None,
            error: None,
            state: RunState::from(word(*state)?),
            kind: JobKind::from(word(*kind)?),
            runtime_seconds: *runtime_seconds,
            cost: cost.map(Usd::from_nanos),
        })
    };
    let used = |(day, team, cost): &(Date, usize, i128)| {
        Ok(EarlierUse { day: *day, team: word(*team)?.to_owned(), cost: Usd::from_nanos(*cost) })
    };
    let Owner(team, tagged, tags) = packed.owners.get(*owner).ok_or("an owner is missing")?;
    let tag = |(key, value): (&Cow<'_, str>, &Cow<'_, str>)| (key.to_string(), value.to_string());
    Ok(RollUp {
        day,
        job: JobKey {
            engine: Engine::from(word(*engine)?),
            account: word(*account)?.to_owned(),
            region: word(*region)?.to_owned(),
            job: name.to_string(),
        },
        hours: hours.iter().map(hour).collect::<Result<_, String>>()?,
        samples: samples.iter().map(sample).collect::<Result<_, String>>()?,
        retries: Vec::new(),
        earlier: earlier.iter().map(used).collect::<Result<_, String>>()?,
        last_owner: LastOwner {
            team: word(*team)?.to_owned(),
            tagged: *tagged == 1,
            tags: tags.as_ref().map(|tags| tags.iter().map(tag).collect()),
        },
    })
}

/// What the first form tells of its one job: engine, account, region and job; teams; and hours with
/// their team, counts and dollars.
#[derive(Deserialize)]
struct First {
    k: [String; 4],
    t: Vec<String>,
    h: Vec<FirstHour>,
}

type FirstHour = (u8, usize, u64, u64, u64, u64, Decimal, Decimal, String);

/// Reads an item of the first form.
pub(super) fn unpack_first(text: &str, day: Date) -> Result<RollUp, String> {
    let First { k: [engine, account, region, job], t, h } =
        serde_json::from_str(text).map_err(|error| error.to_string())?;
    let mut hours = Vec::with_capacity(h.len());
    for (hour, team, runs, failures, unpriced, runtime_seconds, dpu_seconds, vcpu_hours, cost) in h
    {
        let team = t.get(team).ok_or("a team is missing")?.clone();
        let cost = cost.parse().map_err(|_| format!("`{cost}` is no amount"))?;
        let counts =
            Counts { runs, failures, unpriced, runtime_seconds, dpu_seconds, vcpu_hours, cost };
        hours.push(HourCount { hour, team, counts });
    }
    Ok(RollUp {
        day,
        job: JobKey { engine: Engine::from(engine.as_str()), account, region, job },
        hours,
        samples: Vec::new(),
        retries: Vec::new(),
        earlier: Vec::new(),
        last_owner: LastOwner::default(),
    })
}

fn instant(second: i64) -> Result<Timestamp, String> {
    Timestamp::from_second(second).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roll_up_reads_back_and_equal_ones_are_equal_texts() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let counts = Counts {
            runs: 3,
            failures: 1,
            unpriced: 1,
            runtime_seconds: 5400,
            dpu_seconds: "1234.5".parse().unwrap(),
            vcpu_hours: "0.25".parse().unwrap(),
            cost: Usd::from_nanos(123_456_789_012),
        };
        let roll_up = RollUp {
            day: jiff::civil::date(2026, 11, 10),
            job: JobKey {
                engine: Engine::from("spark-on-k8s"),
                account: "111122223333".into(),
                region: "eu-west-1".into(),
                job: "naïve \"job\"\n#%".into(),
            },
            hours: vec![
                HourCount { hour: 0, team: "orders".into(), counts },
                HourCount { hour: 23, team: "a\\b".into(), counts },
            ],
            samples: vec![RunSample {
                ended: at("2026-11-10T00:59:59Z"),
                started: Some(at("2026-11-09T23:00:00Z")),
                run_id: Some("jr_\"1".into()),
                attempt: 2,
                application_id: Some("00f1".into()),
                error: Some("no \"table\"\u{1b}".into()),
                state: RunState::from("ODD"),
                kind: JobKind::Streaming,
                runtime_seconds: 7199,
                cost: Some(Usd::from_nanos(-1)),
            }],
            retries: vec![
                RetryOf { run_id: "jr_\"1".into(), below: 2 },
                RetryOf { run_id: "jr_0".into(), below: u32::MAX },
            ],
            earlier: vec![EarlierUse {
                day: jiff::civil::date(2026, 11, 9),
                team: "a\\b".into(),
                cost: Usd::from_nanos(7),
            }],
            last_owner: LastOwner {
                team: "orders".into(),
                tagged: true,
                tags: Some(BTreeMap::from([("a \"tag\"".to_owned(), "né".to_owned())])),
            },
        };
        let bare = RollUp {
            job: JobKey { job: "bare".into(), ..roll_up.job.clone() },
            samples: Vec::new(),
            retries: Vec::new(),
            last_owner: LastOwner::default(),
            ..roll_up.clone()
        };
        let text = pack(roll_up.day, &[&roll_up, &bare]);
        assert_eq!(unpack(&text, roll_up.day), Ok(vec![roll_up.clone(), bare.clone()]));
        let mut other = roll_up;
        other.hours[0].counts.dpu_seconds = "1234.500".parse().unwrap();
        let again = pack(other.day, &[&other, &bare]);
        assert_eq!(again, text, "a decimal's trailing zeros are no change");
        assert!(unpack("{}", other.day).unwrap_err().contains("missing field"));
    }

    /// As many jobs as share an item of 2,000, seven runs of each, of which the last failed: what
    /// the error costs, where it is the same one and where each job has its own.
    #[test]
    fn an_error_that_many_share_is_kept_once() {
        let day = jiff::civil::date(2026, 11, 10);
        let roll_up = |job: usize, error: Option<String>| {
            let run = |n: i64| RunSample {
                ended: Timestamp::from_second(start_of(day) + 3_600 * (n + 1)).unwrap(),
                started: Timestamp::from_second(start_of(day) + 3_600 * n).ok(),
                run_id: (n == 6).then(|| format!("jr_{job:064x}")),
                attempt: 1,
                application_id: None,
                error: error.clone().filter(|_| n == 6),
                state: if n == 6 { RunState::Failed } else { RunState::Succeeded },
                kind: JobKind::Spark,
                runtime_seconds: 3_600,
                cost: Some(Usd::from_nanos(4_400_000_000)),
            };
            let (engine, account) = (Engine::Glue, "111122223333".to_owned());
            let hour = |hour| {
                let counts = Counts { runs: 1, runtime_seconds: 3_600, ..Counts::default() };
                HourCount { hour, team: "orders".into(), counts }
            };
            RollUp {
                day,
                job: JobKey {
                    engine,
                    account,
                    region: "eu-west-1".into(),
                    job: format!("job-{job}"),
                },
                hours: (1..8).map(hour).collect(),
                samples: (0..7).map(run).collect(),
                retries: Vec::new(),
                earlier: Vec::new(),
                last_owner: LastOwner::default(),
            }
        };
        let size = |error: &dyn Fn(usize) -> Option<String>| {
            let all: Vec<_> = (0..31).map(|job| roll_up(job, error(job))).collect();
            pack(day, &all.iter().collect::<Vec<_>>()).len()
        };
        let text = "x".repeat(300);
        let without = size(&|_| None);
        let same = size(&|_| Some(text.clone()));
        let own = size(&|job| Some(format!("{job:0300}")));
        assert!(same - without < 300 + 31 * 40, "{without} {same}");
        assert!(own - without < 31 * (300 + 40), "{without} {own}");
    }

    /// The second form had nothing beside the jobs, and reads those of the third as its own.
    #[test]
    fn the_second_form_is_still_read_and_reads_the_third() {
        let job = r#"[0,1,2,"load",[],[[3600,60,3,4,60,null,"jr_1"]],[],0]"#;
        let text = format!(
            r#"{{"w":["glue","111122223333","eu-west-1","FAILED","spark","orders"],
                "o":[[5,0,null]],"j":[{job}]}}"#
        );
        let day = jiff::civil::date(2026, 11, 10);
        let read = unpack(&text, day).unwrap();
        let run = &read[0].samples[0];
        assert_eq!((run.run_id.as_deref(), run.attempt, &run.error), (Some("jr_1"), 1, &None));
        let mut third = read;
        third[0].samples[0].error = Some("no table".into());
        third[0].retries = vec![RetryOf { run_id: "jr_0".into(), below: u32::MAX }];
        let packed: serde_json::Value = serde_json::from_str(&pack(day, &[&third[0]])).unwrap();
        let jobs: serde_json::Value = serde_json::from_str(&format!("[{job}]")).unwrap();
        let shape = |jobs: &serde_json::Value| {
            jobs[0]
                .as_array()
                .unwrap()
                .iter()
                .map(|v| v.as_array().map(Vec::len))
                .collect::<Vec<_>>()
        };
        assert_eq!(shape(&packed["j"]), shape(&jobs));
        assert_eq!(packed["j"][0][5][0].as_array().unwrap().len(), 7);
    }

    /// An item that the first form wrote: what it counts holds, and of its runs nothing is made up.
    #[test]
    fn the_first_form_is_still_read() {
        let text = r#"{"k":["glue","111122223333","eu-west-1","load"],"t":["orders"],
            "h":[[3,0,2,1,0,60,"120.5","0","0.5"]],"s":[[1794276000,null,60,"0.5",1]],
            "g":1794276000,"e":[1794276000,"FAILED","jr_1"]}"#;
        let read = unpack_first(text, jiff::civil::date(2026, 11, 10)).unwrap();
        assert_eq!((read.totals().runs, read.totals().failures), (2, 1));
        assert_eq!(read.totals().cost, Usd::from_nanos(500_000_000));
        assert_eq!((read.samples.len(), read.team()), (0, "orders"));
    }
}
