//! `import`: stores runs from files.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use clap::Args;

use super::collect::{tell_peaks, tell_rolled_up};
use super::journal::Journal;
use super::log::{complain, say};
use super::output::progress;
use super::{Exit, Failure, World};
use crate::sources::files::Defaults;
use crate::tasks::import::{Imported, import};
use crate::tasks::quota::keep_peaks;
use crate::tasks::roll_up::roll_up;

/// How many unreadable lines are told one by one; the rest are counted.
const LINES_TOLD_MAX: usize = 50;

#[derive(Debug, Args)]
pub(super) struct Import {
    /// Files as the AWS CLI, EventBridge or Runledger write them; `-` is stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The account of runs whose file does not tell it
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// The region of runs whose file does not tell it
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
}

impl Import {
    pub(super) async fn run(self, world: &World) -> Result<Exit, Failure> {
        // Every file is opened before the first is stored: a wrong name does nothing.
        let mut inputs: Vec<(String, Box<dyn io::Read + Send>)> = Vec::new();
        for path in &self.files {
            if path.as_os_str() == "-" {
                inputs.push(("-".to_owned(), Box::new(io::stdin())));
            } else {
                let file = open(path).map_err(|error| {
                    Failure::usage(
                        format!("cannot read {}: {error}", path.display()),
                        "name files that exist, or - for stdin",
                    )
                })?;
                inputs.push((path.display().to_string(), Box::new(file)));
            }
        }
        let app = world.app_to_write().await?;
        world.warn_without_ttl(&app).await;
        let defaults = Defaults {
            account: self.account.or_else(|| app.config.account.clone()),
            region: self.region.or_else(|| app.config.region.clone()),
        };
        let mut whole = Imported::default();
        let bar = progress(world.quiet, "runs stored");
        for (name, input) in inputs {
            let input = BufReader::with_capacity(1 << 16, input);
            let done = import(&app.store, input, &name, defaults.clone(), world.now, |runs| {
                bar.set_position(runs);
            })
            .await?;
            whole.saved += done.saved;
            whole.unreadable.extend(done.unreadable);
            whole.without_place += done.without_place;
            whole.first_without_place = whole.first_without_place.or(done.first_without_place);
        }
        bar.finish_and_clear();
        count(&world.journal, &whole);
        let books = app.books().await?;
        tell_rolled_up(world, &roll_up(&app.store, &books, world.now).await?);
        tell_peaks(world, &keep_peaks(&app.store, &books, world.now).await?);
        tell(world, &whole)
    }
}

fn count(journal: &Journal, imported: &Imported) {
    let saved = &imported.saved;
    for (name, more) in [
        ("runs_new", saved.new),
        ("runs_changed", saved.changed),
        ("runs_unchanged", saved.unchanged),
        ("runs_too_old", saved.too_old),
        ("runs_without_place", imported.without_place),
        ("lines_unreadable", imported.unreadable.len() as u64),
    ] {
        if more > 0 || name == "runs_new" {
            journal.count(name, more);
        }
    }
}

/// A folder can be opened too, and only reading it fails.
fn open(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(file)
}

fn tell(world: &World, imported: &Imported) -> Result<Exit, Failure> {
    let saved = &imported.saved;
    for error in imported.unreadable.iter().take(LINES_TOLD_MAX) {
        complain(&error.to_string(), None);
    }
    if imported.unreadable.len() > LINES_TOLD_MAX {
        let more = imported.unreadable.len() - LINES_TOLD_MAX;
        complain(&format!("and {more} more lines that cannot be read"), None);
    }
    let stored = saved.new + saved.changed + saved.unchanged;
    let mut line = format!(
        "{stored} runs: {} new, {} changed, {} known already",
        saved.new, saved.changed, saved.unchanged
    );
    if saved.too_old > 0 {
        line += &format!("; {} past their retention, not stored", saved.too_old);
    }
    if saved.late > 0 {
        line += &format!(" ({} kept for the next month's chargeback)", saved.late);
    }
    if let Some(error) = &imported.first_without_place {
        let more = match imported.without_place {
            1 => String::new(),
            runs => format!(" (and {} more like it)", runs - 1),
        };
        let message = format!("{error}{more}");
        let hint = "give --account ID and --region REGION, or set `account` and `region` in \
                    runledger.toml";
        if stored == 0 {
            return Err(Failure::usage(message, hint));
        }
        complain(&message, Some(hint));
    }
    if !imported.unreadable.is_empty() {
        line += &format!("; {} could not be read", imported.unreadable.len());
    }
    say(world.quiet, &line);
    let whole = imported.unreadable.is_empty() && imported.without_place == 0;
    Ok(match (whole, stored) {
        (true, _) => Exit::Done,
        (false, 0) => Exit::Failed,
        (false, _) => Exit::Partly,
    })
}
