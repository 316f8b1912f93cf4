//! A roll-up as JSON in one attribute, as runs are: short names, members that are only ever added
//! to, decimals as text. The same roll-up gives the same text, so that what did not change is seen
//! not to have.
//!
//! Items of the first form have no runs one by one that are still of use (`s`, `g` and `e` told too
//! little of them); what they count is read, and days of that form are rebuilt while they can be.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::model::{
    Counts, EarlierUse, Engine, HourCount, JobKey, JobKind, LastOwner, RollUp, RunSample, RunState,
    Usd,
};

/// The form that is written now. A day that was rebuilt in an earlier one lacks something.
pub(super) const FORM: i64 = 2;

#[derive(Serialize, Deserialize)]
struct Packed<'a> {
    /// Engine, account, region, job.
    #[serde(borrow, rename = "k")]
    key: [Cow<'a, str>; 4],
    /// Teams, which others name by their place.
    #[serde(borrow, rename = "t")]
    teams: Vec<Cow<'a, str>>,
    #[serde(borrow, rename = "h")]
    hours: Vec<Hour<'a>>,
    /// Words for states and kinds, which runs name by their place.
    #[serde(borrow, rename = "w", default, skip_serializing_if = "Vec::is_empty")]
    words: Vec<Cow<'a, str>>,
    #[serde(borrow, rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    samples: Vec<Sample<'a>>,
    #[serde(borrow, rename = "b", default, skip_serializing_if = "Vec::is_empty")]
    earlier: Vec<Earlier<'a>>,
    /// The team that paid last, whether by a tag (1), and the tags.
    #[serde(borrow, rename = "o", default)]
    last_owner: (Cow<'a, str>, u8, Option<BTreeMap<Cow<'a, str>, Cow<'a, str>>>),
}

/// Hour, team, runs, failures, unpriced, seconds of work, DPU-seconds, vCPU-hours, dollars.
#[derive(Serialize, Deserialize)]
struct Hour<'a>(u8, usize, u64, u64, u64, u64, Decimal, Decimal, #[serde(borrow)] Cow<'a, str>);

/// End, start, state, kind, seconds of work, dollars, run id.
#[derive(Serialize, Deserialize)]
struct Sample<'a>(
    i64,
    Option<i64>,
    usize,
    usize,
    u64,
    #[serde(borrow)] Option<Cow<'a, str>>,
    #[serde(borrow)] Option<Cow<'a, str>>,
);

/// Day, team, dollars.
#[derive(Serialize, Deserialize)]
struct Earlier<'a>(Date, usize, #[serde(borrow)] Cow<'a, str>);

/// Words, each once, by the order in which they are met.
#[derive(Default)]
struct Words<'a>(Vec<Cow<'a, str>>);

impl<'a> Words<'a> {
    fn place(&mut self, word: &'a str) -> usize {
        let place = self.0.iter().position(|known| known == word);
        place.unwrap_or_else(|| {
            self.0.push(word.into());
            self.0.len() - 1
        })
    }
}

pub(super) fn pack(roll_up: &RollUp) -> String {
    let RollUp { day: _, job, hours, samples, earlier, last_owner } = roll_up;
    let (mut teams, mut words) = (Words::default(), Words::default());
    let hours = hours.iter().map(|hour| packed_hour(hour, &mut teams)).collect();
    let used = |used: &EarlierUse, team| Earlier(used.day, team, used.cost.to_string().into());
    let earlier = earlier.iter().map(|e| used(e, teams.place(&e.team))).collect();
    let samples = samples.iter().map(|sample| packed_sample(sample, &mut words)).collect();
    let tag =
        |(key, value): (&'_ String, &'_ String)| (Cow::from(key.clone()), value.clone().into());
    let packed = Packed {
        key: [job.engine.as_str(), &job.account, &job.region, &job.job].map(Cow::Borrowed),
        hours,
        samples,
        earlier,
        last_owner: (
            last_owner.team.as_str().into(),
            last_owner.tagged.into(),
            last_owner.tags.as_ref().map(|tags| tags.iter().map(tag).collect()),
        ),
        teams: teams.0,
        words: words.0,
    };
    // Strings and numbers always serialise.
    serde_json::to_string(&packed).unwrap_or_default()
}

fn packed_hour<'a>(hour: &'a HourCount, teams: &mut Words<'a>) -> Hour<'a> {
    let Counts { runs, failures, unpriced, runtime_seconds, dpu_seconds, vcpu_hours, cost } =
        hour.counts;
    Hour(
        hour.hour,
        teams.place(&hour.team),
        runs,
        failures,
        unpriced,
        runtime_seconds,
        dpu_seconds.normalize(),
        vcpu_hours.normalize(),
        cost.to_string().into(),
    )
}

