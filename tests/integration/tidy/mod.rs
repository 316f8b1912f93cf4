//! Keeps the house: the rules of its layout that neither the compiler nor clippy knows.
//!
//! Every check takes files as values and returns what is wrong with them, so that it can be shown
//! to notice (the tests beside it) before it is trusted to find nothing (the tests here).

mod floors;
mod places;
mod shape;
mod source;

use source::Source;

#[test]
fn rooms_import_from_lower_floors_only() {
    nothing_in(&floors::upward_imports(&Source::of_folder("src")));
}

#[test]
fn every_file_is_a_module_of_the_tree() {
    nothing_in(&shape::undeclared(&Source::of_folder("src"), &["src/lib.rs", "src/main.rs"]));
    let roots = [
        "tests/integration/main.rs",
        "tests/bench/alerts.rs",
        "tests/bench/export.rs",
        "tests/bench/pricing.rs",
        "tests/bench/quota.rs",
        "tests/bench/week.rs",
    ];
    nothing_in(&shape::undeclared(&Source::of_folder("tests"), &roots));
}

#[test]
fn files_have_their_measure_and_say_what_they_are_for() {
    let mut everything = Source::of_folder("src");
    everything.extend(Source::of_folder("tests"));
    for check in
        [shape::too_long, shape::too_wide, shape::long_functions, shape::without_module_doc]
    {
        nothing_in(&everything.iter().flat_map(check).collect::<Vec<_>>());
    }
}

#[test]
fn what_belongs_in_few_places_is_in_no_other() {
    let sources = Source::of_folder("src");
    for check in [
        places::polars_elsewhere,
        places::aws_sdk_elsewhere,
        places::clocks_elsewhere,
        places::floats_near_money,
    ] {
        nothing_in(&sources.iter().flat_map(check).collect::<Vec<_>>());
    }
}

#[track_caller]
fn nothing_in(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
