//! One spelling for a name, whatever tags make of case and separators: `Data Eng`, `data_eng` and
//! `DATA-ENG` are one team. How the configuration writes a name is how it is shown.

use std::collections::BTreeMap;

/// How a name is written that the configuration does not have.
#[derive(Clone, Copy, Debug)]
pub(super) enum Case {
    /// As teams and environments are: `data-eng`.
    Lower,
    /// As the codes of cost centres are: `CC-204`.
    Upper,
}

/// The spellings of one kind of name.
#[derive(Clone, Debug)]
pub(super) struct Spelling {
    case: Case,
    /// From a normalised name to the one that it is counted as.
    known: BTreeMap<String, String>,
}

impl Spelling {
    /// `written` are names as the configuration has them, the first of several spellings stays. Of
    /// `aliases` the last for a name stays, and what one stands for may be an alias itself.
    pub(super) fn new<'s>(
        case: Case,
        written: impl Iterator<Item = &'s str>,
        aliases: impl Iterator<Item = (&'s str, &'s str)>,
    ) -> Self {
        let aliases: BTreeMap<String, &str> =
            aliases.map(|(other, name)| (normalised(other), name)).collect();
        let mut names = BTreeMap::new();
        for name in written.chain(aliases.values().copied()) {
            names.entry(normalised(name)).or_insert_with(|| name.to_owned());
        }
        let mut known = names.clone();
        for other in aliases.keys() {
            let mut name = other.clone();
            // In a circle each stands for another, and any of them will do.
            for _ in 0..aliases.len() {
                name = aliases.get(&name).map_or(name, |next| normalised(next));
            }
            known.extend(names.get(&name).map(|name| (other.clone(), name.clone())));
        }
        Self { case, known }
    }

    /// Whether the configuration writes a name so, or as another for it.
    pub(super) fn knows(&self, name: &str) -> bool {
        let name = normalised(name);
        let written = |known: &String| normalised(known) == name;
        self.known.contains_key(&name) || self.known.values().any(written)
    }

    /// The one spelling of a tag's value.
    pub(super) fn spelt(&self, value: &str) -> String {
        let plain = normalised(value);
        match (self.known.get(&plain), self.case) {
            (Some(name), _) => name.clone(),
            (None, Case::Lower) => plain,
            (None, Case::Upper) => plain.to_uppercase(),
        }
    }
}

/// What is told by team, with the teams' names spelt as `spell` does.
///
/// # Errors
/// Where two names are one team's, with both.
pub fn by_team_respelt<T>(
    by_team: BTreeMap<String, T>,
    spell: impl Fn(&str) -> String,
) -> Result<BTreeMap<String, T>, String> {
    let mut respelt: BTreeMap<String, (String, T)> = BTreeMap::new();
    for (written, value) in by_team {
        let team = spell(&written);
        if let Some((other, _)) = respelt.get(&team) {
            return Err(format!("`{other}` and `{written}` are one team, `{team}`: name it once"));
        }
        respelt.insert(team, (written, value));
    }
    Ok(respelt.into_iter().map(|(team, (_, value))| (team, value)).collect())
}

/// A name without what makes no difference.
pub(super) fn normalised(text: &str) -> String {
    text.trim().to_lowercase().replace(['_', ' '], "-")
}
