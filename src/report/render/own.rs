//! Templates of one's own in place of those that ship: which file takes which one's place, and what
//! happens where one of them cannot be used, because it was written for another version, say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::Serialize;
use sha2::{Digest, Sha256};
use tera::{Context, Kwargs, State, Tera};

use super::TemplateError;
use crate::report::table::TEXT_COLUMNS;
use crate::report::words::{shortened, visible, wrapped};

/// How much of what is wrong a mail says where that is at no place in a file; the log says all.
const NOTE_CHARS_MAX: usize = 120;

/// A template that ships, by its path.
macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../report_templates/", $name)))),*]
    };
}

/// Every template, by its path in `report_templates/`, with the text that ships. The folder is the
/// kind of mail that it is for; those in no folder are for all kinds.
const SHIPPED: [(&str, &str); 14] = shipped![
    "components.html",
    "mail_styles.html",
    "chargeback/content.html",
    "chargeback/subject.txt",
    "chargeback/body.txt",
    "chargeback/body.html",
    "alerts/subject.txt",
    "alerts/body.txt",
    "alerts/body.html",
    "weekly/content.html",
    "weekly/subject.txt",
    "weekly/body.txt",
    "weekly/body.html",
    "weekly/web.html",
];

/// The files of a folder of templates.
#[derive(Debug, Default)]
pub(super) struct Own {
    folder: PathBuf,
    texts: BTreeMap<String, String>,
}

/// Reads the templates of a folder, as many as there are.
///
/// # Errors
/// When the folder or a file in it cannot be read.
pub(super) fn read(folder: &Path) -> Result<Own, TemplateError> {
    let mut own = Own { folder: folder.to_owned(), texts: BTreeMap::new() };
    let mut open = vec![folder.to_owned()];
    while let Some(inner) = open.pop() {
        let cannot = |reason| TemplateError::Read { path: inner.clone(), reason };
        for entry in std::fs::read_dir(&inner).map_err(cannot)? {
            let path = entry.map_err(cannot)?.path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let is_template = path.extension().is_some_and(|end| end == "html" || end == "txt");
            let name = path.strip_prefix(folder).ok().and_then(|name| name.to_str());
            if let (true, Some(name)) = (is_template, name) {
                let text = std::fs::read_to_string(&path)
                    .map_err(|reason| TemplateError::Read { path: path.clone(), reason })?;
                own.texts.insert(name.to_owned(), text);
            }
        }
    }
    Ok(own)
}

impl Own {
    /// Files that take no template's place.
    pub(super) fn strays(&self) -> Vec<String> {
        let is_known = |name: &&String| SHIPPED.iter().any(|(known, _)| known == name);
        self.texts.keys().filter(|name| !is_known(name)).cloned().collect()
    }
}

