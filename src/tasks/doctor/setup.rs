//! What is read at start: configuration, schedules, templates. And the folders of this machine that
//! are written to.

use std::path::Path;

use super::check::{Check, Group};

/// What the command line found out by loading it all.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Where the configuration was read.
    pub origin: String,
    /// Whether there was one at all: without any, defaults are in force.
    pub is_default: bool,
    /// How many schedules there are, each a command; or what is wrong with one.
    pub schedules: Result<usize, String>,
    /// Whether the templates render; or what is wrong with one.
    pub templates: Result<(), String>,
}

pub(super) fn judge(setup: &Setup) -> Vec<Check> {
    let group = Group::Configuration;
    let file = match setup.is_default {
        false => Check::ok(group, "file", &format!("{} loads", setup.origin)),
        true => {
            let found = format!("there is no {}, so defaults are in force", setup.origin);
            let fix = "`runledger init` writes one; --config names another";
            Check::warn(group, "file", &found, fix)
        }
    };
    let schedules = match &setup.schedules {
        Ok(count) => {
            let found = format!("{count} schedules load, and each names a command");
            Check::ok(group, "schedules", &found)
        }
        Err(reason) => {
            let fix = "correct it; `runledger schedule list` shows what there is";
            Check::wrong(group, "schedules", reason, fix)
        }
    };
    let templates = match &setup.templates {
        Ok(()) => Check::ok(group, "templates", "every report renders"),
        Err(reason) => {
            let fix = "correct the template, or remove `templates` to use the built-in ones";
            Check::wrong(group, "templates", reason, fix)
        }
    };
    vec![file, schedules, templates]
}

/// Whether a file can be put into a folder, or, where the folder is not made yet, into what it will
/// stand in. The file is gone again at once.
pub(super) fn try_to_write(folder: &Path) -> Result<(), String> {
    let absolute = std::path::absolute(folder).map_err(|error| error.to_string())?;
    let there = absolute.ancestors().find(|path| path.exists());
    let there = there.ok_or_else(|| "no part of its path is there".to_owned())?;
    let file = tempfile::Builder::new().prefix(".runledger-doctor").tempfile_in(there);
    file.map(drop).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_tried_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(try_to_write(folder.path()), Ok(()));
        assert_eq!(try_to_write(&folder.path().join("not/yet/there")), Ok(()));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let file = folder.path().join("file");
        std::fs::write(&file, "x").unwrap();
        assert!(try_to_write(&file).is_err());
        assert!(try_to_write(&file.join("below")).is_err());
    }
}
