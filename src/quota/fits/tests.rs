//! What fits, against counting by hand, and what must hold whoever asks in whatever order.

use proptest::prelude::*;

use super::*;
use crate::model::{EMR_SERVERLESS_VCPUS, GLUE_DPUS, GLUE_FLEX_DPUS, QuotaSource};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn limit(quota: &str, value: f64) -> QuotaValue {
    QuotaValue {
        account: "111122223333".into(),
        region: "eu-west-1".into(),
        quota: quota.into(),
        value,
        source: QuotaSource::Applied,
    }
}

fn ask(team: &str, each: f64, engine: Engine) -> Ask {
    Ask {
        place: QuotaPlace { account: "111122223333".into(), region: "eu-west-1".into(), engine },
        team: team.into(),
        job: None,
        need: Need { each, runs: 1, flex: false },
        from: at(0),
        until: at(0),
    }
}

fn running(team: &str, units: Units) -> Running {
    Running {
        run_id: "r".into(),
        job: "load".into(),
        team: team.into(),
        started: Some(at(-60)),
        flex: false,
        waiting: false,
        units,
    }
}

fn reservation(team: &str, each: f64, until: i64) -> Reservation {
    Reservation {
        key: "k".into(),
        team: team.into(),
        need: Need { each, runs: 1, flex: false },
        job: None,
        run_id: None,
        made_at: at(-10),
        until: at(until),
        by: "test".into(),
        taken_by: Vec::new(),
    }
}

fn share(team: &str, baseline: f64, burst: Option<f64>) -> ShareSetting {
    ShareSetting { team: team.into(), baseline, burst, reserved: Vec::new() }
}

/// Facts that own what they point to.
#[derive(Default)]
struct Scene {
    limits: Vec<QuotaValue>,
    shares: Vec<(String, Vec<ShareSetting>)>,
    running: Vec<Running>,
    reservations: Vec<Reservation>,
    settings: QuotaCheckSettings,
}

impl Scene {
    fn decide(&self, ask: &Ask) -> Answer {
        let Self { limits, shares, running, reservations, settings } = self;
        super::decide(ask, &Facts { limits, shares, running, reservations, settings })
    }
}

#[test]
fn what_runs_and_what_is_reserved_counts_until_its_term_ends() {
    let mut scene = Scene { limits: vec![limit(GLUE_DPUS, 100.0)], ..Scene::default() };
    scene.running = vec![
        running("orders", Units::Fixed(30.0)),
        Running { waiting: true, ..running("risk", Units::AtMost(20.0)) },
        Running { flex: true, ..running("risk", Units::Fixed(50.0)) },
    ];
    scene.reservations = vec![reservation("risk", 40.0, 1), reservation("risk", 25.0, 0)];
    let answer = scene.decide(&ask("orders", 10.0, Engine::Glue));
    assert_eq!(answer.verdict, Verdict::Fits, "{answer:?}");
    let dpus = answer.quotas.iter().find(|quota| quota.quota == GLUE_DPUS).unwrap();
    assert_eq!((dpus.running, dpus.running_at_most, dpus.waiting), (50.0, 20.0, 20.0));
    assert_eq!((dpus.reserved, dpus.free, dpus.limit_source), (40.0, Some(10.0), Some("applied")));
    assert!(answer.reason.contains("value of glue-concurrent-runs is not known"), "{answer:?}");
    let answer = scene.decide(&ask("orders", 10.5, Engine::Glue));
    assert_eq!(answer.verdict, Verdict::DoesNotFit);
    assert!(answer.reason.starts_with("10.5 of glue-dpus asked for, 10 free: 50 of 100 in use"));
    // Flex has a quota of its own, and a run counts as a run either way.
    scene.limits = vec![limit(GLUE_FLEX_DPUS, 60.0), limit(GLUE_CONCURRENT_RUNS, 5.0)];
    let mut flex = ask("orders", 10.0, Engine::Glue);
    flex.need.flex = true;
    assert_eq!(scene.decide(&flex).verdict, Verdict::Fits);
    flex.need.runs = 2;
    let answer = scene.decide(&flex);
    assert!(answer.reason.starts_with("20 of glue-flex-dpus asked for, 10 free"), "{answer:?}");
    flex.need.each = 1.0;
    let answer = scene.decide(&flex);
    assert!(answer.reason.starts_with("2 of glue-concurrent-runs asked for, 1 free"));
}

#[test]
fn a_job_has_a_quota_of_its_own() {
    let limits = vec![limit(GLUE_DPUS, 100.0), limit(GLUE_RUNS_PER_JOB, 2.0)];
    let mut scene = Scene { limits, ..Scene::default() };
    scene.running = vec![running("orders", Units::Fixed(1.0)); 2];
    let mut ask = ask("orders", 1.0, Engine::Glue);
    assert_eq!(scene.decide(&ask).verdict, Verdict::Fits, "which job is not said");
    ask.job = Some("other".into());
    assert_eq!(scene.decide(&ask).verdict, Verdict::Fits);
    ask.job = Some("load".into());
    assert!(scene.decide(&ask).reason.starts_with("1 of glue-concurrent-runs-per-job asked"));
}

