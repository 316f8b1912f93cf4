//! A folder of templates in place of the shipped ones: what is wrong with it shows at start.

use std::path::Path;

use runledger::report::Templates;

use super::company;

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/report_templates");

/// A copy of the shipped templates, to be changed.
fn copy() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy_into(Path::new(SHIPPED), folder.path());
    folder
}

fn copy_into(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_into(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn refusal(folder: &Path) -> String {
    Templates::load(Some(folder)).err().expect("the folder is refused").to_string()
}

#[test]
fn a_folder_takes_the_place_of_the_shipped_templates() {
    let folder = copy();
    std::fs::write(folder.path().join("weekly/subject.txt"), "Costs of\n{{ period }}\n").unwrap();
    let templates = Templates::load(Some(folder.path())).unwrap();
    assert_eq!(templates.render(&company::figures()).unwrap().subject, "Costs of 2026-W46");
}

#[test]
fn a_missing_file_is_named() {
    let folder = copy();
    std::fs::remove_file(folder.path().join("weekly/body.txt")).unwrap();
    let error = refusal(folder.path());
    assert!(error.contains("weekly/body.txt"), "{error}");
    assert!(refusal(Path::new("/no/such/folder")).contains("/no/such/folder"));
}

#[test]
fn a_template_that_does_not_parse_is_named() {
    let folder = copy();
    std::fs::write(folder.path().join("weekly/body.html"), "<p>{{ title </p>").unwrap();
    let error = refusal(folder.path());
    assert!(error.contains("weekly/body.html"), "{error}");
}

#[test]
fn a_misspelt_name_is_found_at_start_and_named() {
    let folder = copy();
    std::fs::write(folder.path().join("weekly/subject.txt"), "{{ headline.totall }}").unwrap();
    let error = refusal(folder.path());
    assert!(error.contains("weekly/subject.txt") && error.contains("totall"), "{error}");
}
