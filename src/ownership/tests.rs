//! Who pays: which source comes first, on which day, in which spelling.

use proptest::prelude::*;

use super::*;
use crate::model::{Definition, Engine, RunIdentity, RunState, merge};

fn run() -> JobRun {
    let identity = RunIdentity {
        account: "111122223333".into(),
        region: "eu-west-1".into(),
        engine: Engine::Glue,
        application_id: None,
        run_id: "jr_1".into(),
        attempt: 1,
    };
    let mut run = JobRun::new(identity, RunState::Succeeded);
    run.ended_at = Some("2026-11-10T06:00:00Z".parse().unwrap());
    run
}

fn tags(pairs: &[(&str, &str)]) -> Option<BTreeMap<String, String>> {
    Some(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
}

fn defined(run: &mut JobRun, pairs: &[(&str, &str)]) {
    run.define(Definition { tags: tags(pairs), ..Default::default() });
}

fn ownership(text: &str) -> Ownership {
    Ownership::new(&toml::from_str(text).unwrap()).unwrap()
}

#[test]
fn run_then_job_then_rule_then_nobody() {
    let owners = ownership(
        "aliases = { 'Data Eng' = 'data-engineering' }\n\
         [[rules]]\njob = '^claims-'\nteam = 'old'\nto = '2026-11-10'\n\
         [[rules]]\njob = '^claims-'\nteam = 'claims'\n",
    );
    let mut run = run();
    assert_eq!(owners.team(&run, "orders"), UNALLOCATED);
    assert_eq!(owners.owner(&run, "orders").because, Because::Nobody);
    assert_eq!(owners.team(&run, "claims-load"), "claims");
    assert_eq!(owners.owner(&run, "claims-load").because, Because::Rule(1));
    defined(&mut run, &[("Owner_Team", "data_eng")]);
    let owner = owners.owner(&run, "claims-load");
    let (key, value) = ("Owner_Team".to_owned(), "data_eng".to_owned());
    assert_eq!(owner.team, "data-engineering");
    assert_eq!(owner.because, Because::DefinitionTag { key, value });
    run.tags = tags(&[("TEAM", " orders ")]);
    let owner = owners.owner(&run, "claims-load");
    let (key, value) = ("TEAM".to_owned(), " orders ".to_owned());
    assert_eq!((owner.team.as_str(), owner.because), ("orders", Because::RunTag { key, value }));
    run.tags = tags(&[("team", "  ")]);
    assert_eq!(owners.team(&run, "claims-load"), "data-engineering");
}

/// The list's order decides, not the tags': `team` comes before `owner`.
#[test]
fn the_first_of_the_tags_that_are_looked_for_wins() {
    let owners = ownership("");
    let mut run = run();
    run.tags = tags(&[("Owner", "ada"), ("owner-team", "search"), ("team", "orders")]);
    assert_eq!(owners.team(&run, "x"), "orders");
    run.tags.as_mut().unwrap().remove("team");
    assert_eq!(owners.team(&run, "x"), "search");
}

#[test]
fn rules_are_in_force_from_a_day_until_before_another() {
    let owners = ownership(
        "[[rules]]\nteam = 'a'\nto = '2026-11-01'\n\
         [[rules]]\nteam = 'b'\nfrom = '2026-11-01'\nto = '2026-11-10'\n\
         [[rules]]\nteam = 'c'\nfrom = '2026-11-10'\naccount = '111122223333'\n",
    );
    let on = |at: &str| {
        let mut run = run();
        run.ended_at = Some(at.parse().unwrap());
        owners.team(&run, "load")
    };
    assert_eq!(on("2026-10-31T23:59:59Z"), "a");
    assert_eq!(on("2026-11-01T00:00:00Z"), "b");
    assert_eq!(on("2026-11-09T23:59:59Z"), "b");
    assert_eq!(on("2026-11-10T00:00:00Z"), "c");
    let mut elsewhere = run();
    elsewhere.identity.account = "444455556666".into();
    assert_eq!(owners.team(&elsewhere, "load"), UNALLOCATED);
    // A run of which no time is known is none that a dated rule could speak of.
    let mut timeless = run();
    timeless.ended_at = None;
    assert_eq!(owners.team(&timeless, "load"), UNALLOCATED);
}

#[test]
fn cost_center_and_environment_say_where_they_come_from() {
    let owners = ownership(
        "cost_centers = { Orders = 'CC-100' }\ncost_center_aliases = { 'old 9' = 'CC-9' }\n\
         environment_aliases = { blue = 'production' }\n\
         [[rules]]\njob = '-dev$'\nteam = 'claims'\ncost_center = 'Claims IT'\n\
         environment = 'development'\n",
    );
    let of = |pairs: &[(&str, &str)], job: &str| {
        let mut run = run();
        run.tags = tags(pairs);
        let all = owners.attributions(&run, job);
        let shown = |one: Option<Attribution>| one.map(|one| (one.value, one.because));
        (shown(all.cost_center), shown(all.environment))
    };
    let value = |of: Option<(String, Because)>| of.map(|(value, _)| value);
    // The team's own, where no tag says another one.
    let (cost_center, environment) = of(&[("team", "orders")], "load");
    assert_eq!((cost_center, environment), (Some(("CC-100".into(), Because::OfTeam)), None));
    let (cost_center, _) = of(&[("team", "orders"), ("Cost_Center", "cc 204")], "load");
    assert_eq!(value(cost_center).unwrap(), "CC-204");
    assert_eq!(value(of(&[("costcentre", "OLD_9")], "load").0).unwrap(), "CC-9");
    // A rule's cost centre is its team's alone, its environment every job's that it fits.
    let (cost_center, environment) = of(&[("team", "orders")], "load-dev");
    assert_eq!(cost_center, Some(("CC-100".into(), Because::OfTeam)));
    assert_eq!(environment, Some(("development".into(), Because::Rule(0))));
    let (cost_center, _) = of(&[], "load-dev");
    assert_eq!(cost_center, Some(("Claims IT".into(), Because::Rule(0))));
    // How the configuration writes it is how it is shown.
    assert_eq!(value(of(&[("cost-center", "claims_it")], "x").0).unwrap(), "Claims IT");
    for (tag, environment) in
        [("Prod", "production"), ("BLUE", "production"), ("dev", "development"), ("qa 2", "qa-2")]
    {
        assert_eq!(value(of(&[("env", tag)], "x").1).unwrap(), environment);
    }
}

#[test]
fn a_teams_name_is_written_as_the_configuration_writes_it() {
    let owners = ownership("[[rules]]\njob = 'x'\nteam = 'Data Platform'\n");
    let mut tagged = run();
    tagged.tags = tags(&[("team", "DATA_platform")]);
    assert_eq!(owners.team(&tagged, "y"), "Data Platform");
    assert_eq!(owners.team(&run(), "x"), "Data Platform");
}

/// Team, cost centre and environment are those of the run's end, from whichever source.
#[test]
fn rules_aliases_and_tags_of_any_spelling_make_one_team() {
    let owners = ownership(
        "[aliases]\ncommerce = 'orders'\nshop = 'Commerce'\na = 'b'\nb = 'a'\n\
         [cost_centers]\nORDERS = 'cc-9'\n[cost_center_aliases]\n'cc-9' = 'CC-10'\n\
         [[rules]]\njob = '^x-'\nteam = 'Orders'\nenvironment = 'PROD'\n\
         [[rules]]\njob = '^y-'\nteam = 'Commerce'\ncost_center = 'cc-9'\n\
         [[rules]]\njob = '^z-'\nteam = 'unallocated'\n",
    );
    let mut run = run();
    for (tag, job) in [
        (None, "x-load"),
        (None, "y-load"),
        (Some("orders"), "load"),
        (Some("COMMERCE"), "x-load"),
        (Some("Shop"), "load"),
    ] {
        run.tags = tag.and_then(|tag| tags(&[("team", tag)]));
        let owner = owners.owner(&run, job);
        assert_eq!(owner.team, "Orders", "{tag:?} {job}");
        assert_eq!(owner.cost_center.as_deref(), Some("CC-10"), "{tag:?} {job}");
    }
    for name in ["orders", "ORDERS", "commerce", "shop"] {
        assert_eq!(owners.team_named(name), "Orders", "{name}");
    }
    assert_eq!(owners.cost_center_of("Orders"), Some("CC-10"));
    assert_eq!(owners.owner(&run, "x-load").environment.as_deref(), Some("production"));
    // A circle ends, and whoever says that nobody pays means the one line for that.
    assert_eq!(owners.team_named("a"), owners.team_named(&owners.team_named("a")));
    run.tags = None;
    assert_eq!(owners.team(&run, "z-load"), UNALLOCATED);
    run.tags = tags(&[("team", "UnAllocated")]);
    assert_eq!(owners.team(&run, "load"), UNALLOCATED);
    assert_eq!(owners.team_named("unallocated"), UNALLOCATED);
}

#[test]
fn retagging_after_the_end_changes_nothing() {
    let owners = ownership("");
    let observed = |second, own: &str, of_job: &str| {
        let mut run = run();
        let at = Timestamp::from_second(second).unwrap();
        run.updated_at = run.ended_at;
        run.tags = tags(&[("team", own), ("env", own)]);
        run.observe_tags(at);
        let tags = tags(&[("cost-center", of_job)]);
        run.define(Definition { observed_at: at, tags, ..Default::default() });
        run
    };
    let at_end = observed(1_794_290_400, "then", "CC-1");
    let later = observed(1_794_376_800, "a-later-team", "CC-0");
    for merged in [merge(&at_end, &later), merge(&later, &at_end)] {
        assert_eq!(owners.owner(&merged, "load"), owners.owner(&at_end, "load"));
    }
    assert_ne!(owners.owner(&later, "load"), owners.owner(&at_end, "load"));
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_place() {
    let refused = |text: &str| {
        let settings: OwnershipSettings = toml::from_str(text).unwrap();
        Ownership::new(&settings).unwrap_err().to_string()
    };
    let bad = refused("[[rules]]\nteam = 'a'\n[[rules]]\njob = '('\nteam = 'b'\n");
    assert!(bad.starts_with("ownership.rules[1].job: `(` is not"), "{bad}");
    let never = "[[rules]]\nteam = 'a'\nfrom = '2026-11-02'\nto = '2026-11-02'\n";
    assert!(refused(never).contains("never in force"));
    assert!(refused("[[rules]]\nteam = ' '\n").contains("needs a name"));
}

proptest! {
    /// Whatever a tag says: there is one team with a name, and its spelling is its own spelling.
    #[test]
    fn any_tag_makes_one_team(value in "\\PC{0,40}", odd in "[\\x00-\\x1f<>&\"'= ]{0,8}") {
        let owners = ownership("");
        let team = |value: &str| {
            let mut run = run();
            run.tags = tags(&[("team", value)]);
            owners.team(&run, "job")
        };
        let first = team(&format!("{odd}{value}"));
        prop_assert!(!first.is_empty());
        if first != UNALLOCATED {
            prop_assert_eq!(&first, &first.to_lowercase());
        }
        prop_assert_eq!(team(&first.replace('-', "_")), team(&first));
        prop_assert_eq!(team(&first), first);
    }
}
