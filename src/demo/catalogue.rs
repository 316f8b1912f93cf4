//! The jobs of an ordinary week: patterns that companies have many of, dealt out to the teams. How
//! many there are of each is fixed, and so is what a week costs, about; the seed decides which team
//! has which, on what subject, how large and how well kept.
//!
//! The jobs that something befalls are in `stories`.

use std::collections::BTreeMap;

use jiff::civil::Weekday;

use super::applications::APPLICATIONS;
use super::chance::Chance;
use super::job::{Application, Capacity, Emr, Glue, Job, Metering, Platform};
use super::patterns::{On, PATTERNS, Pattern, When};
use super::rhythm::Rhythm;
use super::teams::{TEAMS, Team};
use crate::model::{Architecture, JobKind};

/// One job in this many has nobody's name on it.
const JOBS_PER_UNTAGGED: usize = 18;

/// The ordinary jobs of the company.
pub(super) fn jobs(seed: u64) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (index, pattern) in PATTERNS.iter().enumerate() {
        let mut chance = Chance::of(seed, pattern.actions[0], 0);
        let mut teams: Vec<&Team> =
            TEAMS.iter().filter(|team| pattern.only.is_none_or(|at| at == team.region)).collect();
        chance.shuffle(&mut teams);
        for number in 0..pattern.jobs {
            let team = teams[number % teams.len()];
            let mut job = job(pattern, team, index * 5 + number / teams.len(), &mut chance);
            if jobs.len() % JOBS_PER_UNTAGGED == JOBS_PER_UNTAGGED - 1 {
                job.tags = BTreeMap::from([("env".to_owned(), "prod".to_owned())]);
            }
            jobs.push(job);
        }
    }
    jobs
}

/// A team's job of a pattern. The round is one more for each job of that pattern that the team has.
fn job(pattern: &Pattern, team: &Team, round: usize, chance: &mut Chance) -> Job {
    // No pattern goes round more often than there are subjects, so every name is unique.
    let subject = team.subjects[round % team.subjects.len()];
    let action = pattern.actions[round % pattern.actions.len()];
    let seconds = chance.between(pattern.seconds.0, pattern.seconds.1);
    let rerun = chance.happens(0.35);
    Job {
        name: format!("{}-{subject}-{action}", team.prefix),
        account: team.account,
        region: team.region,
        tags: team.tags(chance),
        platform: platform(pattern, team, chance),
        rhythm: rhythm(pattern.when, chance),
        seconds,
        spread: *chance.pick(&[0.08, 0.12, 0.2, 0.3]),
        weekly_growth: *chance.pick(&[-0.005, 0.0, 0.0, 0.005, 0.01, 0.02]),
        fault_rate: *chance.pick(&[0.002, 0.005, 0.005, 0.01, 0.01, 0.02, 0.03, 0.06]),
        max_retries: *chance.pick(&[0, 0, 0, 1, 1, 2, 3]),
        rerun,
        timeout_minutes: timeout_minutes(seconds),
        trigger: (!rerun).then(|| format!("{}-{}", team.prefix, pattern.when.word())),
        plot: None,
    }
}

fn platform(pattern: &Pattern, team: &Team, chance: &mut Chance) -> Platform {
    let glue = |kind: &JobKind, version, capacity, metering| {
        Platform::Glue(Glue { kind: kind.clone(), version, capacity, metering })
    };
    match &pattern.on {
        On::Workers { kind, types, workers, versions, metering } => {
            let worker_type = *chance.pick(types);
            let capacity = Capacity::Workers(worker_type, chance.between(workers.0, workers.1));
            let version = *chance.pick(versions);
            glue(kind, version, capacity, *metering)
        }
        On::TenThousandthDpus { kind, parts, versions } => {
            let capacity = Capacity::TenThousandthDpus(*chance.pick(parts));
            let version = *chance.pick(versions);
            glue(kind, version, capacity, Metering::Fixed)
        }
        On::Emr { architecture, vcpus, flex } => {
            let application = application(team, architecture);
            Platform::Emr(Emr {
                application,
                vcpus: *chance.pick(vcpus),
                gb_per_vcpu: *chance.pick(&[4, 4, 4, 7]),
                dated: chance.happens(0.6),
                // On a shared application only a run's own tags can say whose it is.
                tags_runs: application.team.is_none() || chance.happens(0.5),
                flex: *flex,
            })
        }
    }
}

/// Where a team's EMR Serverless jobs run: on the team's own application, else on a shared one.
fn application(team: &Team, architecture: &Architecture) -> &'static Application {
    let near = || {
        APPLICATIONS.iter().filter(|application| {
            application.account == team.account
                && application.region == team.region
                && application.architecture == *architecture
        })
    };
    near()
        .find(|application| application.team == Some(team.name))
        .or_else(|| near().find(|application| application.team.is_none()))
        // A team without either is a gap in this room's own tables, which its tests find.
        .unwrap_or(&APPLICATIONS[0])
}

fn rhythm(when: When, chance: &mut Chance) -> Rhythm {
    match when {
        When::Hourly => Rhythm::Every { minutes: 60, offset: chance.between(0, 50) },
        When::QuarterHourly => Rhythm::Every { minutes: 15, offset: chance.between(0, 14) },
        When::Nightly => {
            Rhythm::Daily { minute: chance.between(0, 78) * 5, workdays: chance.happens(0.35) }
        }
        When::Weekly => Rhythm::Weekly {
            weekday: *chance.pick(&[Weekday::Monday, Weekday::Saturday, Weekday::Sunday]),
            minute: chance.between(60, 600),
        },
        When::MonthEnd => Rhythm::MonthEnd { minute: chance.between(120, 480) },
        When::Stream => Rhythm::Stream,
    }
}

/// A timeout that an ordinary run keeps, by a wide margin.
pub(super) fn timeout_minutes(seconds: u32) -> u32 {
    [20, 30, 60, 120, 240, 480]
        .into_iter()
        .find(|minutes| minutes * 60 > seconds * 4)
        .unwrap_or(480)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_job_has_a_name_of_its_own() {
        let jobs = jobs(1);
        let names: BTreeSet<&str> = jobs.iter().map(|job| job.name.as_str()).collect();
        assert_eq!(names.len(), jobs.len());
        assert!((280..=300).contains(&jobs.len()), "{}", jobs.len());
    }

    #[test]
    fn emr_jobs_run_on_an_application_at_home() {
        for job in jobs(1) {
            if let Platform::Emr(emr) = &job.platform {
                let at = (emr.application.account, emr.application.region);
                assert_eq!(at, (job.account, job.region), "{}", job.name);
            }
        }
    }

    #[test]
    fn spare_capacity_is_for_spark_since_3_0_alone() {
        for job in jobs(1) {
            if let Platform::Glue(glue) = &job.platform
                && glue.metering == Metering::Flex
            {
                assert_eq!(glue.kind, JobKind::Spark);
                assert!(glue.version >= "3.0", "{}", glue.version);
            }
        }
    }

    #[test]
    fn all_teams_work() {
        let jobs = jobs(1);
        for team in &TEAMS {
            let own = jobs.iter().filter(|job| job.name.starts_with(team.prefix)).count();
            assert!((20..=50).contains(&own), "{} has {own} jobs", team.name);
        }
    }
}
