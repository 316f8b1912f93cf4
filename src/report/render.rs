//! Templates to mails: all parsed and tried at start, rendered to a subject, HTML and text.
//!
//! The HTML of a mail has a budget, because large ones are clipped where they are read: its view
//! is cut further until it fits. The text has none. Nothing here sends or knows recipients.

mod own;

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use css_inline::{CSSInliner, InlineOptions};
use serde::Serialize;

use self::own::{Filler, Set};
use super::sample;
use super::view::{Limits, View};
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
    /// The folder of the settings, or a file in it, cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    Read {
        /// The folder or file.
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

/// What a mail is about, by which its templates are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailKind {
    /// A report.
    Report,
    /// A month of finance.
    Chargeback,
    /// Alerts.
    Alerts,
}

/// The templates, parsed.
pub struct Templates {
    weekly: Set,
    chargeback: Set,
    alerts: Set,
    strays: Vec<String>,
    fingerprint: String,
}

impl Templates {
    /// Parses every template and tries it on samples, so that a mistake shows at start and not at
    /// the first mail. The files of a folder take the place of those of the same names that ship.
    /// A kind of mail whose own templates cannot be used goes out by those that ship, and
    /// [`Self::trouble`] says why: a mail in another dress is better than none.
    ///
    /// # Errors
    /// When a template that ships cannot be used.
    pub fn load(folder: Option<&Path>) -> Result<Self, TemplateError> {
        let own = folder.map(own::read);
        let (own, unread) = match own {
            None => (None, None),
            Some(Ok(own)) => (Some(own), None),
            Some(Err(error)) => (None, Some(error.to_string())),
        };
        let own = own.as_ref();
        let set = |kind: &str| Set::of(kind, own, unread.as_deref());
        let templates = Self {
            weekly: set("weekly")?,
            chargeback: set("chargeback")?,
            alerts: set("alerts")?,
            strays: own.map_or_else(Vec::new, own::Own::strays),
            fingerprint: own::fingerprint(own),
        };
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

    /// Why a kind of mail went out, or would, by the templates that ship in place of own ones: what
    /// is wrong with those, with file and line.
    #[must_use]
    pub fn trouble(&self, kind: MailKind) -> Option<&str> {
        match kind {
            MailKind::Report => self.weekly.trouble(),
            MailKind::Chargeback => self.chargeback.trouble(),
            MailKind::Alerts => self.alerts.trouble(),
        }
    }

    /// Files of the folder that are no template's: a name that is misspelt would have no effect.
    #[must_use]
    pub fn strays(&self) -> &[String] {
        &self.strays
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
        self.weekly.dressed(|filler| {
            let view = |limits: &Limits| View::of(figures, limits).noting(filler.caveat());
            let whole = view(&Limits::MAIL);
            let subject = one_line(&filler.fill(SUBJECT, &whole)?);
            let text = filler.fill(TEXT, &whole)?;
            let (mut cut, mut bytes) = (whole, 0);
            for cuts in 1..=CUTS + 1 {
                let html = inlined(&filler.fill(HTML, &cut)?)?;
                bytes = encoded_bytes(&html);
                if bytes <= HTML_BYTES_MAX {
                    return Ok(RenderedReport { subject, html, text });
                }
                cut = view(&Limits::MAIL.after(cuts.min(CUTS), CUTS));
            }
            Err(TemplateError::TooLarge { bytes })
        })
    }

    /// The report as a page of its own, with every row, for a browser.
    ///
    /// # Errors
    /// When the template fails on these figures.
    pub fn render_web(&self, figures: &Figures) -> Result<String, TemplateError> {
        self.weekly.dressed(|filler| {
            filler.fill(WEB, &View::of(figures, &Limits::NONE).noting(filler.caveat()))
        })
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
        self.chargeback.dressed(|filler| {
            let view = |rows| chargeback::View::of(statement, rows).noting(filler.caveat());
            mail(filler, templates, rows.clone(), view)
        })
    }

    /// A message of alerts as a mail; its HTML shows as many alerts as it has room for, the worst
    /// first.
    ///
    /// # Errors
    /// When a template fails on it, or even the shortest mail is too large.
    pub fn render_alerts(&self, message: &Message) -> Result<RenderedReport, TemplateError> {
        let templates = [ALERTS_SUBJECT, ALERTS_TEXT, ALERTS_HTML];
        let shown = alerts::SHOWN_MIN..=SHOWN_MAX;
        self.alerts.dressed(|filler| {
            let view = |shown| alerts::View::of(message, shown).noting(filler.caveat());
            mail(filler, templates, shown.clone(), view)
        })
    }
}

/// A mail of subject, text and HTML: as many rows in the text as may be, and as many in the HTML as
/// it has room for.
fn mail<V: Serialize>(
    filler: &Filler<'_>,
    [subject, text, html]: [&str; 3],
    rows: RangeInclusive<usize>,
    view: impl Fn(usize) -> V,
) -> Result<RenderedReport, TemplateError> {
    let whole = view(*rows.end());
    let subject = one_line(&filler.fill(subject, &whole)?);
    let text = filler.fill(text, &whole)?;
    let mut shown = *rows.end();
    loop {
        let html = inlined(&filler.fill(html, &view(shown))?)?;
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
