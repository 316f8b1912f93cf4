//! The command itself, in a process of its own: the SDK's environment, exit codes, kill -9.

use std::process::{Command, Stdio};

use super::*;
use crate::harness::Sandbox;

/// An empty folder from which the fakes are reached as AWS.
fn sandbox(fakes: &Fakes) -> Sandbox {
    fakes
        .environment()
        .into_iter()
        .fold(Sandbox::new(), |sandbox, (name, value)| sandbox.with(name, &value))
}

fn company(fakes: &Fakes) {
    fakes.home(|place| {
        place.glue.add_job("a-many", "glueetl", &[("team", "orders")]);
        for n in 0..300_u32 {
            let run = ended(&format!("jr_{n}"), 1.0 + f64::from(n) / 10.0);
            place.glue.put_run("a-many", run);
        }
        place.glue.add_job("b-one", "pythonshell", &[]);
        place.glue.put_run("b-one", ended("jr_b", 5.0));
        place.emr.add_application("app1", "etl", &[]);
        let done = attempt("x", "SUCCESS", hours_ago(4.0), Some(hours_ago(3.0)));
        place.emr.put_run("app1", "run1", vec![done]);
    });
}

const COLLECT: [&str; 3] = ["--now", NOW, "collect"];
const REPORT: [&str; 6] = ["--now", NOW, "report", "--last-week", "--format", "json"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_service_is_found_at_its_own_endpoint() {
    let fakes = Fakes::start().await;
    company(&fakes);
    let services = ["GLUE", "EMR_SERVERLESS", "SERVICE_QUOTAS", "STS"];
    let mut sandbox = Sandbox::new();
    for (name, value) in fakes.environment() {
        if name != "AWS_ENDPOINT_URL" {
            sandbox = sandbox.with(name, &value);
        }
    }
    for service in services {
        sandbox = sandbox.with(&format!("AWS_ENDPOINT_URL_{service}"), &fakes.url());
    }
    let done = sandbox.run(&COLLECT).exits(0);
    assert!(done.stderr.contains("glue in 111122223333 eu-west-1: 301 new"), "{}", done.stderr);
    assert!(done.stderr.contains("emr-serverless in 111122223333 eu-west-1: 1 new"));
    assert_eq!(done.stdout, "");
    let report = sandbox.run(&REPORT).exits(0).json();
    assert_eq!(report["completeness"]["collected_through"], NOW);
    assert_only_read(&fakes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_the_next_start_reports_the_same() {
    let calm = Fakes::start().await;
    company(&calm);
    let undisturbed = sandbox(&calm);
    undisturbed.run(&COLLECT).exits(0);
    let expected = undisturbed.run(&REPORT).exits(0).stdout;

    let fakes = Fakes::start().await;
    company(&fakes);
    let sandbox = sandbox(&fakes);
    for spared in 0..3 {
        fakes.fault_after("GetJobRuns", spared, Trouble::Silent);
        let asked = fakes.count("GetJobRuns") + spared + 1;
        let mut command = Command::new(env!("CARGO_BIN_EXE_runledger"));
        command.args(COLLECT).current_dir(sandbox.path("")).env_clear();
        command.envs(fakes.environment()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        while fakes.count("GetJobRuns") < asked {
            assert_eq!(child.try_wait().unwrap(), None, "it ended by itself");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // SIGKILL: nothing is tidied up.
        child.kill().unwrap();
        child.wait().unwrap();
        fakes.heal();
    }
    sandbox.run(&COLLECT).exits(0);
    assert_eq!(sandbox.run(&REPORT).exits(0).stdout, expected);
}

#[test]
fn no_credentials_and_no_region_are_said_with_what_to_do() {
    let nowhere = Sandbox::new().run(&COLLECT).exits(2);
    assert!(nowhere.stderr.contains("hint: set AWS_REGION"), "{}", nowhere.stderr);
    let nobody = Sandbox::new().with("AWS_REGION", REGION).run(&COLLECT).exits(5);
    assert!(nobody.stderr.contains("hint: set AWS_PROFILE"), "{}", nobody.stderr);
    let beyond = Sandbox::new().run(&["collect", "--since", "soon"]).exits(2);
    assert!(beyond.stderr.contains("--since"), "{}", beyond.stderr);
}

/// What is reported while one region is down, and after. One engine, since each is asked for long
/// before it is given up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_region_that_is_down_is_named_by_the_report_until_it_is_back() {
    let fakes = Fakes::start().await;
    for region in ["eu-west-1", "us-east-1"] {
        fakes.place(HOME, region, |place| {
            place.glue.add_job("load", "glueetl", &[("team", "orders")]);
            place.glue.put_run("load", ended(&format!("jr_{region}"), 30.0));
        });
    }
    let sandbox = sandbox(&fakes);
    let config = format!(
        "[mail]\nfrom = 'runledger@example.com'\n[reports.weekly]\nrecipients = \
         ['ada@example.com']\n[collect]\nengines = ['glue']\n[[collect.targets]]\n\
         account = '{HOME}'\nregions = ['eu-west-1', 'us-east-1']\n"
    );
    sandbox.write("runledger.toml", config);
    fakes.world().broken.push("us-east-1");
    let partly = sandbox.run(&COLLECT).exits(4);
    let said = format!("glue in {HOME} us-east-1: ");
    assert!(partly.stderr.contains(&said), "{}", partly.stderr);
    assert!(partly.stderr.contains("us-east-1: not asked for, as nothing answers there"));
    let report = sandbox.run(&REPORT).exits(0).json();
    let completeness = &report["completeness"];
    let missing = completeness["not_collected"].as_array().unwrap();
    let [place] = &missing[..] else { panic!("{missing:?}") };
    assert_eq!((&place["engine"], &place["region"]), (&"glue".into(), &"us-east-1".into()));
    assert_eq!(completeness["runs"], 1, "{completeness}");
    let mail = |revision: &str| {
        let files = std::fs::read_dir(sandbox.path("outbox")).unwrap().map(|file| file.unwrap());
        let is_it = |path: &std::path::PathBuf| {
            path.extension().is_some_and(|end| end == "html")
                && path.to_string_lossy().contains(revision)
        };
        let page = files.map(|file| file.path()).find(is_it).unwrap();
        std::fs::read_to_string(page).unwrap()
    };
    sandbox.run(&["--now", NOW, "report", "--last-week", "--send"]).exits(0);
    let said = mail("r0");
    let place = format!("Glue in account {HOME}, us-east-1: never read");
    assert!(said.contains(&place), "{said}");

    fakes.world().broken.clear();
    sandbox.run(&COLLECT).exits(0);
    let report = sandbox.run(&REPORT).exits(0).json();
    let completeness = &report["completeness"];
    assert_eq!(completeness["not_collected"], json!([]), "{completeness}");
    assert_eq!((&completeness["runs"], &report["totals"]["runs"]), (&2.into(), &2.into()));
    sandbox.run(&["--now", NOW, "report", "--last-week", "--send", "--restate"]).exits(0);
    let said = mail("r1");
    assert!(!said.contains(&place), "{said}");
}
