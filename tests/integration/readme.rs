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

/// The documents that give commands, and those that point to files.
fn documents() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guides = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let guides = guides.filter(|path| path.extension().is_some_and(|end| end == "md"));
    let guides = guides.map(|path| path.strip_prefix(root).unwrap().display().to_string());
    let others = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "infra/README.md"];
    others.map(str::to_owned).into_iter().chain(guides).collect()
}

/// The command lines of `runledger` in shell blocks, without the program's name: `run TASK ...` of
/// the infrastructure's guide, too.
fn command_lines(text: &str) -> Vec<Vec<String>> {
    let script = shell_lines(text).join("\n").replace("\\\n", " ");
    let ends = ["&&", "||", "|", ";", "$(", "\n"];
    let parts = ends.iter().fold(vec![script.as_str()], |parts, end| {
        parts.into_iter().flat_map(|part| part.split(end)).collect()
    });
    parts.into_iter().map(words).filter_map(|words| command(&words)).collect()
}

fn command(words: &[String]) -> Option<Vec<String>> {
    // Variables that are set for the command alone.
    let set = words.iter().take_while(|word| word.contains('=') && !word.starts_with('-')).count();
    let words = &words[set..];
    let first = words.iter().map(String::as_str).take(3).collect::<Vec<_>>();
    let skipped = match first.as_slice() {
        ["cargo", "run", "--"] => 3,
        ["run", task, _] if task.starts_with(|c: char| c.is_ascii_uppercase()) => 2,
        ["runledger", second, ..] if !second.starts_with('(') => 1,
        _ => return None,
    };
    Some(words[skipped..].to_vec())
}

/// The words of a simple command: quotes taken off, what a variable holds made up, redirections and
/// comments left out.
fn words(part: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut open) = (Vec::new(), String::new(), None, false);
    for letter in part.chars().chain([' ']) {
        match (letter, quote) {
            ('"' | '\'', None) => (quote, open) = (Some(letter), true),
            (letter, Some(end)) if letter == end => quote = None,
            (' ' | ')', None) if open || !word.is_empty() => {
                words.push(std::mem::take(&mut word));
                open = false;
            }
            (' ' | ')', None) => {}
            (letter, _) => word.push(letter),
        }
    }
    let end = words.iter().position(|word| word.starts_with(['#', '<', '>']));
    words.truncate(end.unwrap_or(words.len()));
    let filled = |word: String| match word.as_str() {
        "$place" => "glue:111122223333:eu-west-1:KEY".to_owned(),
        other if other.contains('$') => "x".to_owned(),
        _ => word,
    };
    words.into_iter().map(filled).collect()
}

/// Every command that a document gives is one that there is: options and values included.
#[test]
fn commands_of_the_documents_parse() {
    let mut seen = 0;
    for document in documents() {
        for line in command_lines(&read(&document)) {
            let parsed = runledger::cli::check_words(line.iter().map(String::as_str));
            assert!(parsed.is_ok(), "{document}: runledger {}: {parsed:?}", line.join(" "));
            seen += 1;
        }
    }
    assert!(seen > 45, "{seen} commands");
    let wrong = command_lines("```sh\nx=$(runledger quota reserve --teem a) || exit\n```");
    assert_eq!(wrong, [["quota", "reserve", "--teem", "a"]]);
    assert!(runledger::cli::check_words(wrong[0].iter().map(String::as_str)).is_err());
}

#[test]
fn links_of_the_documents_lead_somewhere() {
    let mut documents = documents();
    documents.push("tests/bench/README.md".to_owned());
    for document in documents {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(&document);
        let text = read(&document);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let is_local = !link.contains("://");
            let target = folder.with_file_name(link.split('#').next().unwrap_or(link));
            assert!(!is_local || target.exists(), "{document} points to {link}");
        }
    }
}
