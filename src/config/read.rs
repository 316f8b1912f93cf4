//! From text to a configuration: the file or variable it stands in, what is laid over it, and
//! errors that name the place.

use std::path::{Path, PathBuf};

use serde::Deserializer;
use toml::{Table, Value};

use super::Config;

/// The file that is read where `--config` names none.
pub const DEFAULT_FILE: &str = "runledger.toml";

/// The environment's variable that may hold the text of a configuration, for where a program has no
/// files: it comes before the default file, and after `--config`.
pub const TEXT_VARIABLE: &str = "RUNLEDGER_CONFIG_TOML";

/// The environment's variable that may hold a second text, laid over whatever configuration there
/// is: so an installation adds to what its infrastructure wrote, and changes keys of it.
pub const MORE_VARIABLE: &str = "RUNLEDGER_CONFIG_MORE_TOML";

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there, or cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The file says something that cannot be.
    #[error("{}: {key}: {reason}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The path of the key.
        key: String,
        /// What is wrong, and what was expected.
        reason: String,
    },
}

impl Config {
    /// Reads a file, with a text laid over it; where none is named, the default one if it is there,
    /// else the defaults.
    ///
    /// # Errors
    /// When the file cannot be read or is no configuration.
    pub fn load(file: Option<&Path>, more: Option<&str>) -> Result<Self, ConfigError> {
        let path = file.unwrap_or(Path::new(DEFAULT_FILE));
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse_with(&text, path, more),
            Err(error) if file.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
                more.map_or(Ok(Self::default()), |more| Self::parse(more, Path::new(MORE_VARIABLE)))
            }
            Err(error) => {
                Err(ConfigError::Read { path: path.to_owned(), reason: error.to_string() })
            }
        }
    }

    /// Reads the text of a configuration; `path` is for messages.
    ///
    /// # Errors
    /// When the text is no configuration.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let source =
            toml::Deserializer::parse(text).map_err(|error| no_toml(path, text, &error))?;
        Self::checked(source, path)
    }

    /// Reads a text with another laid over it: of what both say the other counts, key by key. A
    /// list is one value and replaced as a whole.
    ///
    /// # Errors
    /// When one of them is no TOML, or they are no configuration together.
    pub fn parse_with(text: &str, path: &Path, more: Option<&str>) -> Result<Self, ConfigError> {
        let Some(more) = more else { return Self::parse(text, path) };
        let mut below: Table = text.parse().map_err(|error| no_toml(path, text, &error))?;
        let over = more.parse();
        let over = over.map_err(|error| no_toml(Path::new(MORE_VARIABLE), more, &error))?;
        lay_over(&mut below, over);
        let both = format!("{} with {MORE_VARIABLE}", path.display());
        Self::checked(below, Path::new(&both))
    }

    fn checked<'de, D>(source: D, path: &Path) -> Result<Self, ConfigError>
    where
        D: Deserializer<'de, Error = toml::de::Error>,
    {
        let invalid = |key: String, reason: &str| ConfigError::Invalid {
            path: path.to_owned(),
            key,
            reason: reason.trim_end().to_owned(),
        };
        let mut config: Self = serde_path_to_error::deserialize(source).map_err(|error| {
            let (path, error) = (error.path().to_string(), error.inner());
            // With the line that it is about, unless that may be a secret in the wrong place.
            let shown = !path.starts_with("alerts.channels");
            let reason = if shown { error.to_string() } else { error.message().to_owned() };
            invalid(path, &reason)
        })?;
        // First: names that are checked are those that count.
        config.spell_teams().map_err(|(key, reason)| invalid(key, &reason))?;
        config.check().map_err(|(key, reason)| invalid(key, &reason))?;
        Ok(config)
    }
}

/// Says which line is wrong, but not what stands in it: that may be a secret in the wrong place.
fn no_toml(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let begin = error.span().and_then(|span| text.get(..span.start));
    let line =
        begin.map_or(String::new(), |begin| format!("line {}: ", begin.matches('\n').count() + 1));
    let reason = format!("{line}{}", error.message().trim_end());
    ConfigError::Invalid { path: path.to_owned(), key: "not TOML".to_owned(), reason }
}

/// Gives a table what another says.
fn lay_over(below: &mut Table, over: Table) {
    for (key, value) in over {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(over)) => lay_over(below, over),
            (_, value) => drop(below.insert(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, more: &str) -> Result<Config, String> {
        let read = Config::parse_with(text, Path::new("r.toml"), Some(more));
        read.map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_laid_over_adds_keys_changes_keys_and_leaves_the_rest() {
        let text = "account = '111122223333'\n[reports.weekly]\ntime_zone = 'Asia/Tokyo'\n\
                    recipients = ['a@example.com', 'b@example.com']\n[budgets]\norders = '5'";
        let more = "[reports.weekly]\nrecipients = ['c@example.com']\n\
                    [reports.weekly.teams]\norders = ['d@example.com']\n[budgets]\nrisk = '7'";
        let together = "account = '111122223333'\n[reports.weekly]\ntime_zone = 'Asia/Tokyo'\n\
                        recipients = ['c@example.com']\n[reports.weekly.teams]\n\
                        orders = ['d@example.com']\n[budgets]\norders = '5'\nrisk = '7'";
        let expected = Config::parse(together, Path::new("r.toml")).unwrap();
        assert_eq!(format!("{:?}", read(text, more).unwrap()), format!("{expected:?}"));
        // A comment alone changes nothing.
        let same = Config::parse(text, Path::new("r.toml")).unwrap();
        assert_eq!(format!("{:?}", read(text, "# nothing").unwrap()), format!("{same:?}"));
    }

    #[test]
    fn a_mistake_in_either_text_is_named() {
        let error = read("x = ", "").unwrap_err();
        assert!(error.starts_with("r.toml: not TOML"), "{error}");
        let error = read("", "a = 1\nurl = 'https://secret\n").unwrap_err();
        assert!(error.starts_with("RUNLEDGER_CONFIG_MORE_TOML: not TOML: line 2: "), "{error}");
        assert!(!error.contains("secret"), "{error}");
        let error = read("[store]\nretention_days = 90", "[store]\nretention = 5").unwrap_err();
        let both = "r.toml with RUNLEDGER_CONFIG_MORE_TOML: store.retention: ";
        assert!(error.starts_with(both), "{error}");
        let error = read("", "[budgets]\norders = '1'\nOrders = '2'").unwrap_err();
        assert!(error.contains("name it once"), "{error}");
    }
}
