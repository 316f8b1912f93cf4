//! Reading: what is asked and paid for, what is kept, and what goes wrong.

use super::*;

#[tokio::test]
async fn what_was_read_is_not_paid_for_again() {
    let scene = Scene::new().await;
    bill(&scene.fakes, HOME, |bill| {
        bill.glue("2026-11-10", HOME, "EU-ETL-DPU-Hour", "10", "4.4000000001");
        bill.glue("2026-11-10", HOME, "EU-Crawler-DPU-Hour", "2", "0.88");
        bill.glue("2026-11-11", HOME, "EU-ETL-DPU-Hour", "0", "-1").record_type = "Credit".into();
    });
    scene.store.save_runs(vec![run(HOME, "2026-11-10", "a")], at(NOW)).await.unwrap();
    let done = scene.refresh().await;
    // Services, usage types, usage, the rest: four requests for seven days.
    assert_eq!((done.exit_code(), done.requests, scene.asked()), (0, 4, 4));
    assert_eq!((done.accounts[0].days_due, done.accounts[0].days_read), (7, 7));
    let days = scene.days(HOME).await;
    assert_eq!(days.len(), 7);
    assert_eq!(days[1].lines[0].usage_type.as_deref(), Some("EU-Crawler-DPU-Hour"));
    assert_eq!(days[1].lines[1].amount.to_string(), "4.4000000001");
    let again = scene.refresh().await;
    assert_eq!((again.requests, again.accounts[0].days_due, scene.asked()), (0, 0, 4));
    // Comparing asks AWS nothing. A tenth of a nano-dollar is rounded away.
    let true_up = scene.true_up().await;
    assert_eq!(scene.asked(), 4);
    assert_eq!(true_up.state, BillState::Final);
    assert_eq!(
        (true_up.estimate_usd.to_string(), true_up.bill_usd.unwrap().to_string()),
        ("4.40".into(), "4.28".into())
    );
    let told: Vec<_> = true_up.lines.iter().map(|l| (l.kind, l.usd.to_string())).collect();
    assert_eq!(told, [(GapKind::Credits, "-1.00".into()), (GapKind::Crawlers, "0.88".into())]);
    // After the fifth of the next month each day is read once more, and no more.
    let later = scene.refresh_at("2026-12-05T06:00:00Z", WEEK, 100).await;
    assert_eq!((later.requests, later.accounts[0].days_read), (4, 7));
    assert_eq!(scene.refresh_at("2027-02-05T06:00:00Z", WEEK, 100).await.requests, 0);
    let sources = scene.store.bill_sources().await.unwrap();
    assert_eq!((sources[0].requests, &sources[0].problem), (8, &None));
}

#[tokio::test]
async fn estimated_and_young_days_are_read_again_and_settled_ones_are_not() {
    let scene = Scene::new().await;
    bill(&scene.fakes, HOME, |bill| {
        bill.glue("2026-11-13", HOME, "EU-ETL-DPU-Hour", "1", "0.44");
        bill.estimated_from = "2026-11-14".into();
    });
    scene.refresh().await;
    let settled: Vec<bool> = scene.days(HOME).await.iter().map(BillDay::is_settled).collect();
    assert_eq!(settled, [true, true, true, true, true, false, false]);
    let true_up = scene.true_up().await;
    assert_eq!(
        (true_up.days_read, true_up.days_settled, true_up.state),
        (7, 5, BillState::Partial)
    );
    assert_eq!(true_up.reason.as_deref(), Some("AWS may still change 2 of 7 days"));
    // A week later AWS calls them final. Only the two are asked for.
    bill(&scene.fakes, HOME, |bill| bill.estimated_from = "2026-11-20".into());
    scene.fakes.forget_log();
    let again = scene.refresh_at("2026-11-24T06:00:00Z", WEEK, 100).await;
    assert_eq!((again.accounts[0].days_due, again.accounts[0].days_read), (2, 2));
    for asked in scene.fakes.log().iter().filter(|asked| asked.service == "ce") {
        assert_eq!(asked.input["TimePeriod"]["Start"], "2026-11-14");
        assert_eq!(asked.input["TimePeriod"]["End"], "2026-11-16");
    }
    assert_eq!(scene.true_up().await.state, BillState::Final);
    // Today and the days to come are not asked for.
    let early = scene.refresh_at("2026-11-17T23:00:00Z", ("2026-11-16", "2026-12-01"), 100).await;
    assert_eq!((early.accounts[0].days_due, early.accounts[0].days_read), (1, 1));
}

