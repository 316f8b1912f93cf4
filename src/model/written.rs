//! How values are written in the configuration, as JSON Schema: what editors and the reference of
//! the configuration say of a key beyond its type in TOML. What reads the values stands with their
//! owners, and is stricter.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// A way to write a text, without a type of its own in the program.
macro_rules! written {
    ($($(#[$meta:meta])* $name:ident = $schema:tt;)*) => {$(
        $(#[$meta])*
        #[derive(Debug)]
        pub enum $name {}

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )*};
}

written! {
    /// An AWS account: in quotes, because a number would lose its leading zeros.
    AccountId = { "type": "string", "title": "twelve digits", "pattern": "^[0-9]{12}$" };
    /// A UTC day.
    DayText = { "type": "string", "title": "day", "format": "date", "examples": ["2026-01-01"] };
    /// A time of day.
    ClockText = { "type": "string", "title": "time of day", "examples": ["18:00"] };
    /// A time zone's IANA name.
    ZoneText = { "type": "string", "title": "time zone", "examples": ["Europe/Berlin"] };
    /// A span of time.
    SpanText = { "type": "string", "title": "span of time", "examples": ["90s", "15m", "6h"] };
    /// A regular expression, in the syntax of Rust's `regex`.
    PatternText = { "type": "string", "title": "regular expression" };
    /// A percentage.
    PercentText = { "type": "string", "title": "percent", "examples": ["12.5"] };
    /// A folder or file, from where the program is started.
    PathText = { "type": "string", "title": "path" };
}

/// The schema of a type that is written as a text.
macro_rules! text_schema {
    ($type:ty, $schema:tt) => {
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                std::borrow::Cow::Borrowed(stringify!($type))
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($schema)
            }
        }
    };
}
pub(crate) use text_schema;
