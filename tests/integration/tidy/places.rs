//! What belongs in few places: Polars, the AWS SDK, the clock, and binary floats.

use super::source::Source;

/// Only here do frames and their columns exist; everyone else sees plain structs.
const POLARS: [&str; 2] = ["src/analysis/", "src/tables/"];

/// Only here are AWS's types known; what leaves these rooms is ours.
const AWS_SDK: [&str; 4] = ["src/aws/", "src/sources/", "src/store/", "src/delivery/"];

/// Time is an argument. The command line reads the clock once, and a lease, which decides between
/// two machines that are both at work now, must not believe `--now`.
const CLOCKS: [&str; 2] = ["src/cli/", "src/store/lease.rs"];

/// Here money is computed.
const MONEY: [&str; 4] =
    ["src/pricing/", "src/chargeback/", "src/model/money.rs", "src/model/priced.rs"];

/// The one function that may turn money into a float: a ratio, which is shown and never booked.
const RATIO: &str = "fn share_of(";

/// Polars outside its rooms.
pub(crate) fn polars_elsewhere(source: &Source) -> Vec<String> {
    elsewhere(source, &POLARS, &["polars"])
}

/// The AWS SDK outside its rooms.
pub(crate) fn aws_sdk_elsewhere(source: &Source) -> Vec<String> {
    elsewhere(source, &AWS_SDK, &["aws_sdk_", "aws_smithy_"])
}

/// The real clock where time is an argument.
pub(crate) fn clocks_elsewhere(source: &Source) -> Vec<String> {
    elsewhere(source, &CLOCKS, &["Timestamp::now", "SystemTime::now", "Zoned::now"])
}

fn elsewhere(source: &Source, allowed: &[&str], words: &[&str]) -> Vec<String> {
    if allowed.iter().any(|place| source.path.starts_with(place)) {
        return Vec::new();
    }
    let found = words.iter().flat_map(|word| source.code.match_indices(word));
    found.map(|(at, word)| format!("{}: `{word}` belongs in {allowed:?}", source.at(at))).collect()
}

/// Binary floats where money is computed.
pub(crate) fn floats_near_money(source: &Source) -> Vec<String> {
    if !MONEY.iter().any(|place| source.path.starts_with(place)) {
        return Vec::new();
    }
    let code = &source.code;
    let ratio = code.find(RATIO).map(|start| {
        let length = code[start..].find("\n    }\n").unwrap_or(0);
        start..start + length
    });
    let found = ["f64", "f32"].into_iter().flat_map(|word| code.match_indices(word));
    found
        .filter(|(at, _)| !ratio.as_ref().is_some_and(|ratio| ratio.contains(at)))
        .map(|(at, word)| format!("{}: `{word}` where money is computed", source.at(at)))
        .collect()
}

#[test]
fn a_part_out_of_its_place_is_noticed() {
    let polars = "use polars::prelude::*;";
    assert_eq!(polars_elsewhere(&Source::new("src/report/view.rs", polars)).len(), 1);
    assert!(polars_elsewhere(&Source::new("src/analysis/frame.rs", polars)).is_empty());
    let client = "fn f(client: &aws_sdk_glue::Client) {} // aws_sdk_glue";
    assert_eq!(aws_sdk_elsewhere(&Source::new("src/app.rs", client)).len(), 1);
    assert!(aws_sdk_elsewhere(&Source::new("src/sources/glue.rs", client)).is_empty());
}

#[test]
fn a_clock_out_of_its_place_is_noticed() {
    let clock = "let now = jiff::Timestamp::now();";
    assert_eq!(clocks_elsewhere(&Source::new("src/tasks/report.rs", clock)).len(), 1);
    assert!(clocks_elsewhere(&Source::new("src/cli/mod.rs", clock)).is_empty());
}

#[test]
fn a_float_near_money_is_noticed() {
    let money = "impl Usd {\n    fn share_of(self) -> f64 {\n        1 as f64\n    }\n    X\n}\n";
    let floats = |text: &str| floats_near_money(&Source::new("src/model/money.rs", text));
    assert!(floats(money).is_empty());
    assert_eq!(floats(&money.replace('X', "fn f() -> f64 { 0.0 }")).len(), 1);
    assert!(floats_near_money(&Source::new("src/analysis/x.rs", "f64")).is_empty());
    assert_eq!(floats_near_money(&Source::new("src/pricing/glue.rs", "x as f32")).len(), 1);
}
