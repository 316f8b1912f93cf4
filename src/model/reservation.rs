//! A place that is held in the quotas for runs that are about to start.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    EMR_SERVERLESS_VCPUS, Engine, GLUE_CONCURRENT_RUNS, GLUE_DPUS, GLUE_FLEX_DPUS,
    GLUE_RUNS_PER_JOB, QuotaPlace,
};

/// How far ahead of AWS's clock that of whoever asks may be. More would let the job's run before
/// give up the place of the next.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(5);

/// What one or several equal runs take of their engine's quotas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Need {
    /// DPUs or vCPUs of each run.
    pub each: f64,
    /// How many runs.
    pub runs: u32,
    /// Glue: spare (Flex) capacity, which has a quota of its own.
    #[serde(default)]
    pub flex: bool,
}

impl Need {
    /// What is needed of a quota; `None` where these runs do not count against it. The quota per
    /// job is needed whichever job it is.
    #[must_use]
    pub fn of(&self, quota: &str, engine: &Engine) -> Option<f64> {
        let all = self.each * f64::from(self.runs);
        match (engine, quota) {
            (Engine::Glue, GLUE_CONCURRENT_RUNS | GLUE_RUNS_PER_JOB) => Some(f64::from(self.runs)),
            (Engine::Glue, GLUE_DPUS) if !self.flex => Some(all),
            (Engine::Glue, GLUE_FLEX_DPUS) if self.flex => Some(all),
            (Engine::EmrServerless, EMR_SERVERLESS_VCPUS) => Some(all),
            _ => None,
        }
    }
}

/// A place that is held until its runs show up or its term ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reservation {
    /// Its key within its account, region and engine: the asker's own, or made up.
    pub key: String,
    /// For whom.
    pub team: String,
    /// How much.
    pub need: Need,
    /// The job whose runs take it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// The one run that takes it: comes before the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// The asker's now.
    pub made_at: Timestamp,
    /// When it ends, whatever has become of its runs.
    pub until: Timestamp,
    /// Who asked: a person and a machine.
    pub by: String,
    /// The runs that have shown up, and so take no place of it any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken_by: Vec<String>,
}

impl Reservation {
    /// Whether the term has not ended. One that was made by a clock that is ahead counts at once.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.until
    }

    /// What it still holds: its runs less those that have shown up.
    #[must_use]
    pub fn held(&self) -> Need {
        let taken = u32::try_from(self.taken_by.len()).unwrap_or(u32::MAX);
        Need { runs: self.need.runs.saturating_sub(taken), ..self.need.clone() }
    }

    /// Whether a run is one of those that the place is held for: the run of that id where one is
    /// named; else a run of the job that started at or after the reservation, whatever its team:
    /// whom a run belongs to its tags say, and who asked for it may not know. A reservation that
    /// names neither run nor job is nobody's: it stands until its term ends.
    #[must_use]
    pub fn is_for(&self, run: &StartedRun<'_>) -> bool {
        match (&self.run_id, &self.job) {
            (Some(id), _) => id == run.run_id,
            (None, Some(job)) => {
                job == run.job && run.started.is_some_and(|started| started >= self.counts_from())
            }
            (None, None) => false,
        }
    }

    /// From when on a run of its job is the one that it is held for. Whoever asked may have a clock
    /// that is ahead of AWS's, and what began just before is not held for twice.
    fn counts_from(&self) -> Timestamp {
        let from = self.made_at.saturating_sub(CLOCKS_DIFFER).unwrap_or(Timestamp::MIN);
        Timestamp::from_second(from.as_second()).unwrap_or(from)
    }

    /// What gives the place up before its term ends, as a person reads it.
    #[must_use]
    pub fn given_up_by(&self) -> String {
        let release = "`quota release`";
        match (&self.run_id, &self.job) {
            (Some(id), _) => format!("run {id}, when it shows up, or {release}"),
            (None, Some(job)) => {
                let from = self.counts_from().strftime("%Y-%m-%d %H:%M:%S UTC");
                format!(
                    "a run of {job} that begins at {from} or later, whatever its team, or {release}"
                )
            }
            (None, None) => format!("{release} alone: it names neither a job nor a run"),
        }
    }

    /// Whether a run is meant before others of the job: by its id, or because the place was asked
    /// for in its team's name.
    fn is_first_for(&self, run: &StartedRun<'_>) -> bool {
        self.run_id.is_some() || self.team == run.team
    }
}

