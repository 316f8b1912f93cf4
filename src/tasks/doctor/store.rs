//! The store: whether it is there, forgets what has expired, and would survive a mistake.

use std::path::{Path, PathBuf};

use super::check::{Check, Group, State};
use crate::store::{FORM, Protection, StoreError, StoredForm};

/// What was found where the store should be.
#[derive(Debug)]
pub enum StoreFound {
    /// There is no such file.
    NoFile(PathBuf),
    /// It cannot be used.
    Unusable(StoreError),
    /// A file.
    File {
        /// Which.
        path: PathBuf,
        /// Whether it goes when the container does.
        is_of_container: bool,
        /// Its form.
        form: StoredForm,
    },
    /// A table of DynamoDB.
    Table {
        /// Its name.
        name: String,
        /// Whether runs expire.
        ttl: Result<bool, StoreError>,
        /// What protects it.
        protection: Protection,
        /// Its form.
        form: StoredForm,
    },
}

const GROUP: Group = Group::Store;

pub(super) fn judge(found: &StoreFound) -> Vec<Check> {
    match found {
        StoreFound::NoFile(path) => {
            let found = format!("there is no file {}", path.display());
            let fix = "`runledger init` makes it; --store names another";
            vec![Check::wrong(GROUP, "file", &found, fix)]
        }
        StoreFound::Unusable(error) => vec![unusable("reach", State::Wrong, error)],
        StoreFound::File { path, is_of_container, form } => {
            vec![file(path, *is_of_container), form_check(*form)]
        }
        StoreFound::Table { name, ttl, protection, form } => {
            let mut checks = table(name, ttl, protection);
            checks.push(form_check(*form));
            checks
        }
    }
}

/// A form that is too new is no form but an error.
fn form_check(form: StoredForm) -> Check {
    let found = match form.number() {
        Some(number) => format!("of form {number}, and this program writes form {FORM}"),
        None => format!("no form is on record; the next start that writes records {FORM}"),
    };
    Check::ok(GROUP, "form", &found)
}

fn file(path: &Path, is_of_container: bool) -> Check {
    let shown = path.display();
    if is_of_container {
        let found = format!("{shown} is on the container's own disk and goes with it");
        let fix = "mount a volume there, or set `location = \"dynamodb:TABLE\"` under [store]";
        return Check::warn(GROUP, "file", &found, fix);
    }
    Check::ok(GROUP, "file", &format!("{shown} can be read and written"))
}

fn table(name: &str, ttl: &Result<bool, StoreError>, protection: &Protection) -> Vec<Check> {
    let there = Check::ok(GROUP, "table", &format!("`{name}` answers")).answered();
    let ttl = match ttl {
        Ok(true) => Check::ok(GROUP, "expiry", "TTL is on").answered(),
        Ok(false) => {
            let fix = "`runledger init` with the same --store turns TTL on";
            Check::warn(GROUP, "expiry", "the table has no TTL, so runs never expire", fix)
        }
        Err(error) => unusable("expiry", State::NotChecked, error),
    };
    let recovery = match &protection.recovery {
        Ok(true) => Check::ok(GROUP, "recovery", "point-in-time recovery is on"),
        Ok(false) => {
            let fix = "turn point-in-time recovery on: the table is the only record of deliveries";
            Check::warn(GROUP, "recovery", "the table cannot be restored after a mistake", fix)
        }
        Err(error) => unusable("recovery", State::NotChecked, error),
    };
    let deletion = match &protection.deletion {
        Ok(true) => Check::ok(GROUP, "deletion", "the table is protected from deletion"),
        Ok(false) => {
            let fix = "turn deletion protection on";
            Check::warn(GROUP, "deletion", "the table can be deleted by one call", fix)
        }
        Err(error) => unusable("deletion", State::NotChecked, error),
    };
    vec![there, ttl, recovery, deletion]
}

/// What could not be used or seen. A permission is named as IAM writes it.
fn unusable(name: &str, state: State, error: &StoreError) -> Check {
    let allow;
    let fix = match error {
        StoreError::Denied { operation, .. } => {
            allow = format!("allow the role `dynamodb:{operation}` on the table");
            &allow
        }
        // An engine that stands in for DynamoDB need not know of backups.
        StoreError::Refused { .. } if state == State::NotChecked => "",
        error => error.hint(),
    };
    let text = error.to_string();
    let check = match state {
        State::Wrong => Check::wrong(GROUP, name, &text, fix),
        _ => Check::not_checked(GROUP, name, &text, fix),
    };
    match error {
        error if error.is_unavailable() => check.unanswered(),
        StoreError::OpenFile { .. } | StoreError::NoRegion { .. } => check,
        _ => check.answered(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(operation: &'static str) -> StoreError {
        StoreError::Denied { table: "t".into(), operation, message: "no".into() }
    }

    #[test]
    fn what_may_not_be_seen_of_a_table_is_named_and_no_fault() {
        let found = StoreFound::Table {
            name: "t".into(),
            ttl: Ok(false),
            protection: Protection {
                recovery: Err(denied("DescribeContinuousBackups")),
                deletion: Ok(false),
            },
            form: StoredForm::current(),
        };
        let checks = judge(&found);
        let states: Vec<State> = checks.iter().map(|check| check.state).collect();
        assert_eq!(states, [State::Ok, State::Warn, State::NotChecked, State::Warn, State::Ok]);
        let fix = checks[2].fix.as_deref().unwrap();
        assert!(fix.contains("`dynamodb:DescribeContinuousBackups`"), "{fix}");
    }

    #[test]
    fn a_store_that_cannot_be_read_is_wrong_and_a_file_in_a_container_worth_a_word() {
        let state = |found| judge(&found)[0].state;
        assert_eq!(state(StoreFound::Unusable(denied("GetItem"))), State::Wrong);
        assert_eq!(state(StoreFound::NoFile("x.db".into())), State::Wrong);
        let form = StoredForm::current();
        let file =
            |is_of_container| StoreFound::File { path: "x.db".into(), is_of_container, form };
        assert_eq!((state(file(true)), state(file(false))), (State::Warn, State::Ok));
    }
}
