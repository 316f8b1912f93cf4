//! The floors that `ARCHITECTURE.md` draws: a room imports from lower ones, never from its own
//! floor or from above, so that no two rooms can ever need each other.

use super::source::Source;

/// The rooms, floor by floor. A room is a folder or file directly below `src/`; one that is not
/// here has no floor yet, and the check says so.
const FLOORS: [&[&str]; 11] = [
    &["model"],
    &["aws", "delivery"],
    &["sources", "store", "pricing", "ownership", "quota", "schedule"],
    &["analysis"],
    &["alerts", "chargeback"],
    &["report", "tables"],
    &["config"],
    &["tasks"],
    &["app"],
    &["demo"],
    &["cli"],
];

/// The roots of the crate, which declare the rooms and belong to none.
const ROOTS: [&str; 2] = ["src/lib.rs", "src/main.rs"];

/// Every import that does not lead downwards, and every room without a floor.
pub(crate) fn upward_imports(sources: &[Source]) -> Vec<String> {
    let mut wrong = Vec::new();
    for source in sources.iter().filter(|source| !ROOTS.contains(&source.path.as_str())) {
        let room = room_of(&source.path);
        let Some(floor) = floor_of(room) else {
            wrong.push(format!("{}: room `{room}` has no floor in the table", source.path));
            continue;
        };
        for (offset, imported) in rooms_named(&source.code) {
            let allowed = imported == room || floor_of(imported).is_some_and(|low| low < floor);
            if !allowed {
                let place = source.at(offset);
                wrong.push(format!("{place}: `{room}` must not import from `{imported}`"));
            }
        }
        wrong.extend(climbs_out(source));
    }
    wrong
}

fn room_of(path: &str) -> &str {
    let inside = path.trim_start_matches("src/");
    inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs")
}

fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// The rooms that paths from the crate's root lead to: `crate::ROOM`, `crate::{ROOM, ROOM::x}`.
fn rooms_named(code: &str) -> Vec<(usize, &str)> {
    let mut named = Vec::new();
    for (offset, found) in code.match_indices("crate::") {
        // `$crate::` in a macro is such a path too; `dollar_crate::` would be another word.
        if code[..offset].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let path = &code[offset + found.len()..];
        match path.strip_prefix('{') {
            Some(group) => named.extend(heads(group).map(|room| (offset, room))),
            None => named.push((offset, word(path))),
        }
    }
    named
}

/// The first word of every path of a braced group, whose opening brace is already gone.
fn heads(group: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    let mut starts = vec![0];
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => starts.push(at + 1),
            _ => {}
        }
    }
    starts.into_iter().map(|at| word(group[at..].trim_start())).filter(|word| !word.is_empty())
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// Chains of `super::` that leave the room: they would be imports that the table never sees.
fn climbs_out(source: &Source) -> Vec<String> {
    let below_src = source.path.trim_start_matches("src/").trim_end_matches("/mod.rs");
    let depth = below_src.split('/').count();
    let (code, tests) = source.code_and_tests();
    let parts = [(0, code, depth), (code.len(), tests, depth + 1)];
    let mut wrong = Vec::new();
    for (start, part, depth) in parts {
        for (at, _) in part.match_indices("super::") {
            let chain = part[at..].split("super::").skip(1).take_while(|rest| rest.is_empty());
            if !part[..at].ends_with("super::") && chain.count() + 1 >= depth {
                let place = source.at(start + at);
                wrong.push(format!("{place}: `super` leads out of the room; write `crate::`"));
            }
        }
    }
    wrong
}

#[cfg(test)]
fn found(path: &str, text: &str) -> String {
    upward_imports(&[Source::new(path, text)]).join("\n")
}

#[test]
fn an_import_from_above_is_noticed() {
    assert!(found("src/store/runs.rs", "use crate::report::View;").contains("`report`"));
    assert!(found("src/store/runs.rs", "use crate::pricing::Rate;").contains("`pricing`"));
    assert!(found("src/model/money.rs", "fn f() { crate::store::x() }").contains(":1: `model`"));
    assert!(found("src/store/a.rs", "use crate::{model::Usd, cli};").contains("`cli`"));
    assert!(found("src/store/a.rs", "use crate::{model::{Usd, cli}, aws};").is_empty());
    assert!(found("src/store/a.rs", "use crate::model; // not crate::cli").is_empty());
    assert!(found("src/store/a.rs", "use crate::store::keys;").is_empty());
}

#[test]
fn a_room_without_a_floor_is_noticed() {
    assert!(found("src/utils.rs", "").contains("`utils` has no floor"));
    assert!(found("src/store/a.rs", "use crate::utils::x;").contains("`utils`"));
    assert!(found("src/config.rs", "use crate::alerts::Settings;").is_empty());
}

#[test]
fn climbing_out_of_a_room_is_noticed() {
    assert!(found("src/store/mod.rs", "use super::cli;").contains("leads out"));
    assert!(found("src/store/a.rs", "use super::super::cli;").contains("leads out"));
    assert!(found("src/alerts/rules/a.rs", "use super::super::Rule;").is_empty());
    assert!(found("src/store/a.rs", "use super::keys;").is_empty());
    let tests = "#[cfg(test)]\nmod tests { use super::*; }";
    assert!(found("src/store/mod.rs", tests).is_empty());
    let climbing = "#[cfg(test)]\nmod tests { use super::super::cli; }";
    assert!(found("src/store/mod.rs", climbing).contains("leads out"));
}