fn packed_sample<'a>(sample: &'a RunSample, words: &mut Words<'a>) -> Sample<'a> {
    Sample(
        sample.ended.as_second(),
        sample.started.map(Timestamp::as_second),
        words.place(sample.state.as_str()),
        words.place(sample.kind.as_str()),
        sample.runtime_seconds,
        sample.cost.map(|cost| cost.to_string().into()),
        sample.run_id.as_deref().map(Cow::Borrowed),
    )
}

pub(super) fn unpack(text: &str, day: Date) -> Result<RollUp, String> {
    let packed: Packed<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let team = |place: usize| packed.teams.get(place).ok_or("a team is missing");
    let hour = |hour: &Hour<'_>| {
        let Hour(number, of, runs, failures, unpriced, runtime_seconds, dpu, vcpu, cost) = hour;
        let counts = Counts {
            runs: *runs,
            failures: *failures,
            unpriced: *unpriced,
            runtime_seconds: *runtime_seconds,
            dpu_seconds: *dpu,
            vcpu_hours: *vcpu,
            cost: dollars(cost)?,
        };
        Ok(HourCount { hour: *number, team: team(*of)?.to_string(), counts })
    };
    let earlier = |Earlier(day, of, cost): &Earlier<'_>| {
        Ok(EarlierUse { day: *day, team: team(*of)?.to_string(), cost: dollars(cost)? })
    };
    let (last_team, tagged, tags) = &packed.last_owner;
    let tag = |(key, value): (&Cow<'_, str>, &Cow<'_, str>)| (key.to_string(), value.to_string());
    let last_owner = LastOwner {
        team: last_team.to_string(),
        tagged: *tagged == 1,
        tags: tags.as_ref().map(|tags| tags.iter().map(tag).collect()),
    };
    let hours = packed.hours.iter().map(hour).collect::<Result<_, String>>()?;
    let earlier = packed.earlier.iter().map(earlier).collect::<Result<_, String>>()?;
    let samples = packed.samples.iter().map(|sample| unpacked(sample, &packed.words));
    let samples = samples.collect::<Result<_, String>>()?;
    let [engine, account, region, job] = packed.key;
    Ok(RollUp {
        day,
        job: JobKey {
            engine: Engine::from(engine.as_ref()),
            account: account.into_owned(),
            region: region.into_owned(),
            job: job.into_owned(),
        },
        hours,
        samples,
        earlier,
        last_owner,
    })
}

fn unpacked(sample: &Sample<'_>, words: &[Cow<'_, str>]) -> Result<RunSample, String> {
    let Sample(ended, started, state, kind, runtime_seconds, cost, run_id) = sample;
    let word = |place: usize| words.get(place).map(Cow::as_ref).ok_or("a word is missing");
    Ok(RunSample {
        ended: instant(*ended)?,
        started: started.map(instant).transpose()?,
        run_id: run_id.as_deref().map(str::to_owned),
        state: RunState::from(word(*state)?),
        kind: JobKind::from(word(*kind)?),
        runtime_seconds: *runtime_seconds,
        cost: cost.as_deref().map(dollars).transpose()?,
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
                run_id: Some("jr_\"1".into()),
                state: RunState::from("ODD"),
                kind: JobKind::Streaming,
                runtime_seconds: 7199,
                cost: Some(Usd::from_nanos(-1)),
            }],
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
        let text = pack(&roll_up);
        assert_eq!(unpack(&text, roll_up.day), Ok(roll_up.clone()));
        let mut other = roll_up;
        other.hours[0].counts.dpu_seconds = "1234.500".parse().unwrap();
        assert_eq!(pack(&other), text, "a decimal's trailing zeros are no change");
        assert!(unpack("{}", other.day).unwrap_err().contains("missing field"));
    }

    /// An item that the first form wrote: what it counts holds, and of its runs nothing is made up.
    #[test]
    fn the_first_form_is_still_read() {
        let text = r#"{"k":["glue","111122223333","eu-west-1","load"],"t":["orders"],
            "h":[[3,0,2,1,0,60,"120.5","0","0.5"]],"s":[[1794276000,null,60,"0.5",1]],
            "g":1794276000,"e":[1794276000,"FAILED","jr_1"]}"#;
        let read = unpack(text, jiff::civil::date(2026, 11, 10)).unwrap();
        assert_eq!((read.totals().runs, read.totals().failures), (2, 1));
        assert_eq!(read.totals().cost, Usd::from_nanos(500_000_000));
        assert_eq!((read.samples.len(), read.team()), (0, "orders"));
    }
}
