//! The reference of the configuration and its schema: that they are what the program reads, and say
//! of every key what it means and what holds without it.

use std::fs;
use std::path::Path;

use runledger::config::Config;
use serde_json::{Value, json};

use crate::harness::{Sandbox, beside_tests, python_of, table_readers};

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

fn read(text: &str) -> Config {
    Config::parse(text, Path::new("test.toml")).unwrap()
}

/// What `init` writes, with everything in it that stands there as a comment.
fn everything() -> toml::Table {
    let text = file("src/cli/init.toml");
    let lines = text.lines().map(|line| line.strip_prefix("#: ").unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n").parse().unwrap()
}

#[test]
fn the_documents_are_what_the_program_says() {
    let pages = [
        ("docs/configuration.md", "reference", Config::reference()),
        ("docs/runledger.schema.json", "schema", Config::schema_text()),
    ];
    for (page, command, text) in pages {
        let remake = format!("cargo run -- config {command} >{page}");
        assert!(file(page) == text, "{page} is not what the program says; remake it:\n  {remake}");
        let printed = Sandbox::new().run(&["config", command]);
        assert_eq!((printed.code, printed.stdout == text), (Some(0), true), "{command}");
    }
}

/// What a schema says of a key of a table: its own, or what holds for every name.
fn schema_of<'s>(schema: &'s Value, key: &str) -> Option<&'s Value> {
    let own = schema["properties"].get(key);
    own.or_else(|| schema.get("additionalProperties").filter(|named| named.is_object()))
}

/// The table or tables that a rule of `[chargeback.split]` and the like may be.
fn choice(schema: &Value) -> &Value {
    let choices = schema["anyOf"].as_array();
    let table = choices.and_then(|all| all.iter().find(|choice| choice["type"] == "object"));
    table.unwrap_or(schema)
}

/// Calls `at` with every table that a configuration holds, with its path and schema; complains of
/// keys that the schema does not have.
fn walk(
    table: &mut toml::Table,
    schema: &Value,
    path: &str,
    at: &mut dyn FnMut(&str, &mut toml::Table, &Value),
) {
    at(path, table, schema);
    for (key, value) in table.iter_mut() {
        let path = format!("{path}.{key}");
        let inner = schema_of(schema, key);
        let inner = choice(inner.unwrap_or_else(|| panic!("{path} is not in the schema")));
        match value {
            toml::Value::Table(table) => walk(table, inner, &path, at),
            toml::Value::Array(items) => {
                for table in items.iter_mut().filter_map(toml::Value::as_table_mut) {
                    walk(table, &inner["items"], &path, at);
                }
            }
            _ => {}
        }
    }
}

#[test]
fn every_key_that_init_writes_is_in_the_schema() {
    let mut seen = 0;
    let schema = Config::schema().to_value();
    walk(&mut everything(), &schema, "", &mut |_, table, _| seen += table.len());
    assert!(seen > 150, "{seen} keys");
}

/// A default that is shown is one that changes nothing where it is written down. Where `init.toml`
/// has a section, every key that it leaves out is put in with the default of the schema.
#[test]
fn the_defaults_are_those_that_hold() {
    let schema = Config::schema().to_value();
    let (plain, mut added) = (everything(), 0);
    let mut full = plain.clone();
    walk(&mut full, &schema, "", &mut |path, table, schema| {
        // These are kept as they are written, and read when they are asked.
        if path.starts_with(".alerts.rules") || path == ".chargeback.split" {
            return;
        }
        for (key, value) in schema["properties"].as_object().into_iter().flatten() {
            if let (Some(default), false) = (value.get("default"), table.contains_key(key)) {
                table.insert(key.clone(), toml::Value::try_from(default).unwrap());
                added += 1;
            }
        }
    });
    assert!(added > 5, "{added} defaults");
    // What stands in the file hides what holds without it: so without any of it, too.
    let mut bare: toml::Table = "[mail]\nfrom = 'a@example.com'\n[metrics]\n[reports.weekly]\n\
                                 [schedules.bill]"
        .parse()
        .unwrap();
    let without = read(&bare.to_string());
    for section in ["alerts", "bill", "collect", "ownership", "pricing", "quota_check", "store"] {
        bare.insert(section.to_owned(), toml::Table::new().into());
    }
    walk(&mut bare, &schema, "", &mut |_, table, schema| {
        for (key, value) in schema["properties"].as_object().into_iter().flatten() {
            let default = value.get("default").map(|value| toml::Value::try_from(value).unwrap());
            default.into_iter().for_each(|value| drop(table.insert(key.clone(), value)));
        }
    });
    assert_eq!(format!("{:?}", read(&bare.to_string())), format!("{without:?}"));
    let full = read(&full.to_string());
    assert_eq!(format!("{full:?}"), format!("{:?}", read(&plain.to_string())));
}

