//! Usage that no bill holds, and usage that a bill holds under a name that nobody told.

use super::*;

/// A bill is final without what no bill can hold.
#[test]
fn an_engine_that_no_bill_holds_keeps_no_bill_from_being_final() {
    let mut imported = glue_run(ACCOUNT, "2026-11-10", "a", 3600);
    imported.identity.engine = Engine::from("emr-ec2");
    imported.imported_cost = Some("7".parse().unwrap());
    let run = glue_run(ACCOUNT, "2026-11-10", "b", 3600);
    let line = usage(ACCOUNT, "2026-11-10", GLUE, "10", "4.4");
    let true_up = Scene::new(vec![imported, run], vec![line]).true_up();
    assert_eq!((true_up.state, true_up.reason.as_deref()), (BillState::Final, None));
    assert_eq!(told(&true_up), [(GapKind::OtherEngines, "-", "-7.00".into())]);
    assert_eq!((true_up.gap_usd, true_up.over_tolerance), (Some(Usd::ZERO), false));
}

/// Nobody has told what Ray is billed under; on the bill it is found by its name, and stands there
/// once: what agrees is no line, and what was billed beyond is one.
#[test]
fn usage_that_is_billed_under_a_type_nobody_told_is_one_line() {
    let mut run = glue_run(ACCOUNT, "2026-11-10", "ray", 3600);
    (run.max_capacity, run.worker_type, run.worker_count) = (None, Some("Z.2X".into()), Some(5));
    run.identity.region = "us-east-1".into();
    let cost = books().price(&run).price.cost().expect("Ray has a rate").to_string();
    let quantity = |scene: &Scene| scene.compare().rows[0].estimated_quantity.to_string();
    let used = quantity(&Scene::new(vec![run.clone()], Vec::new()));
    let line = usage(ACCOUNT, "2026-11-10", "USE1-Ray-M-DPU-Hour", &used, &cost);
    let same = Scene::new(vec![run.clone()], vec![line.clone()]);
    let comparison = same.compare();
    assert_eq!(told(&comparison.true_up), [], "estimated and billed the same");
    let row = &comparison.rows[0];
    assert_eq!((comparison.rows.len(), &*row.usage_type), (1, "Ray-M-DPU-Hour"));
    assert_eq!(row.bill_usd, Some(row.estimate_usd));
    assert_eq!(row.estimated_quantity, row.billed_quantity);
    // Ten times as much was billed: nine parts are of runs that no source told of.
    let more = BillLine {
        quantity: line.quantity * Decimal::TEN,
        amount: line.amount * Decimal::TEN,
        ..line.clone()
    };
    let told_of = told(&Scene::new(vec![run.clone()], vec![more]).true_up()).len();
    assert_eq!(told_of, 1);
    // By another name it is found by its quantity, and by another quantity too it is not guessed.
    let renamed = BillLine { usage_type: Some("USE1-Anyscale-Hour".into()), ..line.clone() };
    assert_eq!(told(&Scene::new(vec![run.clone()], vec![renamed.clone()]).true_up()), []);
    let unlike = BillLine { quantity: renamed.quantity + Decimal::ONE, ..renamed };
    assert_eq!(told(&Scene::new(vec![run], vec![unlike]).true_up()).len(), 2);
}
