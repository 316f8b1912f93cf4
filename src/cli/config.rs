//! `config`: what can be configured, as a reference for people and as a schema for editors. It
//! reads no configuration and opens no store.

use clap::{Args, Subcommand};

use super::output::data;
use super::{Exit, Failure};
use crate::config::Config;

#[derive(Debug, Args)]
pub(super) struct ConfigCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Every section and key with its type, default and meaning, in Markdown
    Reference,
    /// The same as a JSON Schema, by which editors complete and check a configuration
    Schema,
}

impl ConfigCommand {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        match self.action {
            Action::Reference => data(&Config::reference())?,
            Action::Schema => data(&Config::schema_text())?,
        }
        Ok(Exit::Done)
    }
}
