//! Throttled, unreachable, no credentials, answers that are none, killed half way, two at once.

use super::accounts::other_accounts;
use super::*;

#[tokio::test]
async fn throttling_and_failing_services_are_waited_out() {
    let scene = Scene::new().await;
    scene.fakes.home(|place| {
        place.glue.add_job("load", "glueetl", &[]);
        place.glue.put_run("load", ended("jr_load", 5.0));
        place.emr.add_application("app1", "etl", &[]);
        let done = attempt("x", "SUCCESS", hours_ago(4.0), Some(hours_ago(3.0)));
        place.emr.put_run("app1", "run1", vec![done]);
    });
    let troubles = [
        ("GetJobs", Trouble::Throttled),
        ("GetJobRuns", Trouble::Broken),
        ("GetTags", Trouble::TooManyRequests),
        ("ListApplications", Trouble::BareTooMany),
        ("ListJobRuns", Trouble::Throttled),
        ("GetJobRun", Trouble::TooManyRequests),
        ("GetApplication", Trouble::Slow(Duration::from_millis(300))),
    ];
    for (operation, trouble) in troubles {
        scene.fakes.fault(operation, None, 5, trouble);
    }
    let outcome = scene.collect().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
    assert_eq!(scene.runs().await.len(), 2);
    assert_eq!(scene.fakes.count("GetJobs"), 6);
    assert_eq!(scene.fakes.count("GetJobRuns"), 6);
}

#[tokio::test]
async fn throttling_without_an_end_is_told() {
    let scene = Scene::new().await;
    scene.fakes.fault("GetJobs", None, usize::MAX, Trouble::Throttled);
    let outcome = scene.collect().await;
    assert_eq!(outcome.exit_code(), 4, "EMR Serverless was read");
    let failure = outcome.sources[0].failure.as_ref().unwrap();
    assert!(failure.message.contains("ThrottlingException: Rate exceeded"), "{failure:?}");
    assert!(failure.hint.contains("concurrency"));
    assert_eq!(scene.fakes.count("GetJobs"), 10);
    assert_eq!(scene.watermark(Engine::Glue).await, None);
    assert_eq!(scene.watermark(Engine::EmrServerless).await, Some(now()));
}

/// A machine without credentials.
#[derive(Debug)]
struct Nobody;

impl ProvideCredentials for Nobody {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let error = CredentialsError::not_loaded("no providers in chain provided credentials");
        future::ProvideCredentials::ready(Err(error))
    }
}

#[tokio::test]
async fn without_credentials_nothing_is_done_and_it_is_said() {
    let mut scene = Scene::new().await;
    let config = scene.fakes.config_with(SharedCredentialsProvider::new(Nobody)).await;
    let accounts = AwsAccounts::new(config);
    let error = collect(&scene.store, &accounts, &scene.settings, None, now()).await.unwrap_err();
    let CollectError::Home(error) = error else { panic!("{error}") };
    assert!(error.is_unavailable());
    assert!(error.hint().contains("AWS_PROFILE"));
    let SourceError::Aws(aws) = error else { panic!("{error}") };
    assert_eq!(aws.trouble, AwsTrouble::NoCredentials, "{aws}");
    assert!(scene.fakes.log().is_empty());

    // With accounts configured, each is named.
    other_accounts(&mut scene);
    let outcome = collect(&scene.store, &accounts, &scene.settings, None, now()).await.unwrap();
    assert_eq!(outcome.exit_code(), 5, "{outcome:?}");
    assert_eq!(outcome.sources.len(), 4);
}

#[tokio::test]
async fn where_aws_does_not_answer_nothing_is_lost() {
    let scene = Scene::new().await;
    let unbound = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = unbound.local_addr().unwrap();
    drop(unbound);
    let config = scene.fakes.config().await;
    let config = config.into_builder().endpoint_url(format!("http://{address}")).build();
    let accounts = AwsAccounts::new(config);
    let error = collect(&scene.store, &accounts, &scene.settings, None, now()).await.unwrap_err();
    let CollectError::Home(SourceError::Aws(error)) = error else { panic!("{error}") };
    assert_eq!(error.trouble, AwsTrouble::Unreachable, "{error}");

    // With the account configured, Glue and EMR Serverless are tried, and are not there either.
    let mut settings = scene.settings.clone();
    settings.targets = vec![Target {
        account: HOME.into(),
        role_arn: None,
        external_id: None,
        regions: vec![REGION.into()],
    }];
    let outcome = collect(&scene.store, &accounts, &settings, None, now()).await.unwrap();
    assert_eq!(outcome.exit_code(), 5, "{outcome:?}");
    assert_eq!(outcome.quotas_unread.len(), 1);
}

