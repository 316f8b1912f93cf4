//! Glue: jobs and their runs, the margin of a sweep, runs still at work, deleted jobs.

use super::*;

#[tokio::test]
async fn glue_runs_come_in_with_their_jobs_kind_and_tags() {
    let scene = Scene::new().await;
    scene.fakes.home(|place| {
        place.glue.add_job("load", "glueetl", &[("team", "orders")]);
        let mut odd = ended("jr_load", 5.0);
        odd["DPUSeconds"] = json!(1234.5678);
        odd["Novelty"] = json!("kept");
        place.glue.put_run("load", odd);
        place.glue.add_job("tidy", "pythonshell", &[]);
        place.glue.put_run("tidy", ended("jr_tidy", 3.0));
        place.glue.add_job("future", "gluequantum", &[]);
        place.glue.put_run("future", run("jr_future", "HIBERNATING", hours_ago(1.0), None));
        place.glue.add_job("idle", "glueetl", &[("team", "nobody")]);
    });
    let outcome = scene.collect().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
    let runs = scene.runs().await;
    assert_eq!(runs.len(), 3);

    let load = &runs[&("jr_load".to_owned(), 1)];
    assert_eq!(load.identity.account, HOME);
    assert_eq!(load.identity.region, REGION);
    assert_eq!(load.job_name.as_deref(), Some("load"));
    assert_eq!(load.state, RunState::Succeeded);
    assert_eq!(load.job_kind(), Some(&JobKind::Spark));
    assert_eq!(load.dpu_seconds.unwrap().to_string(), "1234.5678");
    assert_eq!(load.execution_seconds, Some(1800));
    assert_eq!(load.unknown.as_ref().unwrap()["Novelty"], "\"kept\"");
    let definition = load.definition.as_ref().unwrap();
    assert!(definition.at_end);
    assert_eq!(definition.tags, Some(BTreeMap::from([("team".into(), "orders".into())])));

    assert_eq!(runs[&("jr_tidy".to_owned(), 1)].job_kind(), Some(&JobKind::PythonShell));
    let future = &runs[&("jr_future".to_owned(), 1)];
    assert_eq!(future.state.as_str(), "HIBERNATING");
    assert_eq!(future.job_kind(), Some(&JobKind::Other("gluequantum".into())));
    assert_eq!(scene.watermark(Engine::Glue).await, Some(now()));
    // A job without new runs is not asked for its tags.
    assert_eq!(scene.fakes.count("GetTags"), 3);
    assert_only_read(&scene.fakes);
}

#[tokio::test]
async fn job_arguments_reach_no_file() {
    let scene = Scene::new().await;
    scene.fakes.home(|place| {
        place.glue.add_job("load", "glueetl", &[]);
        place.glue.put_run("load", ended("jr_load", 5.0));
        place.emr.add_application("app1", "etl", &[]);
        let done = attempt("x", "SUCCESS", hours_ago(4.0), Some(hours_ago(3.0)));
        place.emr.put_run("app1", "run1", vec![done]);
    });
    scene.collect().await;
    assert_eq!(scene.runs().await.len(), 2);
    let mut bytes = Vec::new();
    for file in std::fs::read_dir(scene.folder.path()).unwrap() {
        bytes.extend(std::fs::read(file.unwrap().path()).unwrap());
    }
    let holds = |word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
    assert!(holds(b"jr_load"), "the store's files were not read");
    assert!(!holds(b"do-not-keep"));
}

#[tokio::test]
async fn an_old_run_is_found_behind_newer_ones_and_reading_stops_with_a_margin() {
    let scene = Scene::new().await;
    scene.fakes.home(|place| {
        place.glue.add_job("busy", "glueetl", &[]);
        // One run every hour for sixty days: 1,440 runs, more than seven pages.
        for hour in 0..1440_u32 {
            place.glue.put_run("busy", ended(&format!("jr_{hour}"), f64::from(hour) + 1.0));
        }
        // Seven days old, and at work still; and one that took seven days and ended yesterday.
        place.glue.put_run("busy", run("jr_at_work", "RUNNING", hours_ago(167.5), None));
        let long = run("jr_long", "SUCCEEDED", hours_ago(190.0), Some(hours_ago(24.0)));
        place.glue.put_run("busy", long);
    });
    let outcome = scene.collect().await;
    assert_eq!(outcome.exit_code(), 0);
    // The first sweep is after the last two days: runs that ended 0.5 to 47.5 hours ago, 48 of
    // them, and the two.
    let runs = scene.runs().await;
    assert_eq!(runs.len(), 50);
    assert_eq!(runs[&("jr_at_work".to_owned(), 1)].state, RunState::Running);
    assert!(runs.contains_key(&("jr_long".to_owned(), 1)));
    // Two days and the margin of eight are 240 hours, so the second page is the last with runs
    // young enough (hours 200 to 398); the third is the first without.
    assert_eq!(scene.fakes.count("GetJobRuns"), 3);
}

