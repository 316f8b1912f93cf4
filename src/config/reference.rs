//! The reference of the configuration, in Markdown: every section and key with its type, default
//! and meaning. It is written from the schema, and so says what the program does.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::Config;

/// The section whose tables share some of their keys, which are told once.
const RULES: &str = "alerts.rules";

/// What stands where a user's own name goes.
const NAME: &str = "NAME";

impl Config {
    /// The reference, in Markdown.
    #[must_use]
    pub fn reference() -> String {
        let schema = Self::schema().to_value();
        let mut text = String::from(
            "# Configuration\n\n\
             Every section and key of `runledger.toml`, written from the program by\n\
             `runledger config reference`. A key without a default may be left out, unless it is\n\
             required. `runledger init` writes the commented file to start from;\n\
             `runledger config schema` prints the same as a JSON Schema, by which editors complete\n\
             and check the file: put it beside the configuration, and name it in its first line:\n\n\
             ```toml\n#:schema ./runledger.schema.json\n```\n",
        );
        section(&mut text, "", "## At the top of the file", &schema);
        text
    }
}

/// A section with its keys, and after it the sections inside it.
fn section(text: &mut String, path: &str, heading: &str, schema: &Value) {
    let keys = keys_of(schema);
    let (inside, own): (Vec<_>, Vec<_>) =
        keys.into_iter().partition(|(_, schema)| Shape::of(schema) != Shape::Value);
    if !own.is_empty() || !said(schema).is_empty() {
        let _ = write!(text, "\n{heading}\n");
        if !said(schema).is_empty() && !path.is_empty() {
            let _ = write!(text, "\n{}\n", said(schema));
        }
        match own.as_slice() {
            [(NAME, value)] => {
                let _ = write!(text, "\nWritten `{NAME} = ...`: {}.\n", kind(value));
            }
            own => {
                let rows: Vec<_> = own.iter().map(|(key, value)| row(key, value, schema)).collect();
                table(text, &rows);
            }
        }
    }
    for (key, schema) in inside {
        let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        if path == RULES {
            rules(text, schema);
            continue;
        }
        match Shape::of(schema) {
            Shape::Tables => {
                let mut items = schema["items"].clone();
                items["description"] = said(schema).into();
                section(text, &path, &format!("## `[[{path}]]`"), &items);
            }
            Shape::Named => {
                let mut named = schema["additionalProperties"].clone();
                named["description"] = said(schema).into();
                let path = format!("{path}.{NAME}");
                section(text, &path, &format!("## `[{path}]`"), &named);
            }
            _ => section(text, &path, &format!("## `[{path}]`"), schema),
        }
    }
}

/// All rules of alerts in one table, with what they share told once.
fn rules(text: &mut String, schema: &Value) {
    let rules = keys_of(schema);
    let shared = |key: &str, schema: &Value| {
        rules.iter().all(|(_, rule)| rule["properties"].get(key) == Some(schema))
    };
    let Some((_, first)) = rules.first() else { return };
    let keys = keys_of(first);
    let common = keys.iter().filter(|(key, schema)| shared(key, schema));
    let _ = write!(text, "\n## `[{RULES}.CODE]`\n\n{}\n", said(schema));
    table(text, &common.map(|(key, value)| row(key, value, first)).collect::<Vec<_>>());
    let others = &first["properties"]["for"];
    let _ = write!(text, "\n## `[[{RULES}.CODE.for]]`\n\n{}\n", said(others));
    let whom = keys_of(&others["items"]).into_iter();
    let whom = whom.filter(|(key, _)| {
        rules.iter().all(|(_, rule)| {
            let others = &rule["properties"]["for"]["items"]["properties"];
            others.get(*key).is_some()
        })
    });
    table(text, &whom.map(|(key, value)| row(key, value, &others["items"])).collect::<Vec<_>>());
    let _ = write!(text, "\n## The rules and their limits\n");
    let mut rows = Vec::new();
    for (code, rule) in &rules {
        rows.push([format!("**{code}**"), String::new(), String::new(), said(rule).to_owned()]);
        let limits = keys_of(rule).into_iter();
        let limits = limits.filter(|(key, schema)| *key != "for" && !shared(key, schema));
        rows.extend(limits.map(|(key, value)| row(key, value, rule)));
    }
    table(text, &rows);
}