#[tokio::test]
async fn an_answer_that_is_no_answer_is_told_and_moves_no_watermark() {
    let scene = Scene::new().await;
    scene.fakes.home(|place| {
        for job in ["a", "b"] {
            place.glue.add_job(job, "glueetl", &[]);
            place.glue.put_run(job, ended(&format!("jr_{job}"), 5.0));
        }
        let mut broken = ended("jr_broken", 4.0);
        broken.as_object_mut().unwrap().remove("JobRunState");
        place.glue.put_run("b", broken);
    });
    let outcome = scene.collect().await;
    assert_eq!(outcome.exit_code(), 4);
    let failure = outcome.sources[0].failure.as_ref().unwrap();
    assert!(failure.message.contains("without `JobRunState`"), "{failure:?}");
    assert_eq!(scene.runs().await.len(), 2, "what can be read is");
    assert_eq!(scene.watermark(Engine::Glue).await, None);

    scene.fakes.fault("GetJobs", None, usize::MAX, Trouble::Garbage);
    let outcome = scene.collect_at(later(1), None).await;
    let failure = outcome.sources[0].failure.as_ref().unwrap();
    assert!(failure.message.starts_with("glue GetJobs in 111122223333 eu-west-1: "), "{failure:?}");
    assert!(!failure.is_unavailable, "{failure:?}");
}

/// The SDK reads nothing as `{}`: as an account without jobs.
#[tokio::test]
async fn an_empty_answer_is_told_and_moves_no_watermark() {
    for operation in ["GetJobs", "GetJobRuns", "GetTags", "ListApplications", "ListJobRuns"] {
        let scene = Scene::new().await;
        scene.fakes.home(|place| {
            place.glue.add_job("load", "glueetl", &[("team", "orders")]);
            place.glue.put_run("load", ended("jr_load", 5.0));
            place.emr.add_application("app1", "etl", &[]);
            let done = attempt("x", "SUCCESS", hours_ago(4.0), Some(hours_ago(3.0)));
            place.emr.put_run("app1", "run1", vec![done]);
        });
        scene.fakes.fault(operation, None, 1, Trouble::Empty);
        let outcome = scene.collect().await;
        assert_eq!(outcome.exit_code(), 4, "{operation}: {outcome:?}");
        let mut failures = outcome.sources.iter().filter_map(|source| source.failure.as_ref());
        let failure = failures.next().unwrap();
        assert!(failure.message.contains(operation), "{failure:?}");
        let why = "an answer that cannot be read: ";
        assert!(failure.message.contains(why), "{operation}: {failure:?}");

        assert_eq!(scene.collect().await.exit_code(), 0, "{operation}");
        let runs = scene.runs().await;
        assert_eq!(runs.len(), 2, "{operation}");
        let tags = runs[&("jr_load".to_owned(), 1)].definition.as_ref().unwrap().tags.clone();
        assert_eq!(tags.unwrap()["team"], "orders", "{operation}");
    }
}

#[tokio::test]
async fn killed_between_saving_and_the_watermark_the_next_start_ends_the_same() {
    let scene = Scene::new().await;
    scene.fakes.home(|place| {
        place.glue.add_job("a-many", "glueetl", &[]);
        for n in 0..300_u32 {
            let recent = ended(&format!("jr_{n}"), 1.0 + f64::from(n) / 10.0);
            place.glue.put_run("a-many", recent);
        }
        place.glue.add_job("b-never", "glueetl", &[]);
        place.glue.put_run("b-never", ended("jr_b", 5.0));
    });
    // One page comes, and then nothing ever does. Once that page is saved, the process dies: no
    // line of it runs any more, as after kill -9.
    scene.fakes.fault_after("GetJobRuns", 1, Trouble::Silent);
    let mut settings = scene.settings.clone();
    settings.engines = vec![Service::Glue];
    settings.concurrency = 1;
    let accounts = AwsAccounts::new(scene.fakes.config().await);
    {
        let dying = collect(&scene.store, &accounts, &settings, None, now());
        let watched = async {
            while scene.runs().await.len() < 200 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            outcome = dying => panic!("came to an end: {outcome:?}"),
            () = watched => {}
        }
    }
    assert_eq!(scene.runs().await.len(), 200);
    assert_eq!(scene.watermark(Engine::Glue).await, None);

    scene.fakes.heal();
    let accounts = AwsAccounts::new(scene.fakes.config().await);
    let again = collect(&scene.store, &accounts, &settings, None, later(1)).await.unwrap();
    assert_eq!(again.exit_code(), 0);
    assert_eq!(scene.runs().await.len(), 301);
    assert_eq!(scene.watermark(Engine::Glue).await, Some(later(1)));

    // The same as a store that was never interrupted.
    let calm = Scene { store: open(&tempfile::tempdir().unwrap()).await, ..Scene::new().await };
    collect(&calm.store, &accounts, &settings, None, later(1)).await.unwrap();
    let without_times = |runs: BTreeMap<(String, u32), JobRun>| -> Vec<JobRun> {
        let cut = |run| JobRun { definition: None, told_by: BTreeMap::new(), ..run };
        runs.into_values().map(cut).collect()
    };
    assert_eq!(without_times(scene.runs().await), without_times(calm.runs().await));
}

