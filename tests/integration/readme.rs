//! What the documents promise is there: the commands they give, and the files they point to.

use std::fs;
use std::path::Path;

/// The README's test command, which `.ci/run` has to run too.
const TEST_COMMAND: &str = "tests/run.sh";

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The lines of the README's shell blocks.
fn shell_lines(text: &str) -> Vec<&str> {
    let blocks = text.split("```sh\n").skip(1);
    blocks.flat_map(|block| block.split("```").next().unwrap_or_default().lines()).collect()
}

#[test]
fn the_readme_and_the_check_name_the_same_test_command() {
    let readme = read("README.md");
    let commands = shell_lines(&readme);
    assert_eq!(commands[..2], ["cargo run -- demo", TEST_COMMAND]);
    let check = read(".ci/run");
    assert_eq!(check.lines().last(), Some(TEST_COMMAND));
    for step in ["cargo fmt --check", "cargo clippy --all-targets -- -D warnings"] {
        assert!(check.lines().any(|line| line == step), "{step}");
    }
}

#[test]
fn links_of_the_documents_lead_somewhere() {
    for document in
        ["README.md", "ARCHITECTURE.md", "docs/configuration.md", "tests/bench/README.md"]
    {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
        let text = read(document);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let is_local = !link.contains("://");
            let target = folder.with_file_name(link);
            assert!(!is_local || target.exists(), "{document} points to {link}");
        }
    }
}