/// SHA-256 of all templates that are used, in hexadecimal.
pub(super) fn fingerprint(own: Option<&Own>) -> String {
    let mut hash = Sha256::new();
    for (name, shipped) in SHIPPED {
        let text = own.and_then(|own| own.texts.get(name)).map_or(shipped, String::as_str);
        hash.update(format!("{name} {}\n{text}", text.len()));
    }
    hash.finalize().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// The templates of a kind of mail: those that ship, and own ones that come before them.
pub(super) struct Set {
    shipped: Tera,
    own: Option<Tera>,
    /// What is wrong with the own ones, once that is known.
    trouble: OnceLock<String>,
}

impl Set {
    /// The templates of a kind; `unread` is why own ones could not be read.
    ///
    /// # Errors
    /// When those that ship do not parse.
    pub(super) fn of(
        kind: &str,
        own: Option<&Own>,
        unread: Option<&str>,
    ) -> Result<Self, TemplateError> {
        let is_of_kind = |name: &str| name.split_once('/').is_none_or(|(of, _)| of == kind);
        let of_kind = || SHIPPED.into_iter().filter(|(name, _)| is_of_kind(name));
        let shipped = parsed(of_kind()).map_err(|error| broken("the shipped templates", &error))?;
        let trouble = OnceLock::new();
        if let Some(unread) = unread {
            let _ = trouble.set(unread.to_owned());
        }
        let own = own.filter(|own| own.texts.keys().any(|name| is_of_kind(name)));
        let own = own.and_then(|own| {
            let text = |name, shipped| own.texts.get(name).map_or(shipped, String::as_str);
            let texts = of_kind().map(|(name, shipped)| (name, text(name, shipped)));
            match parsed(texts) {
                Ok(tera) => Some(tera),
                Err(error) => {
                    let origin = format!("template folder {}", own.folder.display());
                    let _ = trouble.set(broken(&origin, &error).to_string());
                    None
                }
            }
        });
        Ok(Self { shipped, own, trouble })
    }

    /// What is wrong with the own templates.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.get().map(String::as_str)
    }

    /// Renders with the own templates; where these fail, now or ever before, with those that ship.
    ///
    /// # Errors
    /// When those that ship fail.
    pub(super) fn dressed<T>(
        &self,
        render: impl Fn(&Filler<'_>) -> Result<T, TemplateError>,
    ) -> Result<T, TemplateError> {
        if let (Some(own), None) = (&self.own, self.trouble.get()) {
            match render(&Filler { tera: own, origin: "the template", trouble: None }) {
                Ok(rendered) => return Ok(rendered),
                Err(error) => _ = self.trouble.set(error.to_string()),
            }
        }
        let (tera, origin) = (&self.shipped, "the shipped templates");
        render(&Filler { tera, origin, trouble: self.trouble() })
    }
}

/// What fills the templates of a mail.
pub(super) struct Filler<'t> {
    tera: &'t Tera,
    origin: &'t str,
    trouble: Option<&'t str>,
}

impl Filler<'_> {
    /// A template filled with a view.
    pub(super) fn fill(&self, name: &str, view: &impl Serialize) -> Result<String, TemplateError> {
        let filled = Context::from_serialize(view).and_then(|view| self.tera.render(name, &view));
        filled.map_err(|error| broken(self.origin, &error))
    }

    /// What the reader is to know of the templates, in one sentence: whoever can mend them has the
    /// log.
    pub(super) fn caveat(&self) -> Option<String> {
        let trouble = self.trouble?;
        let what = place(trouble).unwrap_or_else(|| {
            let first = trouble.lines().next().unwrap_or_default();
            shortened(&visible(first), NOTE_CHARS_MAX)
        });
        Some(format!("Shown by the templates that ship, because own ones fail: {what}."))
    }
}

/// The file and line that an error of the template engine points at first: ` --> FILE:LINE:COLUMN`.
fn place(trouble: &str) -> Option<String> {
    let pointed = trouble.lines().find_map(|line| line.trim_start().strip_prefix("--> "))?;
    let mut parts = pointed.rsplitn(3, ':');
    let (_, line, file) = (parts.next()?, parts.next()?, parts.next()?);
    let line: u32 = line.parse().ok()?;
    Some(format!("{}, line {line}", shortened(&visible(file), NOTE_CHARS_MAX)))
}

fn parsed<'t>(texts: impl Iterator<Item = (&'t str, &'t str)>) -> Result<Tera, tera::Error> {
    let mut tera = Tera::new();
    // By suffix of the template's name; said here because everything depends on it.
    tera.autoescape_on([".html"]);
    tera.register_filter("wrap", wrap);
    tera.add_raw_templates(texts)?;
    Ok(tera)
}

fn broken(origin: &str, error: &tera::Error) -> TemplateError {
    TemplateError::Broken { origin: origin.to_owned(), reason: chain(error) }
}

/// An error and what caused it, in one line.
fn chain(error: &tera::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// `{{ text | wrap(indent=2) }}`: the text in lines of the text part's width.
fn wrap(text: &str, arguments: Kwargs, _: &State) -> tera::TeraResult<String> {
    let indent = arguments.get::<u64>("indent")?.unwrap_or(0);
    Ok(wrapped(text, TEXT_COLUMNS, usize::try_from(indent).unwrap_or(0)))
}