#[tokio::test]
async fn pages_are_followed_counted_and_bounded() {
    let scene = Scene::new().await;
    bill(&scene.fakes, HOME, |bill| {
        for day in 9..16 {
            for kind in ["ETL-DPU-Hour", "Crawler-DPU-Hour", "Catalog-Request"] {
                let day = format!("2026-11-{day:02}");
                bill.glue(&day, HOME, &format!("EU-{kind}"), "1", "0.5");
            }
        }
        bill.page = 5;
    });
    // 21 groups are five pages; beside them one request each for services, types and the rest.
    let short = scene.refresh_at(NOW, WEEK, 7).await;
    assert_eq!((short.exit_code(), short.requests, scene.asked()), (4, 7, 7));
    let failure = short.accounts[0].failure.as_ref().unwrap();
    assert_eq!(failure.message, "the 7 requests that may be paid for are used up");
    assert!(scene.days(HOME).await.is_empty());
    let true_up = scene.true_up().await;
    assert_eq!((true_up.state, true_up.bill_usd), (BillState::Unknown, None));
    let reason = true_up.reason.unwrap();
    assert!(reason.contains("not read") && reason.contains("used up"), "{reason}");
    let done = scene.refresh_at(NOW, WEEK, 8).await;
    assert_eq!((done.exit_code(), done.requests), (0, 8));
    assert_eq!(scene.true_up().await.bill_usd.unwrap().to_string(), "10.50");
}

#[tokio::test]
async fn out_of_requests_the_months_that_are_whole_are_kept() {
    let scene = Scene::new().await;
    bill(&scene.fakes, HOME, |bill| {
        bill.glue("2026-10-20", HOME, "EU-ETL-DPU-Hour", "1", "0.44");
    });
    // Two for what there is, two for November; October's second answer is beyond.
    let done = scene.refresh_at(NOW, ("2026-10-01", "2026-11-17"), 5).await;
    assert_eq!((done.exit_code(), done.accounts[0].days_read), (4, 16));
    assert!(scene.days(HOME).await.iter().all(|day| day.day >= date("2026-11-01")));
    let done = scene.refresh_at(NOW, ("2026-10-01", "2026-11-17"), 5).await;
    assert_eq!((done.exit_code(), done.accounts[0].days_read), (0, 31));
}

#[tokio::test]
async fn emr_on_ec2_is_not_in_the_bill() {
    let scene = Scene::new().await;
    bill(&scene.fakes, HOME, |bill| {
        for (usage_type, record_type, amount) in [
            ("EU-EMR-SERVERLESS-vCPUHours", "Usage", "0.52624"),
            ("EU-BoxUsage:m5.xlarge", "Usage", "99"),
            ("EU-EMR-SERVERLESS-vCPUHours", "Credit", "-0.1"),
            ("EU-BoxUsage:m5.xlarge", "Credit", "-9"),
        ] {
            let line = bill.glue("2026-11-10", HOME, usage_type, "10", amount);
            line.service = "Amazon Elastic MapReduce".into();
            line.record_type = record_type.into();
        }
    });
    // Not even where somebody names the service.
    let mut scene = scene;
    scene.settings.services = vec!["AWS Glue".into(), "Amazon Elastic MapReduce".into()];
    let done = scene.refresh().await;
    assert_eq!((done.exit_code(), done.requests), (0, 3));
    assert_eq!(scene.true_up().await.bill_usd.unwrap().to_string(), "0.42624");
}

#[tokio::test]
async fn a_payers_bill_is_that_of_its_accounts() {
    let mut scene = Scene::new().await;
    scene.settings.accounts[0].payer = true;
    bill(&scene.fakes, HOME, |bill| {
        bill.glue("2026-11-10", "444455556666", "EU-ETL-DPU-Hour", "10", "4.4");
        bill.glue("2026-11-10", "777788889999", "EU-ETL-DPU-Hour", "5", "2.2");
    });
    let runs = vec![run("444455556666", "2026-11-10", "a"), run("777788889999", "2026-11-10", "b")];
    scene.store.save_runs(runs, at(NOW)).await.unwrap();
    scene.refresh().await;
    let true_up = scene.true_up().await;
    assert_eq!(true_up.lines.len(), 1);
    let line = &true_up.lines[0];
    assert_eq!((line.kind, line.account.as_deref()), (GapKind::OverEstimate, Some("777788889999")));
    assert_eq!(line.usd.to_string(), "-2.20");
    assert_eq!(true_up.over_estimates.len(), 1);
}