#[tokio::test]
async fn a_long_way_back_is_read_on_wish_and_the_watermark_is_never_overtaken() {
    let scene = Scene::new().await;
    scene.fakes.home(|place| {
        place.glue.add_job("load", "glueetl", &[]);
        for day in 0..80_u32 {
            place.glue.put_run("load", ended(&format!("jr_{day}"), f64::from(day) * 24.0 + 2.0));
        }
    });
    scene.collect().await;
    assert_eq!(scene.runs().await.len(), 2);
    scene.collect_at(later(1), Some(60.days())).await;
    assert_eq!(scene.runs().await.len(), 60);

    // Nothing is collected for five days. `--since 1h` must not leave those days out.
    scene.fakes.home(|place| place.glue.put_run("load", ended("jr_between", -48.0)));
    scene.collect_at(later(120), Some(1.hour())).await;
    assert!(scene.runs().await.contains_key(&("jr_between".to_owned(), 1)));
}

#[tokio::test]
async fn a_run_at_work_is_asked_for_until_it_ends() {
    let scene = Scene::new().await;
    scene.fakes.home(|place| {
        place.glue.add_job("stream", "gluestreaming", &[("team", "then")]);
        // Far older than any margin: found because it is on the first page, and at work.
        place.glue.put_run("stream", run("jr_stream", "RUNNING", hours_ago(1000.0), None));
    });
    scene.collect().await;
    assert_eq!(scene.run("jr_stream").await.state, RunState::Running);

    scene.fakes.home(|place| {
        let end = run("jr_stream", "EXPIRED", hours_ago(1000.0), Some(hours_ago(-1.0)));
        place.glue.put_run("stream", end);
        // Enough newer runs that the first page no longer tells of it.
        for n in 0..400_u32 {
            let newer = ended(&format!("jr_newer_{n}"), 900.0 - f64::from(n));
            place.glue.put_run("stream", newer);
        }
    });
    scene.fakes.forget_log();
    scene.collect_at(later(2), None).await;
    let run = scene.run("jr_stream").await;
    assert_eq!(run.state, RunState::Expired);
    assert_eq!(run.job_kind(), Some(&JobKind::Streaming));
    assert_eq!(scene.fakes.count("GetJobRun"), 1);

    // It has ended and nothing more is to be learnt: no third question, and retagging the job does
    // not rewrite the run.
    scene.fakes.forget_log();
    scene.fakes.home(|place| {
        place.glue.jobs.get_mut("stream").unwrap().tags.insert("team".into(), "now".into());
    });
    scene.collect_at(later(3), None).await;
    assert_eq!(scene.fakes.count("GetJobRun"), 0);
    let definition = scene.run("jr_stream").await.definition.unwrap();
    assert_eq!(definition.tags.unwrap()["team"], "then");
}

#[tokio::test]
async fn runs_of_a_deleted_job_stay_and_are_named() {
    let scene = Scene::new().await;
    scene.fakes.home(|place| {
        for job in ["doomed", "reborn"] {
            place.glue.add_job(job, "glueetl", &[]);
            place.glue.put_run(job, run(&format!("jr_{job}"), "RUNNING", hours_ago(3.0), None));
        }
    });
    scene.collect().await;
    scene.fakes.home(|place| {
        place.glue.jobs.remove("doomed");
        place.glue.add_job("reborn", "glueetl", &[]);
    });
    let outcome = scene.collect_at(later(1), None).await;
    assert_eq!(outcome.exit_code(), 0);
    let gone: Vec<&str> =
        outcome.sources[0].vanished.iter().map(|run| run.run_id.as_str()).collect();
    assert_eq!(gone, ["jr_doomed", "jr_reborn"]);
    assert_eq!(scene.run("jr_doomed").await.state, RunState::Running);
    assert!(outcome.sources[0].to_string().contains("2 no longer known to AWS"));
}
