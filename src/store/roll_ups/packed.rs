//! A roll-up as JSON in one attribute, as runs are: short names, members that are only ever added
//! to, decimals as text. The same roll-up gives the same text, so that what did not change is seen
//! not to have.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::model::{Counts, Engine, HourCount, JobKey, LastEnd, RollUp, RunSample, RunState, Usd};

#[derive(Serialize, Deserialize)]
struct Packed<'a> {
    /// Engine, account, region, job.
    #[serde(borrow, rename = "k")]
    key: [Cow<'a, str>; 4],
    /// Teams, which hours name by their place.
    #[serde(rename = "t")]
    teams: Vec<String>,
    #[serde(rename = "h")]
    hours: Vec<Hour>,
    #[serde(rename = "s")]
    samples: Vec<Sample>,
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    last_good_end: Option<i64>,
    #[serde(borrow, rename = "e")]
    last_end: (i64, Cow<'a, str>, Cow<'a, str>),
}

/// Hour, team, runs, failures, unpriced, seconds of work, DPU-seconds, vCPU-hours, dollars.
#[derive(Serialize, Deserialize)]
struct Hour(u8, usize, u64, u64, u64, u64, Decimal, Decimal, String);

/// End, start, seconds of work, dollars, whether it failed (1).
#[derive(Serialize, Deserialize)]
struct Sample(i64, Option<i64>, u64, Option<String>, u8);

pub(super) fn pack(roll_up: &RollUp) -> String {
    let RollUp { day: _, job, hours, samples, last_good_end, last_end } = roll_up;
    let mut teams: Vec<String> = hours.iter().map(|hour| hour.team.clone()).collect();
    teams.sort_unstable();
    teams.dedup();
    let hour = |hour: &HourCount| {
        let Counts { runs, failures, unpriced, runtime_seconds, dpu_seconds, vcpu_hours, cost } =
            hour.counts;
        Hour(
            hour.hour,
            teams.iter().position(|team| *team == hour.team).unwrap_or_default(),
            runs,
            failures,
            unpriced,
            runtime_seconds,
            dpu_seconds.normalize(),
            vcpu_hours.normalize(),
            cost.to_string(),
        )
    };
    let sample = |sample: &RunSample| {
        Sample(
            sample.ended.as_second(),
            sample.started.map(Timestamp::as_second),
            sample.runtime_seconds,
            sample.cost.map(|cost| cost.to_string()),
            u8::from(sample.failed),
        )
    };
    let packed = Packed {
        key: [job.engine.as_str(), &job.account, &job.region, &job.job].map(Cow::Borrowed),
        hours: hours.iter().map(hour).collect(),
        samples: samples.iter().map(sample).collect(),
        last_good_end: last_good_end.map(Timestamp::as_second),
        last_end: (
            last_end.at.as_second(),
            last_end.state.as_str().into(),
            last_end.run_id.as_str().into(),
        ),
        teams,
    };
    // Strings and numbers always serialise.
    serde_json::to_string(&packed).unwrap_or_default()
}

pub(super) fn unpack(text: &str, day: Date) -> Result<RollUp, String> {
    let packed: Packed<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let [engine, account, region, job] = packed.key;
    let hour = |hour: &Hour| {
        let Hour(number, team, runs, failures, unpriced, runtime_seconds, dpu, vcpu, cost) = hour;
        let counts = Counts {
            runs: *runs,
            failures: *failures,
            unpriced: *unpriced,
            runtime_seconds: *runtime_seconds,
            dpu_seconds: *dpu,
            vcpu_hours: *vcpu,
            cost: dollars(cost)?,
        };
        let team = packed.teams.get(*team).ok_or("a team is missing")?.clone();
        Ok(HourCount { hour: *number, team, counts })
    };
    let sample = |sample: &Sample| {
        let Sample(ended, started, runtime_seconds, cost, failed) = sample;
        Ok(RunSample {
            ended: instant(*ended)?,
            started: started.map(instant).transpose()?,
            runtime_seconds: *runtime_seconds,
            cost: cost.as_deref().map(dollars).transpose()?,
            failed: *failed == 1,
        })
    };
    let (at, state, run_id) = packed.last_end;
    Ok(RollUp {
        day,
        job: JobKey {
            engine: Engine::from(engine.as_ref()),
            account: account.into_owned(),
            region: region.into_owned(),
            job: job.into_owned(),
        },
        hours: packed.hours.iter().map(hour).collect::<Result<_, String>>()?,
        samples: packed.samples.iter().map(sample).collect::<Result<_, String>>()?,
        last_good_end: packed.last_good_end.map(instant).transpose()?,
        last_end: LastEnd {
            at: instant(at)?,
            state: RunState::from(state.as_ref()),
            run_id: run_id.into_owned(),
        },
    })
}

fn instant(second: i64) -> Result<Timestamp, String> {
    Timestamp::from_second(second).map_err(|error| error.to_string())
}

fn dollars(text: &str) -> Result<Usd, String> {
    text.parse().map_err(|_| format!("`{text}` is no amount"))
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
                runtime_seconds: 7199,
                cost: Some(Usd::from_nanos(-1)),
                failed: true,
            }],
            last_good_end: None,
            last_end: LastEnd {
                at: at("2026-11-10T23:59:59Z"),
                state: RunState::from("ODD"),
                run_id: "jr_1".into(),
            },
        };
        let text = pack(&roll_up);
        assert_eq!(unpack(&text, roll_up.day), Ok(roll_up.clone()));
        let mut other = roll_up;
        other.hours[0].counts.dpu_seconds = "1234.500".parse().unwrap();
        assert_eq!(pack(&other), text, "a decimal's trailing zeros are no change");
        assert!(unpack("{}", other.day).unwrap_err().contains("missing field"));
    }
}
