//! Templates to mails: all parsed and tried at start, rendered to a subject, HTML and text.
//!
//! The HTML of a mail has a budget, because large ones are clipped where they are read: its view
//! is cut further until it fits. The text has none. Nothing here sends or knows recipients.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use css_inline::{CSSInliner, InlineOptions};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tera::{Context, Kwargs, State, Tera};

use super::sample;
use super::table::TEXT_COLUMNS;
use super::view::{Limits, View};
use super::words::wrapped;
use super::{alerts, chargeback, format};
use crate::alerts::{Message, SHOWN_MAX};
use crate::analysis::Figures;
use crate::chargeback::Statement;

/// The most bytes of a mail's HTML, encoded for transport. Gmail clips at about 102 kB.
pub const HTML_BYTES_MAX: usize = 90_000;
/// How finely a view is cut until it fits.
const CUTS: usize = 10;

const SUBJECT: &str = "weekly/subject.txt";
const TEXT: &str = "weekly/body.txt";
const HTML: &str = "weekly/body.html";
const WEB: &str = "weekly/web.html";
const CHARGEBACK_SUBJECT: &str = "chargeback/subject.txt";
const CHARGEBACK_TEXT: &str = "chargeback/body.txt";
const CHARGEBACK_HTML: &str = "chargeback/body.html";
const ALERTS_SUBJECT: &str = "alerts/subject.txt";
const ALERTS_TEXT: &str = "alerts/body.txt";
const ALERTS_HTML: &str = "alerts/body.html";

/// Every template, by its path in `report_templates/`, with the text that ships.
const SHIPPED: [(&str, &str); 14] = [
    ("components.html", include_str!("../../report_templates/components.html")),
    ("mail_styles.html", include_str!("../../report_templates/mail_styles.html")),
    ("chargeback/content.html", include_str!("../../report_templates/chargeback/content.html")),
    (CHARGEBACK_SUBJECT, include_str!("../../report_templates/chargeback/subject.txt")),
    (CHARGEBACK_TEXT, include_str!("../../report_templates/chargeback/body.txt")),
    (CHARGEBACK_HTML, include_str!("../../report_templates/chargeback/body.html")),
    (ALERTS_SUBJECT, include_str!("../../report_templates/alerts/subject.txt")),
    (ALERTS_TEXT, include_str!("../../report_templates/alerts/body.txt")),
    (ALERTS_HTML, include_str!("../../report_templates/alerts/body.html")),
    ("weekly/content.html", include_str!("../../report_templates/weekly/content.html")),
    (SUBJECT, include_str!("../../report_templates/weekly/subject.txt")),
    (TEXT, include_str!("../../report_templates/weekly/body.txt")),
    (HTML, include_str!("../../report_templates/weekly/body.html")),
    (WEB, include_str!("../../report_templates/weekly/web.html")),
];

/// A report ready to be sent or shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedReport {
    /// One line, without control characters.
    pub subject: String,
    /// The HTML part, styles inline, within [`HTML_BYTES_MAX`].
    pub html: String,
    /// The text part, safe to print on a terminal.
    pub text: String,
}

/// Templates that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// A file of the folder in the settings is not there, or cannot be read.
    #[error(
        "cannot read template {}: {reason} (the folder set as `templates` needs every file of \
         report_templates/)",
        path.display()
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// A template does not parse, or asks for something that the view does not have.
    #[error("{origin} cannot be used: {reason}")]
    Broken {
        /// Which templates: the folder of the settings, or the ones that ship.
        origin: String,
        /// What the template engine says, file and place included.
        reason: String,
    },
    /// The styles of the HTML template do not parse.
    #[error("the styles of {HTML} cannot be written into its elements: {0}")]
    Styles(String),
    /// Even the shortest view makes too large a mail.
    #[error(
        "the mail's HTML would be {} and may be {} at most: shorten {HTML}",
        format::bytes(*bytes),
        format::bytes(HTML_BYTES_MAX)
    )]
    TooLarge {
        /// Its size, encoded.
        bytes: usize,
    },
}

/// The templates, parsed.
pub struct Templates {
    tera: Tera,
    origin: String,
    fingerprint: String,
}

impl Templates {
    /// Parses every template, the shipped ones or those of a folder, and tries them on a sample
    /// report, so that a mistake shows at start and not at the first mail.
    ///
    /// # Errors
    /// When a file is missing, does not parse, or does not render.
    pub fn load(folder: Option<&Path>) -> Result<Self, TemplateError> {
        let mut tera = Tera::new();
        // By suffix of the template's name; said here because everything depends on it.
        tera.autoescape_on([".html"]);
        tera.register_filter("wrap", wrap);
        let origin = folder.map_or_else(
            || "the shipped templates".to_owned(),
            |folder| format!("template folder {}", folder.display()),
        );
        let texts = SHIPPED
            .iter()
            .map(|(name, shipped)| Ok((*name, read(folder, name, shipped)?)))
            .collect::<Result<Vec<_>, TemplateError>>()?;
        let broken = |error: tera::Error| TemplateError::Broken {
            origin: origin.clone(),
            reason: chain(&error),
        };
        let mut hash = Sha256::new();
        for (name, text) in &texts {
            hash.update(format!("{name} {}\n{text}", text.len()));
        }
        let hash = hash.finalize();
        let fingerprint =
            hash.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        tera.add_raw_templates(texts).map_err(broken)?;
        let templates = Self { tera, origin, fingerprint };
        for figures in [sample::figures(), sample::empty()] {
            templates.render(&figures)?;
            templates.render_web(&figures)?;
        }
        for statement in chargeback::samples() {
            templates.render_chargeback(&statement)?;
        }
        for message in alerts::samples() {
            templates.render_alerts(&message)?;
        }
        Ok(templates)
    }

