//! Accounts behind roles, what they may refuse, and their quotas.

use runledger::model::QuotaSource;

use super::*;

/// Two accounts beside the home account, each behind a role, with a run each.
pub(super) fn other_accounts(scene: &mut Scene) {
    for account in ["444455556666", "777788889999"] {
        let role_arn = scene.fakes.world().sts.add_role(account, Some("ext-1"));
        scene.settings.targets.push(Target {
            account: account.into(),
            role_arn: Some(role_arn),
            external_id: Some("ext-1".into()),
            regions: vec!["eu-west-1".into(), "us-east-1".into()],
        });
        for region in ["eu-west-1", "us-east-1"] {
            scene.fakes.place(account, region, |place| {
                place.glue.add_job("load", "glueetl", &[]);
                place.glue.put_run("load", ended(&format!("jr_{account}_{region}"), 5.0));
            });
        }
    }
    scene.settings.engines = vec![Service::Glue];
}

#[tokio::test]
async fn every_account_and_region_is_read_through_its_role() {
    let mut scene = Scene::new().await;
    other_accounts(&mut scene);
    let outcome = scene.collect().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
    let places: Vec<(String, String)> = scene
        .runs()
        .await
        .into_values()
        .map(|run| (run.identity.account, run.identity.region))
        .collect();
    let place = |account: &str, region: &str| (account.to_owned(), region.to_owned());
    assert_eq!(
        places,
        [
            place("444455556666", "eu-west-1"),
            place("444455556666", "us-east-1"),
            place("777788889999", "eu-west-1"),
            place("777788889999", "us-east-1"),
        ]
    );
    let log = scene.fakes.log();
    let sessions = log.iter().filter(|asked| asked.operation == "AssumeRole");
    let sessions: Vec<&str> =
        sessions.map(|asked| asked.input["RoleSessionName"].as_str().unwrap()).collect();
    assert!(sessions.len() >= 2 && sessions.iter().all(|name| *name == "runledger"));
}

#[tokio::test]
async fn an_account_that_lets_nobody_in_does_not_stop_the_others() {
    let mut scene = Scene::new().await;
    other_accounts(&mut scene);
    scene.settings.targets[0].external_id = Some("wrong".into());
    let outcome = scene.collect().await;
    assert_eq!(outcome.exit_code(), 4);
    assert_eq!(outcome.sources.len(), 4);
    for source in &outcome.sources[..2] {
        assert_eq!(source.account, "444455556666");
        let failure = source.failure.as_ref().unwrap();
        assert!(failure.message.contains("AccessDenied"), "{failure:?}");
        assert!(failure.message.contains("role/runledger-reader"), "{failure:?}");
        assert!(!failure.is_unavailable);
    }
    assert!(outcome.sources[2..].iter().all(|source| source.failure.is_none()));
    assert_eq!(scene.runs().await.len(), 2);
    // On record, so that a report can name it.
    let mut states = scene.store.source_states().await.unwrap();
    states.retain(|state| !state.sessions);
    assert_eq!(states.len(), 4);
    assert!(states[0].error.as_ref().unwrap().contains("AccessDenied"));
    assert_eq!((states[0].collected_through, states[0].attempted_at), (None, now()));
    assert_eq!((states[2].collected_through, &states[2].error), (Some(now()), &None));
}

#[tokio::test]
async fn a_denied_reading_call_leaves_the_rest_readable() {
    let mut scene = Scene::new().await;
    other_accounts(&mut scene);
    scene.fakes.fault("GetJobRuns", Some("444455556666"), usize::MAX, Trouble::Denied);
    scene.fakes.fault("GetTags", Some("777788889999"), usize::MAX, Trouble::Denied);
    let outcome = scene.collect().await;
    assert_eq!(outcome.exit_code(), 4);
    let failure = outcome.sources[0].failure.as_ref().unwrap();
    assert!(failure.message.contains("GetJobRuns of `load`"), "{failure:?}");
    // Denied is final: nothing is gained by asking again.
    let asked = scene
        .fakes
        .log()
        .into_iter()
        .filter(|asked| asked.operation == "GetJobRuns" && asked.account == "444455556666");
    assert_eq!(asked.count(), 2);
    // Without its job's tags a run is here all the same, and it is said whose tags are missing.
    let open = outcome.sources[2].clone();
    assert_eq!(open.failure, None);
    assert!(open.untagged[0].contains("GetTags of `load`"), "{:?}", open.untagged);
    let run = scene.run("jr_777788889999_eu-west-1").await;
    let definition = run.definition.unwrap();
    assert_eq!((definition.kind, definition.tags), (Some(JobKind::Spark), None));
}

#[tokio::test]
async fn credentials_of_another_account_are_refused() {
    let mut scene = Scene::new().await;
    scene.settings.targets = vec![Target {
        account: "999900001111".into(),
        role_arn: None,
        external_id: None,
        regions: vec![REGION.into()],
    }];
    let outcome = scene.collect().await;
    assert_eq!(outcome.exit_code(), 1);
    let failure = outcome.sources[0].failure.as_ref().unwrap();
    assert!(failure.message.contains("999900001111 belong to account 111122223333"));
    assert_eq!(scene.fakes.count("GetJobs"), 0);
}

#[tokio::test]
async fn quotas_are_the_accounts_own_or_the_default() {
    let scene = Scene::new().await;
    scene.fakes.home(|place| {
        place.quotas.apply("glue", "L-5E4153CA", 75.0);
        place.quotas.set_default("glue", "L-5E4153CA", 200.0);
        place.quotas.set_default("glue", "L-08F3B322", 1000.0);
        place.quotas.apply("emr-serverless", "L-D05C8A75", 16.0);
    });
    let outcome = scene.collect().await;
    assert_eq!(outcome.quotas_unread, Vec::<String>::new());
    let quotas = scene.store.quotas().await.unwrap();
    let told: Vec<(&str, f64, QuotaSource)> =
        quotas.iter().map(|quota| (quota.quota.as_str(), quota.value, quota.source)).collect();
    assert_eq!(
        told,
        [
            (EMR_SERVERLESS_VCPUS, 16.0, QuotaSource::Applied),
            (GLUE_CONCURRENT_RUNS, 75.0, QuotaSource::Applied),
            (GLUE_DPUS, 1000.0, QuotaSource::Default),
        ]
    );
    // A role that may not read quotas still collects.
    scene.fakes.fault("GetServiceQuota", None, usize::MAX, Trouble::Denied);
    let outcome = scene.collect_at(later(1), None).await;
    assert_eq!(outcome.exit_code(), 0);
    assert!(outcome.quotas_unread[0].contains("AccessDeniedException"), "{outcome:?}");
}