#[tokio::test]
async fn two_at_once_do_no_harm() {
    let scene = Scene::new().await;
    scene.fakes.home(|place| {
        place.glue.add_job("load", "glueetl", &[]);
        for n in 0..250_u32 {
            place.glue.put_run("load", ended(&format!("jr_{n}"), 1.0 + f64::from(n) / 10.0));
        }
    });
    let (one, two) = tokio::join!(scene.collect(), scene.collect());
    assert_eq!((one.exit_code(), two.exit_code()), (0, 0));
    let new = one.sources[0].saved.new + two.sources[0].saved.new;
    assert_eq!(new, 250, "each run is new once: {one:?} {two:?}");
    assert_eq!(scene.runs().await.len(), 250);
}

/// The fakes with waits so short that a silent region can be waited for.
async fn impatient(fakes: &Fakes) -> AwsAccounts {
    let timeouts = aws_config::timeout::TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_millis(300))
        .build();
    let config = fakes.config().await.into_builder().timeout_config(timeouts);
    let retry = aws_config::retry::RetryConfig::standard()
        .with_max_attempts(2)
        .with_initial_backoff(Duration::from_millis(1));
    AwsAccounts::new(config.retry_config(retry).build())
}

/// Wherever it stands in the configuration, and whether or not the account is behind a role.
#[tokio::test]
async fn a_region_that_is_down_is_named_and_does_not_stop_the_others() {
    for regions in [["eu-west-1", "us-east-1"], ["us-east-1", "eu-west-1"]] {
        let mut scene = Scene::new().await;
        other_accounts(&mut scene);
        scene.settings.engines = CollectSettings::default().engines;
        for target in &mut scene.settings.targets {
            target.regions = regions.map(str::to_owned).to_vec();
        }
        scene.settings.targets.push(Target {
            account: HOME.into(),
            role_arn: None,
            external_id: None,
            regions: regions.map(str::to_owned).to_vec(),
        });
        scene.fakes.world().down.push("us-east-1");
        let accounts = impatient(&scene.fakes).await;
        let outcome = collect(&scene.store, &accounts, &scene.settings, None, now()).await.unwrap();
        assert_eq!(outcome.exit_code(), 4, "{outcome:?}");
        assert_eq!(outcome.sources.len(), 3 * 2 * 2);
        for source in &outcome.sources {
            match (&source.failure, source.region == "us-east-1") {
                (None, false) => {}
                (Some(failure), true) => {
                    assert!(
                        failure.message.contains("us-east-1: no answer in time"),
                        "{failure:?}"
                    );
                    assert!(failure.is_unavailable && failure.hint.contains("network"));
                }
                other => panic!("{regions:?}: {other:?} of {source:?}"),
            }
        }
        assert_eq!(outcome.quotas_unread.len(), 3, "{:?}", outcome.quotas_unread);
        assert_eq!(scene.runs().await.len(), 2, "those that are not down");
        // Whoever reads the report is told.
        let states = scene.store.source_states().await.unwrap();
        let unread = states.iter().filter(|state| state.error.is_some());
        assert_eq!(unread.filter(|state| state.region == "us-east-1").count(), 3 * 2);

        scene.fakes.world().down.clear();
        let outcome = collect(&scene.store, &accounts, &scene.settings, None, now()).await.unwrap();
        assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
        assert_eq!(scene.runs().await.len(), 4);
    }
}
