//! `init`: a configuration that works as it stands, and the table.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;

use clap::Args;

use super::log::say;
use super::{Exit, Failure, World};
use crate::app::App;
use crate::config::{Config, DEFAULT_FILE};
use crate::store::{Created, StoreLocation};

/// The configuration that `init` writes. A test reads it.
const TEMPLATE: &str = include_str!("init.toml");

#[derive(Debug, Args)]
pub(super) struct Init {}

impl Init {
    pub(super) async fn run(self, world: &World) -> Result<Exit, Failure> {
        if world.config_text().is_some() {
            say(world.quiet, &format!("the configuration is {}", world.config_origin()));
            return make_table(world, world.config()?).await;
        }
        let path = world.config_file.as_deref().unwrap_or(Path::new(DEFAULT_FILE));
        let location = world.store.clone().unwrap_or_default();
        match OpenOptions::new().write(true).create_new(true).open(path) {
            Ok(mut file) => {
                file.write_all(configuration(&location).as_bytes()).map_err(|error| {
                    Failure::failed(format!("cannot write {}: {error}", path.display()))
                })?;
                say(world.quiet, &format!("wrote {}", path.display()));
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                say(
                    world.quiet,
                    &format!("{} is there already and stays as it is", path.display()),
                );
            }
            Err(error) => {
                return Err(Failure::failed(format!("cannot write {}: {error}", path.display())));
            }
        }
        make_table(world, world.config()?).await
    }
}

/// Makes the table that a configuration names, where it is missing.
async fn make_table(world: &World, config: Config) -> Result<Exit, Failure> {
    let app = App::open(config, world.store.clone()).await?;
    let created = app.store.table().create().await?;
    if app.store.table().reach().await?.is_behind() {
        app.store.table().record_form().await?;
    }
    let line = match created {
        Created::New => "created the table, with TTL",
        Created::TtlEnabled => "the table was there; turned its TTL on",
        Created::Existing => "the table is there, with TTL",
    };
    say(world.quiet, &format!("{}: {line}", app.location));
    say(world.quiet, "next: runledger import FILE, then runledger report");
    Ok(Exit::Done)
}

fn configuration(location: &StoreLocation) -> String {
    TEMPLATE.replace("location = \"embedded:runledger.db\"", &format!("location = \"{location}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_init_writes_is_a_configuration() {
        let config = Config::parse(TEMPLATE, Path::new("init.toml")).unwrap();
        assert_eq!(config.report("weekly").unwrap().recipients.len(), 1);
        assert!(config.mail.is_some());
        let on_aws = configuration(&StoreLocation::Dynamodb("runs".into()));
        let config = Config::parse(&on_aws, Path::new("init.toml")).unwrap();
        assert_eq!(config.store.location, StoreLocation::Dynamodb("runs".into()));
    }

    /// The one place where users find every rule and its limits.
    #[test]
    fn every_rule_of_alerts_is_there_with_its_defaults() {
        let rules = crate::alerts::documented();
        assert!(TEMPLATE.contains(&rules), "put this into init.toml:\n{rules}");
    }

    /// What stands there as a comment must be true as well.
    #[test]
    fn the_commented_settings_are_valid_too() {
        let uncommented: String = TEMPLATE
            .lines()
            .map(|line| line.strip_prefix("#: ").unwrap_or(line).to_owned() + "\n")
            .collect();
        Config::parse(&uncommented, Path::new("init.toml")).unwrap();
    }
}