/// A reservation's name, which says where it is: `glue:111122223333:eu-west-1:KEY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservationId {
    /// Where.
    pub place: QuotaPlace,
    /// Its key there.
    pub key: String,
}

/// A text that names no reservation.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{0}` is no reservation; `quota reserve` prints them like glue:111122223333:eu-west-1:KEY"
)]
pub struct ReservationIdError(String);

impl fmt::Display for ReservationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let QuotaPlace { account, region, engine } = &self.place;
        write!(f, "{engine}:{account}:{region}:{}", self.key)
    }
}

impl FromStr for ReservationId {
    type Err = ReservationIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.splitn(4, ':').collect();
        let [engine, account, region, key] = parts[..] else {
            return Err(ReservationIdError(text.to_owned()));
        };
        if parts.iter().any(|part| part.is_empty()) {
            return Err(ReservationIdError(text.to_owned()));
        }
        let (account, region, engine) = (account.into(), region.into(), Engine::from(engine));
        Ok(Self { place: QuotaPlace { account, region, engine }, key: key.to_owned() })
    }
}

/// What tells whether a run is the one that a place was held for.
#[derive(Clone, Copy, Debug)]
pub struct StartedRun<'r> {
    /// Its id.
    pub run_id: &'r str,
    /// Its job's name, normalised.
    pub job: &'r str,
    /// Its team.
    pub team: &'r str,
    /// When it began.
    pub started: Option<Timestamp>,
}