#[test]
fn what_cannot_be_known_is_not_guessed() {
    let mut scene = Scene::default();
    let ask = ask("orders", 10.0, Engine::EmrServerless);
    let answer = scene.decide(&ask);
    assert_eq!(answer.verdict, Verdict::CannotKnow);
    assert!(answer.reason.starts_with("the value of emr-serverless-vcpus in 111122223333"));
    scene.limits = vec![limit(EMR_SERVERLESS_VCPUS, 16.0)];
    scene.running = vec![running("risk", Units::Unknown)];
    let answer = scene.decide(&ask);
    assert_eq!(answer.verdict, Verdict::CannotKnow);
    assert!(answer.reason.starts_with("1 runs in"), "{answer:?}");
    // What is known alone is too much.
    scene.running.push(running("risk", Units::Fixed(7.0)));
    assert_eq!(scene.decide(&ask).verdict, Verdict::DoesNotFit);
    scene.running.pop();
    scene.settings.unknown_run = Some(6.0);
    assert_eq!(scene.decide(&ask).verdict, Verdict::Fits);
    scene.settings.unknown_run = Some(6.1);
    assert_eq!(scene.decide(&ask).verdict, Verdict::DoesNotFit);
}

#[test]
fn what_a_team_is_sure_of_is_kept_for_it_and_burst_ends_its_use() {
    let shares = vec![share("orders", 40.0, Some(60.0)), share("risk", 30.0, None)];
    let mut scene = Scene {
        limits: vec![limit(GLUE_DPUS, 100.0)],
        shares: vec![(GLUE_DPUS.to_owned(), shares)],
        ..Scene::default()
    };
    let free = |scene: &Scene, team: &str| {
        let answer = scene.decide(&ask(team, 1.0, Engine::Glue));
        answer.quotas.iter().find(|q| q.quota == GLUE_DPUS).unwrap().free
    };
    // By hand: nobody's 30; orders its 40 and those, up to its 60; risk its 30 and those.
    assert_eq!(free(&scene, "growth"), Some(30.0));
    assert_eq!(free(&scene, "orders"), Some(60.0));
    assert_eq!(free(&scene, "risk"), Some(60.0));
    scene.running = vec![running("orders", Units::Fixed(50.0))];
    assert_eq!(free(&scene, "orders"), Some(10.0));
    assert_eq!(free(&scene, "growth"), Some(20.0));
    scene.reservations = vec![reservation("risk", 35.0, 60)];
    assert_eq!(free(&scene, "growth"), Some(15.0));
    // Somebody started without asking: nothing is left, and nothing below nothing.
    scene.running.push(running("growth", Units::Fixed(90.0)));
    assert_eq!(free(&scene, "risk"), Some(0.0));
}

proptest! {
    /// Whoever asks in whatever order and however often: what is given never exceeds the quota nor
    /// a burst, and every team can still have all that it is sure of.
    #[test]
    fn every_team_can_have_what_it_is_sure_of(
        asks in prop::collection::vec((0_usize..4, 1_u32..30), 1..40),
        baselines in prop::array::uniform3(0_u32..34),
        bursts in prop::array::uniform3(prop::option::of(0_u32..60)),
    ) {
        let teams = ["a", "b", "c", "d"];
        let burst_of = |n: usize| bursts.get(n).copied().flatten().map(|burst| {
            f64::from(burst.max(baselines[n]))
        });
        let shares: Vec<_> =
            (0..3).map(|n| share(teams[n], f64::from(baselines[n]), burst_of(n))).collect();
        let mut scene = Scene {
            limits: vec![limit(GLUE_DPUS, 100.0)],
            shares: vec![(GLUE_DPUS.to_owned(), shares)],
            ..Scene::default()
        };
        let mut used = [0.0; 4];
        for (team, units) in asks {
            let units = f64::from(units);
            if scene.decide(&ask(teams[team], units, Engine::Glue)).verdict == Verdict::Fits {
                used[team] += units;
                scene.running.push(running(teams[team], Units::Fixed(units)));
            }
            prop_assert!(used.iter().sum::<f64>() <= 100.0);
            for n in 0..3 {
                prop_assert!(burst_of(n).is_none_or(|burst| used[n] <= burst));
                let left = f64::from(baselines[n]) - used[n];
                if left > 0.0 {
                    let answer = scene.decide(&ask(teams[n], left, Engine::Glue));
                    prop_assert_eq!(answer.verdict, Verdict::Fits);
                }
            }
        }
    }
}
