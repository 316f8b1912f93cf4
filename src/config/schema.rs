//! The configuration as a JSON Schema (draft 2020-12), out of the very types that read it: keys,
//! types, defaults and what is said of them. Editors complete `runledger.toml` by it, and the
//! reference is written from it. What only a check can tell (a pattern that does not compile, a
//! team that has two shares) it does not know.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use serde_json::Value;

use super::Config;

impl Config {
    /// The schema of a configuration.
    #[must_use]
    pub fn schema() -> Schema {
        // Without references, because not every editor shows what is said beside one.
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.inline_subschemas = true;
        });
        settings.with_transform(AsToml).into_generator().into_root_schema_for::<Self>()
    }

    /// The schema as a file has it.
    #[must_use]
    pub fn schema_text() -> String {
        format!("{:#}\n", Self::schema().to_value())
    }
}

/// Takes out what TOML does not have, and the line breaks of the source.
#[derive(Clone)]
struct AsToml;

impl Transform for AsToml {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(object) = schema.as_object_mut() else { return };
        // A key that may be left out is left out: there is no null.
        if let Some(Value::Array(types)) = object.get_mut("type") {
            types.retain(|word| word != "null");
            if let [only] = types.as_slice() {
                let only = only.clone();
                object.insert("type".to_owned(), only);
            }
        }
        for word in ["enum", "anyOf", "oneOf"] {
            if let Some(Value::Array(choices)) = object.get_mut(word) {
                choices.retain(|choice| !choice.is_null() && choice["type"] != "null");
            }
        }
        // What was a choice between something and nothing is just that something.
        let only = match object.get("anyOf") {
            Some(Value::Array(choices)) => match choices.as_slice() {
                [Value::Object(only)] => Some(only.clone()),
                _ => None,
            },
            _ => None,
        };
        if let Some(only) = only {
            object.remove("anyOf");
            for (word, value) in only {
                object.entry(word).or_insert(value);
            }
        }
        let says_nothing = |default: &Value| match default {
            Value::Null => true,
            Value::Array(list) => list.is_empty(),
            Value::Object(keys) => keys.is_empty(),
            _ => false,
        };
        if object.get("default").is_some_and(says_nothing) {
            object.remove("default");
        }
        if let Some(Value::String(text)) = object.get_mut("description") {
            *text = text.split("\n\n").map(one_line).collect::<Vec<_>>().join("\n\n");
        }
    }
}

/// A paragraph without the line breaks that its source has.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A default that is not told is a key of which nobody knows what holds: so whatever may be
    /// left out and is no list or table has one, or is nothing without being set.
    #[test]
    fn what_may_be_left_out_has_a_default_that_is_told() {
        fn untold(schema: &Value, path: &str, found: &mut Vec<String>) {
            let keys = schema["properties"].as_object().into_iter().flatten();
            for (key, value) in keys {
                let path = format!("{path}.{key}");
                let required = schema["required"].as_array();
                let is_required = required.is_some_and(|keys| keys.iter().any(|k| k == key));
                let may_be = |word: &str| {
                    let is = |schema: &Value| {
                        let types = &schema["type"];
                        types == word
                            || types.as_array().is_some_and(|t| t.iter().any(|t| t == word))
                    };
                    let choices = ["anyOf", "oneOf"].map(|word| value[word].as_array());
                    is(value) || choices.into_iter().flatten().flatten().any(is)
                };
                let told = value.get("default").is_some_and(|default| !default.is_null());
                if !is_required && !told && !["null", "array", "object"].into_iter().any(may_be) {
                    found.push(path.clone());
                }
                for inner in [value, &value["items"], &value["additionalProperties"]] {
                    untold(inner, &path, found);
                }
            }
        }
        let inline = |settings: &mut SchemaSettings| settings.inline_subschemas = true;
        let raw = SchemaSettings::draft2020_12().with(inline);
        let raw = raw.into_generator().into_root_schema_for::<Config>().to_value();
        let mut found = Vec::new();
        untold(&raw, "", &mut found);
        // Inside a rule's `[[for]]` holds what the rule has.
        found.retain(|path| !path.contains(".for."));
        assert_eq!(found, Vec::<String>::new());
    }
}