/// Gives runs their reservations: each run takes one place at most, each place is taken once, the
/// oldest reservation first, and that of the run's own team before another's; ended ones take no
/// part. Whether anything was taken.
pub fn take_places(
    reservations: &mut [Reservation],
    runs: &[StartedRun<'_>],
    now: Timestamp,
) -> bool {
    let live = |n: &usize| reservations[*n].is_live(now);
    let mut order: Vec<usize> = (0..reservations.len()).filter(live).collect();
    // A named run is nobody else's, so those that name one choose first.
    order.sort_by_key(|&n| {
        let reservation = &reservations[n];
        (reservation.run_id.is_none(), reservation.made_at, reservation.key.clone())
    });
    let known = |all: &[Reservation], id: &str| {
        all.iter().any(|reservation| reservation.taken_by.iter().any(|taken| taken == id))
    };
    let mut any = false;
    for first in [true, false] {
        for &n in &order {
            for run in runs {
                let reservation = &reservations[n];
                if reservation.held().runs == 0 {
                    break;
                }
                let is_its = reservation.is_for(run) && reservation.is_first_for(run) == first;
                if is_its && !known(reservations, run.run_id) {
                    reservations[n].taken_by.push(run.run_id.to_owned());
                    any = true;
                }
            }
        }
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn held(key: &str, job: Option<&str>, run_id: Option<&str>, made: i64) -> Reservation {
        Reservation {
            key: key.into(),
            team: "orders".into(),
            need: Need { each: 10.0, runs: 1, flex: false },
            job: job.map(str::to_owned),
            run_id: run_id.map(str::to_owned),
            made_at: at(made),
            until: at(made + 100),
            by: "test".into(),
            taken_by: Vec::new(),
        }
    }

    fn run(run_id: &'static str, started: i64) -> StartedRun<'static> {
        StartedRun { run_id, job: "load", team: "orders", started: Some(at(started)) }
    }

    #[test]
    fn a_run_takes_one_place_and_a_place_one_run() {
        let taken = |reservations: &[Reservation]| -> Vec<Vec<String>> {
            reservations.iter().map(|r| r.taken_by.clone()).collect()
        };
        let load = Some("load");
        let mut two = [held("b", load, None, 20), held("a", load, None, 10)];
        assert!(take_places(&mut two, &[run("r1", 25)], at(30)));
        assert_eq!(taken(&two), [vec![], vec!["r1".to_owned()]], "the oldest first");
        assert!(
            !take_places(&mut two, &[run("r1", 25)], at(30)),
            "the same run takes nothing more"
        );
        assert!(take_places(&mut two, &[run("r1", 25), run("r2", 26)], at(30)));
        assert_eq!(taken(&two)[0], ["r2"]);
        // It began before the place was held, it is of another job, or another run is named.
        let mut one = [held("a", load, None, 10)];
        assert!(!take_places(&mut one, &[run("r", 4)], at(30)));
        assert!(!take_places(&mut one, &[StartedRun { job: "other", ..run("r", 11) }], at(30)));
        let mut named = [held("a", load, None, 5), held("z", load, Some("r9"), 10)];
        assert!(take_places(&mut named, &[run("r9", 3)], at(30)));
        assert_eq!(taken(&named), [vec![], vec!["r9".to_owned()]]);
        let mut ended = [held("a", load, None, -90)];
        assert!(!take_places(&mut ended, &[run("r", 11)], at(10)), "its term has ended");
        let mut nobodys = [held("a", None, None, 10)];
        assert!(!take_places(&mut nobodys, &[run("r", 11)], at(30)));
    }

    /// A clock that is ahead of AWS's, and one that tells parts of a second, which AWS does not.
    #[test]
    fn a_run_that_began_just_before_by_another_clock_is_the_one() {
        let ahead = |made: &str| Reservation {
            made_at: made.parse().unwrap(),
            ..held("a", Some("load"), None, 0)
        };
        let began = |text: &str| StartedRun { started: Some(text.parse().unwrap()), ..run("r", 0) };
        let takes = |made: &str, at: &str| ahead(made).is_for(&began(at));
        assert!(takes("2026-11-16T10:02:00.2Z", "2026-11-16T10:02:00Z"));
        assert!(takes("2026-11-16T10:02:03Z", "2026-11-16T10:02:00Z"));
        assert!(!takes("2026-11-16T10:02:03Z", "2026-11-16T10:01:57Z"), "the run before it");
        let said = ahead("2026-11-16T10:02:00.2Z").given_up_by();
        assert!(said.contains("begins at 2026-11-16 10:01:55 UTC or later"), "{said}");
    }

    /// Whoever asked in the name of another team than the run turns out to be of.
    #[test]
    fn a_run_of_the_job_takes_its_teams_place_before_anothers() {
        let load = Some("load");
        let risk = |key, made| Reservation { team: "risk".into(), ..held(key, load, None, made) };
        let run_of = |team, id| StartedRun { team, ..run(id, 25) };
        let mut one = [held("a", load, None, 10)];
        assert!(take_places(&mut one, &[run_of("risk", "r1")], at(30)));
        assert_eq!(one[0].held().runs, 0);
        let mut two = [held("a", load, None, 10), risk("b", 20)];
        take_places(&mut two, &[run_of("risk", "r1")], at(30));
        assert_eq!((two[0].held().runs, two[1].held().runs), (1, 0), "its own is the newer one");
        take_places(&mut two, &[run_of("risk", "r1"), run_of("risk", "r2")], at(30));
        assert_eq!((two[0].held().runs, two[1].held().runs), (0, 0));
        assert!(
            one[0].given_up_by().starts_with("a run of load that begins at 1970-01-01 00:00:05")
        );
        assert!(held("a", load, Some("r9"), 1).given_up_by().starts_with("run r9"));
        assert!(held("a", None, None, 1).given_up_by().contains("alone"));
    }

    #[test]
    fn a_name_reads_back() {
        let name = "glue:111122223333:eu-west-1:dag:2026-11-16T06:00:00Z:1";
        let id: ReservationId = name.parse().unwrap();
        assert_eq!(
            (id.key.as_str(), id.to_string().as_str()),
            ("dag:2026-11-16T06:00:00Z:1", name)
        );
        assert!("glue:1:r".parse::<ReservationId>().is_err());
        assert!("glue::r:k".parse::<ReservationId>().is_err());
    }

    #[test]
    fn several_runs_of_one_reservation_take_it_piece_by_piece() {
        let mut fan = [held("a", Some("load"), None, 10)];
        fan[0].need.runs = 3;
        take_places(&mut fan, &[run("r1", 11), run("r2", 12)], at(30));
        let left = fan[0].held();
        assert_eq!((left.runs, left.of(GLUE_DPUS, &Engine::Glue)), (1, Some(10.0)));
        assert_eq!(left.of(GLUE_FLEX_DPUS, &Engine::Glue), None);
        assert_eq!(left.of(EMR_SERVERLESS_VCPUS, &Engine::EmrServerless), Some(10.0));
    }
}
