//! Interactive sessions of both engines: found, followed to their end, owned, priced, and no reason
//! for the runs to be missing where a role may not read them.

use super::*;
use crate::fakes::emr_serverless::session as emr_session;
use crate::fakes::glue::session as glue_session;

#[tokio::test]
async fn glue_sessions_come_in_with_their_tags_and_are_followed_to_their_end() {
    let scene = Scene::new().await;
    scene.fakes.home(|place| {
        place.glue.add_job("load", "glueetl", &[]);
        place.glue.put_run("load", ended("jr_load", 5.0));
        let done = glue_session("s-done", "STOPPED", hours_ago(5.0), Some(hours_ago(4.0)));
        place.glue.put_session(done, &[("team", "insight")]);
        let open = glue_session("s-open", "READY", hours_ago(3000.0), None);
        place.glue.put_session(open, &[("team", "then")]);
        // More than one page, long before anything that is asked for.
        for n in 0..230_u32 {
            let (from, to) = (hours_ago(900.0), hours_ago(899.0));
            let old = glue_session(&format!("s-old{n}"), "TIMEOUT", from, Some(to));
            place.glue.put_session(old, &[]);
        }
    });
    let outcome = scene.collect().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
    assert_eq!(outcome.sources[0].saved.new, 3);
    assert_eq!(scene.fakes.count("ListSessions"), 3);
    let done = scene.run("s-done").await;
    assert_eq!(
        (done.kind.clone(), done.state.clone()),
        (Some(JobKind::Session), RunState::Stopped)
    );
    assert_eq!(done.definition.as_ref().unwrap().tags.as_ref().unwrap()["team"], "insight");
    assert_eq!((done.execution_seconds, done.dpu_seconds), (Some(3600), Some(18_000.into())));
    assert_eq!(done.told_by.keys().collect::<Vec<_>>(), [&Teller::GlueApi]);
    assert!(!scene.run("s-open").await.state.is_terminal());

    // It goes on: its figures grow with no time of a change. Then it ends, and the list forgets it.
    scene.fakes.home(|place| {
        let mut open = glue_session("s-open", "READY", hours_ago(3000.0), None);
        open["DPUSeconds"] = json!(9_000.5);
        place.glue.put_session(open, &[("team", "then")]);
    });
    scene.collect_at(later(1), None).await;
    assert_eq!(scene.run("s-open").await.dpu_seconds.unwrap().to_string(), "9000.5");
    scene.fakes.home(|place| {
        let end = glue_session("s-open", "STOPPED", hours_ago(3000.0), Some(hours_ago(-1.5)));
        place.glue.put_session(end, &[("team", "then")]);
    });
    scene.fakes.forget_log();
    scene.collect_at(later(2), None).await;
    let closed = scene.run("s-open").await;
    assert_eq!((closed.state.clone(), closed.is_settled()), (RunState::Stopped, true));
    // One question for its tags, none for what ended before the watermark.
    assert_eq!(scene.fakes.count("GetTags"), 1);

    // Retagging what has ended changes nothing, however far back is read.
    scene.fakes.home(|place| {
        for (_, tags) in place.glue.sessions.values_mut() {
            tags.insert("team".into(), "now".into());
        }
    });
    scene.collect_at(later(3), Some(1.day())).await;
    let tags = |run: JobRun| run.definition.unwrap().tags.unwrap()["team"].clone();
    assert_eq!(tags(scene.run("s-open").await), "then");
    assert_eq!(tags(scene.run("s-done").await), "insight");
    assert_only_read(&scene.fakes);
}

#[tokio::test]
async fn a_session_that_glue_has_deleted_is_named_and_kept() {
    let scene = Scene::new().await;
    scene.fakes.home(|place| {
        place.glue.put_session(glue_session("s1", "READY", hours_ago(2.0), None), &[]);
    });
    scene.collect().await;
    scene.fakes.home(|place| place.glue.sessions.clear());
    let outcome = scene.collect_at(later(1), None).await;
    assert_eq!((outcome.exit_code(), outcome.sources[0].vanished.len()), (0, 1));
    assert_eq!(scene.fakes.count("GetSession"), 1);
    assert!(!scene.run("s1").await.state.is_terminal());
}

