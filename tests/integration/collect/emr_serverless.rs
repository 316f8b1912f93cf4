//! EMR Serverless: every attempt, runs older than any list, resources that are billed late.

use super::*;

#[tokio::test]
async fn every_attempt_of_an_emr_run_comes_in_once() {
    let scene = Scene::new().await;
    scene.fakes.home(|place| {
        place.emr.add_application("app1", "warehouse", &[("team", "orders")]);
        let failed = |from, to| attempt("load", "FAILED", hours_ago(from), Some(hours_ago(to)));
        let mut last = attempt("load", "SUCCESS", hours_ago(3.0), Some(hours_ago(2.0)));
        last["flexExecution"] = json!({ "enabled": true });
        place.emr.put_run("app1", "run1", vec![failed(5.0, 4.5), failed(4.0, 3.5), last]);
        // Pages of fifty.
        for n in 0..120_u32 {
            let done = attempt("small", "SUCCESS", hours_ago(9.0), Some(hours_ago(8.0)));
            place.emr.put_run("app1", &format!("small{n}"), vec![done]);
        }
    });
    let outcome = scene.collect().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
    let runs = scene.runs().await;
    assert_eq!(runs.len(), 123);
    let states: Vec<&str> = (1..=3).map(|n| runs[&("run1".to_owned(), n)].state.as_str()).collect();
    assert_eq!(states, ["FAILED", "FAILED", "SUCCESS"]);

    let last = &runs[&("run1".to_owned(), 3)];
    // The SDK's own types do not know this member.
    assert_eq!(last.execution_class, Some(ExecutionClass::Flex));
    assert_eq!(last.billed.unwrap().vcpu_hours.to_string(), "1.267");
    assert_eq!(last.identity.application_id.as_deref(), Some("app1"));
    assert_eq!(last.tags.as_ref().unwrap()["cost-center"], "CC-204");
    let definition = last.definition.as_ref().unwrap();
    assert_eq!(definition.architecture, Some(Architecture::Arm));
    assert_eq!(definition.application_name.as_deref(), Some("warehouse"));
    assert_eq!(definition.maximum_vcpus, Some(400.into()));
    assert_eq!(definition.tags.as_ref().unwrap()["team"], "orders");

    // One question a run, and one more for each earlier attempt of the one that was retried.
    assert_eq!(scene.fakes.count("GetJobRun"), 121 + 2);
    assert_eq!(scene.fakes.count("ListJobRunAttempts"), 1);
    assert_eq!(scene.fakes.count("GetApplication"), 1);
    // The next sweep lists them again, and asks for none: all were settled.
    scene.fakes.forget_log();
    scene.collect_at(later(2), None).await;
    assert_eq!(scene.fakes.count("GetJobRun"), 0);
    assert_only_read(&scene.fakes);
}

#[tokio::test]
async fn an_attempt_that_was_at_work_is_followed_through_its_retry() {
    let scene = Scene::new().await;
    scene.fakes.home(|place| {
        place.emr.add_application("app1", "etl", &[]);
        // A streaming run two months old, which no list by creation date tells of.
        let old = attempt("stream", "RUNNING", hours_ago(1500.0), None);
        place.emr.put_run("app1", "run1", vec![old]);
    });
    scene.collect().await;
    assert_eq!(scene.run("run1").await.state, RunState::Running);
    scene.fakes.home(|place| {
        let first = attempt("stream", "FAILED", hours_ago(1500.0), Some(hours_ago(-1.0)));
        let second = attempt("stream", "RUNNING", hours_ago(1500.0), None);
        place.emr.put_run("app1", "run1", vec![first, second]);
    });
    scene.collect_at(later(2), None).await;
    let runs = scene.runs().await;
    assert_eq!(runs[&("run1".to_owned(), 1)].state, RunState::Failed);
    assert_eq!(runs[&("run1".to_owned(), 2)].state, RunState::Running);
}

#[tokio::test]
async fn resources_billed_late_are_asked_for_again() {
    let scene = Scene::new().await;
    scene.fakes.home(|place| {
        place.emr.add_application("app1", "etl", &[]);
        let done = || attempt("load", "SUCCESS", hours_ago(9.0), Some(hours_ago(8.0)));
        place.emr.put_late_billed_run("app1", "late", vec![done()], 2);
        place.emr.put_run("app1", "prompt", vec![done()]);
    });
    scene.collect().await;
    assert_eq!(scene.run("late").await.billed, None);
    scene.fakes.forget_log();
    scene.collect_at(later(24), None).await;
    assert_eq!(scene.fakes.count("GetJobRun"), 1);
    assert_eq!(scene.run("late").await.billed, None);
    scene.collect_at(later(48), None).await;
    assert_eq!(scene.run("late").await.billed.unwrap().memory_gb_hours.to_string(), "5.067");
    scene.fakes.forget_log();
    scene.collect_at(later(72), None).await;
    assert_eq!(scene.fakes.count("GetJobRun"), 0);
}
