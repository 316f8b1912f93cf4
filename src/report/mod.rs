//! From figures to something a person reads: mail, text, JSON.

mod settings;

pub use settings::ReportSettings;
