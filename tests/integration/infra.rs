//! The infrastructure and the image, by software that others wrote: lints of CloudFormation, moto's
//! CloudFormation, and buildah. What is checked stands in `tests/infra` and `tests/container.sh`.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use crate::harness::{beside_tests, moto_url, python_of, table_readers, told};

fn repository() -> &'static OsStr {
    OsStr::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a script of `tests/infra` with the Python of `tests/run.sh`, and shows what it printed.
fn script(name: &str, arguments: &[&OsStr]) {
    let Some(python) = table_readers() else { return };
    let script = beside_tests("infra").join(name);
    told(python_of(&python, &script, arguments).trim_end());
}

/// Every call that a command can make is allowed by the role of its task, and nothing else is.
#[test]
fn roles_allow_what_the_code_calls_and_nothing_else() {
    script("permissions.py", &[repository()]);
}

/// What reads the sources notices a call that is added, wherever it is made.
#[test]
fn a_call_is_found_wherever_it_is_made() {
    script("calls_noticed.py", &[repository()]);
}

#[test]
fn templates_are_clean_but_for_what_is_reasoned() {
    script("lints.py", &[repository()]);
}

#[test]
fn the_template_can_be_deployed_updated_and_deleted() {
    let Some(url) = moto_url() else { return };
    script("deploy.py", &[repository(), OsStr::new(&url)]);
}

/// In the image, as the README's path from a clone to a mail has it.
#[test]
fn the_image_is_built_and_walks_the_path_of_the_readme() {
    let script = beside_tests("container.sh");
    let binary = Path::new(env!("CARGO_BIN_EXE_runledger"));
    let output = Command::new("bash").arg(&script).arg(binary).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{said}", String::from_utf8_lossy(&output.stdout));
    told(said.trim_end());
}