    /// SHA-256 of all templates, in hexadecimal: which they are, for the record.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The mail: the text within [`Limits::MAIL`], and as much of that as the HTML has room for.
    ///
    /// # Errors
    /// When a template fails on these figures, or even the shortest mail is too large.
    pub fn render(&self, figures: &Figures) -> Result<RenderedReport, TemplateError> {
        let mut view = View::of(figures, &Limits::MAIL);
        let subject = one_line(&self.fill(SUBJECT, &view)?);
        let text = self.fill(TEXT, &view)?;
        let mut bytes = 0;
        for cuts in 1..=CUTS + 1 {
            let html = inlined(&self.fill(HTML, &view)?)?;
            bytes = encoded_bytes(&html);
            if bytes <= HTML_BYTES_MAX {
                return Ok(RenderedReport { subject, html, text });
            }
            view = View::of(figures, &Limits::MAIL.after(cuts.min(CUTS), CUTS));
        }
        Err(TemplateError::TooLarge { bytes })
    }

    /// The report as a page of its own, with every row, for a browser.
    ///
    /// # Errors
    /// When the template fails on these figures.
    pub fn render_web(&self, figures: &Figures) -> Result<String, TemplateError> {
        self.fill(WEB, &View::of(figures, &Limits::NONE))
    }

    /// A month's statement as a mail; its HTML shows as many rows as it has room for.
    ///
    /// # Errors
    /// When a template fails on it, or even the shortest mail is too large.
    pub fn render_chargeback(
        &self,
        statement: &Statement,
    ) -> Result<RenderedReport, TemplateError> {
        let templates = [CHARGEBACK_SUBJECT, CHARGEBACK_TEXT, CHARGEBACK_HTML];
        let rows = chargeback::ROWS_MIN..=chargeback::ROWS_MAX;
        self.mail(templates, rows, |rows| chargeback::View::of(statement, rows))
    }

    /// A message of alerts as a mail; its HTML shows as many alerts as it has room for, the worst
    /// first.
    ///
    /// # Errors
    /// When a template fails on it, or even the shortest mail is too large.
    pub fn render_alerts(&self, message: &Message) -> Result<RenderedReport, TemplateError> {
        let templates = [ALERTS_SUBJECT, ALERTS_TEXT, ALERTS_HTML];
        let shown = alerts::SHOWN_MIN..=SHOWN_MAX;
        self.mail(templates, shown, |shown| alerts::View::of(message, shown))
    }

    /// A mail of subject, text and HTML: as many rows in the text as may be, and as many in the
    /// HTML as it has room for.
    fn mail<V: Serialize>(
        &self,
        [subject, text, html]: [&str; 3],
        rows: RangeInclusive<usize>,
        view: impl Fn(usize) -> V,
    ) -> Result<RenderedReport, TemplateError> {
        let whole = view(*rows.end());
        let subject = one_line(&self.fill(subject, &whole)?);
        let text = self.fill(text, &whole)?;
        let mut shown = *rows.end();
        loop {
            let html = inlined(&self.fill(html, &view(shown))?)?;
            let bytes = encoded_bytes(&html);
            if bytes <= HTML_BYTES_MAX {
                return Ok(RenderedReport { subject, html, text });
            }
            if shown <= *rows.start() {
                return Err(TemplateError::TooLarge { bytes });
            }
            shown = (shown * 2 / 3).max(*rows.start());
        }
    }

    fn fill(&self, name: &str, view: &impl Serialize) -> Result<String, TemplateError> {
        let broken = |error: tera::Error| TemplateError::Broken {
            origin: self.origin.clone(),
            reason: chain(&error),
        };
        let context = Context::from_serialize(view).map_err(broken)?;
        self.tera.render(name, &context).map_err(broken)
    }
}

fn read(folder: Option<&Path>, name: &str, shipped: &str) -> Result<String, TemplateError> {
    let Some(folder) = folder else { return Ok(shipped.to_owned()) };
    let path = folder.join(name);
    std::fs::read_to_string(&path).map_err(|reason| TemplateError::Read { path, reason })
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

/// A subject is one header line, whatever the template broke it into.
fn one_line(text: &str) -> String {
    super::words::visible(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Writes the style sheet into the elements, because half of all mail readers drop it. What
/// cannot be written there, the rules for dark mode and small screens, stays in the head.
fn inlined(html: &str) -> Result<String, TemplateError> {
    let options = InlineOptions {
        keep_at_rules: true,
        minify_css: true,
        load_remote_stylesheets: false,
        ..InlineOptions::default()
    };
    CSSInliner::new(options).inline(html).map_err(|error| TemplateError::Styles(error.to_string()))
}

/// The size of a text in quoted-printable, which a mail's HTML travels in: every `=` and every
/// byte beyond ASCII takes three, and every 73 or so end in a soft line break.
fn encoded_bytes(text: &str) -> usize {
    let escaped = text.bytes().filter(|byte| *byte == b'=' || !byte.is_ascii()).count();
    let bytes = text.len() + 2 * escaped;
    bytes + 3 * (bytes / 73)
}