#[tokio::test]
async fn emr_sessions_come_in_beside_the_runs_and_are_asked_for_until_they_end() {
    let scene = Scene::new().await;
    scene.fakes.home(|place| {
        place.emr.add_application("app1", "notebooks", &[("team", "platform")]);
        let done = attempt("load", "SUCCESS", hours_ago(9.0), Some(hours_ago(8.0)));
        place.emr.put_run("app1", "run1", vec![done]);
        let over = emr_session("TERMINATED", hours_ago(6.0), hours_ago(5.0));
        place.emr.put_session("app1", "over", over);
        // Two months old, which no list by creation date tells of.
        let busy = emr_session("BUSY", hours_ago(1500.0), hours_ago(1.0));
        place.emr.put_session("app1", "busy", busy);
        // Sessions are Spark's: another application would refuse the question.
        place.emr.add_application("app2", "queries", &[]);
        place.emr.applications.get_mut("app2").unwrap().kind = "Hive";
    });
    let outcome = scene.collect().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
    assert_eq!(scene.runs().await.len(), 3);
    let over = scene.run("over").await;
    assert_eq!(
        (over.kind.clone(), over.state.clone()),
        (Some(JobKind::Session), RunState::Terminated)
    );
    assert_eq!(over.job_name.as_deref(), Some("analysts"));
    assert_eq!(over.billed.unwrap().vcpu_hours.to_string(), "1.267");
    let definition = over.definition.as_ref().unwrap();
    assert_eq!(definition.architecture, Some(Architecture::Arm));
    assert_eq!(definition.tags.as_ref().unwrap()["team"], "platform");
    assert_eq!(over.tags.as_ref().unwrap()["team"], "insight");
    assert_eq!(over.told_by.keys().collect::<Vec<_>>(), [&Teller::EmrServerlessApi]);
    assert_eq!(scene.run("run1").await.kind, Some(JobKind::Spark));

    scene.fakes.home(|place| {
        let ended = emr_session("TERMINATED", hours_ago(1500.0), hours_ago(-1.0));
        place.emr.put_session("app1", "busy", ended);
        let sessions = &mut place.emr.applications.get_mut("app1").unwrap().sessions;
        sessions.get_mut("over").unwrap()["tags"]["team"] = "someone-else".into();
    });
    scene.fakes.forget_log();
    scene.collect_at(later(2), None).await;
    assert!(scene.run("busy").await.is_settled());
    assert_eq!(scene.fakes.count("GetSession"), 1);
    // Nothing is asked of what is settled; and asked for on wish, it keeps the tags of its end.
    scene.collect_at(later(3), Some(2.days())).await;
    assert_eq!(scene.run("over").await.tags.unwrap()["team"], "insight");
    assert_only_read(&scene.fakes);
}

#[tokio::test]
async fn a_role_that_may_not_read_sessions_misses_nothing_else() {
    let scene = Scene::new().await;
    scene.fakes.home(|place| {
        place.glue.add_job("load", "glueetl", &[]);
        place.glue.put_run("load", ended("jr_load", 5.0));
        let done = glue_session("s-done", "STOPPED", hours_ago(5.0), Some(hours_ago(4.0)));
        place.glue.put_session(done, &[]);
        place.emr.add_application("app1", "etl", &[]);
        let over = emr_session("TERMINATED", hours_ago(6.0), hours_ago(5.0));
        place.emr.put_session("app1", "over", over);
    });
    scene.fakes.fault("ListSessions", None, usize::MAX, Trouble::Denied);
    let outcome = scene.collect().await;
    assert_eq!(outcome.exit_code(), 4);
    for source in &outcome.sources {
        assert!(source.failure.is_none(), "{source:?}");
        let failure = source.sessions_failure.as_ref().unwrap();
        assert!(failure.message.contains("ListSessions"), "{failure:?}");
        assert!(source.to_string().contains("sessions not read to the end"), "{source}");
    }
    assert_eq!(scene.runs().await.len(), 1);
    assert_eq!(scene.watermark(Engine::Glue).await, Some(now()));
    // What they cost is not in the report, and the report can say so.
    let states = scene.store.source_states().await.unwrap();
    let sessions: Vec<_> = states.iter().filter(|state| state.sessions).collect();
    assert_eq!(sessions.len(), 2);
    assert!(sessions.iter().all(|s| s.collected_through.is_none() && s.error.is_some()));

    // Once it may, the time that was missed is made up for.
    scene.fakes.heal();
    let outcome = scene.collect_at(later(1), None).await;
    assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
    assert_eq!(scene.runs().await.len(), 3);
}