fn table(text: &mut String, rows: &[[String; 4]]) {
    if rows.is_empty() {
        return;
    }
    text.push_str("\n| key | type | default | meaning |\n|---|---|---|---|\n");
    for row in rows {
        let cells = row.each_ref().map(|cell| cell.replace('|', "\\|").replace('\n', " "));
        let _ = writeln!(text, "| {} |", cells.join(" | ").trim_end());
    }
}

fn row(key: &str, value: &Value, section: &Value) -> [String; 4] {
    let is_required =
        section["required"].as_array().is_some_and(|keys| keys.iter().any(|k| k == key));
    let default = match value.get("default") {
        Some(default) => format!("`{}`", in_toml(default)),
        None if is_required => "required".to_owned(),
        None => String::new(),
    };
    [format!("`{key}`"), kind(value), default, meaning(value)]
}

/// What a key means, and each word that it may be.
fn meaning(value: &Value) -> String {
    let mut text = said(value).to_owned();
    let choices = value.get("oneOf").or_else(|| value["items"].get("oneOf"));
    for choice in choices.and_then(Value::as_array).into_iter().flatten() {
        if let (Some(word), true) = (choice["const"].as_str(), !said(choice).is_empty()) {
            let _ = write!(text, " `{word}`: {}", said(choice));
        }
    }
    text
}

/// What a value is, in words: `list of mail address`.
fn kind(value: &Value) -> String {
    let words = |list: &Value| {
        let words = list.as_array().into_iter().flatten();
        words.filter_map(Value::as_str).map(|word| format!("`{word}`")).collect::<Vec<_>>()
    };
    let choices = value["oneOf"].as_array().into_iter().flatten();
    let choices: Vec<_> =
        choices.filter_map(|choice| choice["const"].as_str()).map(|w| format!("`{w}`")).collect();
    if !choices.is_empty() {
        return either(&choices);
    }
    let choices = words(&value["enum"]);
    if !choices.is_empty() {
        return either(&choices);
    }
    if let Some(title) = value["title"].as_str() {
        let has_default = value.get("default").is_some();
        let example = value["examples"].get(0).and_then(Value::as_str).filter(|_| !has_default);
        let example = example.map(|text| format!(", as `\"{text}\"`")).unwrap_or_default();
        return format!("{title}{example}");
    }
    match &value["type"] {
        Value::String(word) => match word.as_str() {
            "string" => "text".to_owned(),
            "integer" => format!("whole number{}", range(value)),
            "boolean" => "`true` or `false`".to_owned(),
            "array" => format!("list of {}", kind(&value["items"])),
            "object" => format!("table of {}", kind(&value["additionalProperties"])),
            word => word.to_owned(),
        },
        Value::Array(types) => {
            let each = types.iter().map(|word| kind(&serde_json::json!({ "type": word })));
            each.collect::<Vec<_>>().join(" or ")
        }
        _ => "anything".to_owned(),
    }
}

/// `a, b or c`.
fn either(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// The range of a whole number, where it is narrower than that of its type.
fn range(value: &Value) -> String {
    match (value["minimum"].as_u64(), value["maximum"].as_u64()) {
        (Some(least), Some(most)) if most < 255 => format!(", {least} to {most}"),
        (Some(least), _) if least > 0 => format!(", at least {least}"),
        _ => String::new(),
    }
}

/// A default as it stands in a file.
fn in_toml(value: &Value) -> String {
    toml::Value::try_from(value).map_or_else(|_| value.to_string(), |value| value.to_string())
}

fn said(schema: &Value) -> &str {
    schema["description"].as_str().unwrap_or_default().trim()
}

/// The keys of a table: its own, or the one that stands for all names.
fn keys_of(schema: &Value) -> Vec<(&str, &Value)> {
    let own = schema["properties"].as_object().into_iter().flat_map(Map::iter);
    let mut keys: Vec<_> = own.map(|(key, schema)| (key.as_str(), schema)).collect();
    let named = &schema["additionalProperties"];
    if named.is_object() && Shape::of(schema) == Shape::Table {
        keys.push((NAME, named));
    }
    keys
}

/// How a value stands in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// Beside its key.
    Value,
    /// As a section.
    Table,
    /// As a section for each name.
    Named,
    /// As sections in double brackets.
    Tables,
}

impl Shape {
    fn of(schema: &Value) -> Self {
        let has_keys = |schema: &Value| schema["properties"].is_object();
        let named = &schema["additionalProperties"];
        if has_keys(&schema["items"]) {
            Self::Tables
        } else if has_keys(named) {
            Self::Named
        } else if has_keys(schema) || named.is_object() {
            Self::Table
        } else {
            Self::Value
        }
    }
}