#[test]
fn every_key_has_a_meaning() {
    fn keys(schema: &Value, path: &str, found: &mut Vec<(String, String)>) {
        for (key, value) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{key}");
            found.push((path.clone(), value["description"].as_str().unwrap_or("").to_owned()));
            keys(value, &path, found);
            keys(&value["items"], &path, found);
            keys(&value["additionalProperties"], &path, found);
        }
    }
    let mut found = Vec::new();
    keys(&Config::schema().to_value(), "", &mut found);
    assert!(found.len() > 250, "{} keys", found.len());
    for (path, meaning) in found {
        // Nothing of the source: no link to code, no line break of a comment.
        let is_sentence = meaning.ends_with('.') && !meaning.contains("[`") && meaning.len() > 8;
        assert!(is_sentence && !meaning.contains("::"), "{path}: {meaning:?}");
    }
}

/// By another's validator: what the program reads is accepted, and what it refuses for its form is
/// refused.
#[test]
fn a_validator_agrees_with_the_program() {
    let Some(python) = table_readers() else { return };
    let demo = "[mail]\nvia = \"outbox\"\nfrom = \"Runledger <runledger@example.com>\"\n\
                [reports.weekly]\nrecipients = [\"data-leaders@example.com\"]\n\
                [reports.weekly.teams]\norders = [\"orders-owners@example.com\"]\n";
    let good = ["", &file("src/cli/init.toml"), &everything().to_string(), demo].map(str::to_owned);
    let bad = [
        "[store]\nretention = 5",
        "[store]\nlocation = 'sqlite:x'",
        "[mail]\nvia = 'ses'",
        "[mail]\nfrom = 'nobody'",
        "[mail]\nfrom = 'a@example.com'\nvia = 'smtp'",
        "[mail]\nfrom = 'a@example.com'\nmax_megabytes = 41",
        "[reports.weekly]\nrecipient = ['a@example.com']",
        "[reports.weekly]\nrestate_threshold_usd = 'one'",
        "[[collect.targets]]\naccount = '1234'\nregions = ['eu-west-1']",
        "[[collect.targets]]\naccount = '111122223333'\nregions = []",
        "[collect]\nengines = ['emr']",
        "[alerts.rules.run-lost]",
        "[alerts.rules.run-cost]\nlimit = '5'",
        "[alerts.rules.run-cost]\nseverity = 'loud'",
        "[[alerts.rules.run-cost.for]]\nteam = 'a'\nenabled = false",
        "[alerts.rules.run-missing]\ndays = ['monday']",
        "[alerts.channels.ops]\nkind = 'slack'\nurl = 'https://hooks.example.com/x'",
        "[chargeback.split]\ntaxes = 'even'",
        "[chargeback.split]\ntax = 'fair'",
        "[pricing]\nassumed_architecture = 'arm'",
        "[[pricing.discounts]]\npercent = 12.5\nsource = 'x'",
        "[[ownership.rules]]\njob = 'x'",
        "[budgets]\norders = 5",
        "metric = 1",
    ];
    let sandbox = Sandbox::new();
    sandbox.write("schema.json", Config::schema_text());
    let documents: Vec<_> = good.iter().map(String::as_str).chain(bad).collect();
    let tables = documents.iter().map(|text| json!(text.parse::<toml::Table>().unwrap()));
    sandbox.write("documents.json", Value::from_iter(tables).to_string());
    let files = ["schema.json", "documents.json"].map(|name| sandbox.path(name).into_os_string());
    let files = files.each_ref().map(|file| file.as_os_str());
    let verdicts = python_of(&python, &beside_tests("oracle/schema.py"), &files);
    let verdicts: Vec<Option<String>> = serde_json::from_str(&verdicts).unwrap();
    assert_eq!(verdicts.len(), documents.len());
    for (text, verdict) in documents.iter().zip(verdicts) {
        let by_program = Config::parse(text, Path::new("test.toml"));
        let agree = verdict.is_none() == by_program.is_ok();
        let is_good = good.iter().any(|known| known == text);
        assert!(agree && verdict.is_none() == is_good, "{text}: {verdict:?}, {by_program:?}");
    }
}