#[tokio::test]
async fn an_account_that_lets_nobody_in_does_not_stop_the_others() {
    let mut scene = Scene::new().await;
    let role_arn = scene.fakes.world().sts.add_role("444455556666", None);
    let other = BillTarget { role_arn: Some(role_arn), ..target("444455556666") };
    scene.settings.accounts.insert(0, other);
    scene.fakes.fault("GetDimensionValues", Some("444455556666"), usize::MAX, Trouble::Denied);
    bill(&scene.fakes, HOME, |bill| {
        bill.glue("2026-11-10", HOME, "EU-ETL-DPU-Hour", "10", "4.4");
    });
    let done = scene.refresh().await;
    assert_eq!(done.exit_code(), 4);
    let failure = done.accounts[0].failure.as_ref().unwrap();
    assert!(failure.message.contains("AccessDenied"), "{failure:?}");
    assert!(failure.hint.contains("ce:GetCostAndUsage"));
    // Denied is final: one request, and none more.
    assert_eq!((done.accounts[0].requests, done.accounts[1].days_read), (1, 7));
    let true_up = scene.true_up().await;
    assert_eq!((true_up.days_read, true_up.bill_usd.unwrap().to_string()), (0, "4.40".into()));
    let reason = true_up.reason.unwrap();
    assert!(reason.contains("account 444455556666: ce GetDimensionValues"), "{reason}");
}

#[tokio::test]
async fn what_cost_explorer_refuses_is_told_for_what_it_is() {
    let scene = Scene::new().await;
    bill(&scene.fakes, HOME, |bill| {
        bill.glue("2026-11-10", HOME, "EU-ETL-DPU-Hour", "10", "4.4");
    });
    let errors = |errors: &[&'static str]| {
        let errors = errors.to_vec();
        bill(&scene.fakes, HOME, |bill| bill.errors = errors);
    };
    // Not switched on, or not ready: nothing is gained by asking again now.
    errors(&["DataUnavailableException"]);
    let done = scene.refresh().await;
    assert_eq!((done.exit_code(), done.requests), (5, 1));
    assert!(done.accounts[0].failure.as_ref().unwrap().message.contains("no data yet"));
    // Throttled for as long as it is tried.
    errors(&["LimitExceededException"; 3]);
    let done = scene.refresh().await;
    assert_eq!((done.exit_code(), done.requests), (5, 3));
    // Throttled twice, and then answered; each attempt is counted.
    errors(&["LimitExceededException"; 2]);
    let done = scene.refresh().await;
    assert_eq!((done.exit_code(), done.requests), (0, 6));
}

#[tokio::test]
async fn an_answer_that_expires_between_its_pages_is_read_from_the_first_one_once_more() {
    let scene = Scene::new().await;
    bill(&scene.fakes, HOME, |bill| {
        bill.glue("2026-11-10", HOME, "EU-ETL-DPU-Hour", "10", "4.4");
    });
    // Both lookups go well; the usage expires.
    for code in ["BillExpirationException", "InvalidNextTokenException", "RequestChangedException"]
    {
        let errors = vec!["", "", code, code];
        bill(&scene.fakes, HOME, |bill| bill.errors = errors);
        let done = scene.refresh().await;
        assert_eq!((done.exit_code(), done.requests), (5, 4));
        assert!(done.accounts[0].failure.as_ref().unwrap().message.contains("out of date"));
    }
    bill(&scene.fakes, HOME, |bill| bill.errors = vec!["", "", "BillExpirationException"]);
    let done = scene.refresh().await;
    assert_eq!((done.exit_code(), done.requests, done.accounts[0].days_read), (0, 5, 7));
}

#[tokio::test]
async fn a_bill_in_another_currency_is_stated_and_not_compared() {
    let scene = Scene::new().await;
    bill(&scene.fakes, HOME, |bill| {
        bill.glue("2026-11-10", HOME, "EU-ETL-DPU-Hour", "10", "4.1").currency = "EUR".into();
    });
    scene.store.save_runs(vec![run(HOME, "2026-11-10", "a")], at(NOW)).await.unwrap();
    assert_eq!(scene.refresh().await.exit_code(), 0);
    let true_up = scene.true_up().await;
    assert_eq!((true_up.bill_usd, true_up.lines.len()), (None, 0));
    assert!(true_up.reason.unwrap().contains("billed in EUR (4.1), which is not compared"));
}

/// An answer of a page that is no answer leaves nothing behind.
#[tokio::test]
async fn garbage_is_no_bill() {
    let scene = Scene::new().await;
    scene.fakes.fault_after("GetCostAndUsage", 0, Trouble::Garbage);
    let done = scene.refresh().await;
    assert_ne!(done.exit_code(), 0);
    assert!(scene.days(HOME).await.is_empty());
    scene.fakes.heal();
    bill(&scene.fakes, HOME, |bill| {
        bill.glue("2026-11-10", HOME, "EU-ETL-DPU-Hour", "10", "10000000000.5");
    });
    let done = scene.refresh().await;
    let failure = done.accounts[0].failure.as_ref().unwrap();
    assert!(failure.message.contains("cannot be read"), "{failure:?}");
    assert_eq!(done.exit_code(), 1);
}
