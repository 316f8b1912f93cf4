//! A table of finished strings: the one shape in which numbers reach the HTML and the text, so
//! that both show the same ones.
//!
//! A template draws it as HTML; [`Table::to_text`] lines it up for a terminal. Neither computes.

use serde::Serialize;

use super::words::width;

/// How wide the text part may get, in columns.
pub const TEXT_COLUMNS: usize = 100;
const GAP: usize = 2;
const NAME_COLUMNS_MIN: usize = 12;

/// A table with a heading, ready to be drawn.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Table {
    /// The heading above it.
    pub title: String,
    /// What the table shows, in a sentence; read out before its cells.
    pub caption: String,
    /// The columns, from the left.
    pub columns: Vec<Column>,
    /// The rows as far as they are shown.
    pub rows: Vec<Row>,
    /// What closes the table: the rest, and the total.
    pub foot: Vec<Row>,
    /// `Showing 20 of 120 jobs, total $1,234.56`; `None` where nothing is cut.
    pub cut: Option<String>,
    /// Whether every row has a first line of its own over the whole width.
    pub led: bool,
    /// The table as aligned text, made from all the above when the table is complete.
    pub text: String,
}

/// A column's head.
#[derive(Clone, Debug, Serialize)]
pub struct Column {
    /// What the column holds.
    pub label: &'static str,
    /// Whether it holds numbers, which line up at their right end.
    pub right: bool,
}

/// A row, which may begin with a line of its own and end with one.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Row {
    /// A name that needs the whole width, and what belongs to it.
    pub lead: Option<Lead>,
    /// One cell for each column.
    pub cells: Vec<Cell>,
    /// What is said of the row below its cells.
    pub note: Option<Note>,
}

/// A row's first line.
#[derive(Clone, Debug, Serialize)]
pub struct Lead {
    /// The name.
    pub text: String,
    /// Where it belongs: a team, an account.
    pub aside: String,
}

/// A row's last line.
#[derive(Clone, Debug, Serialize)]
pub struct Note {
    /// What is said.
    pub text: String,
    /// Where to look at it.
    pub link: Option<Link>,
}

/// A place to look.
#[derive(Clone, Debug, Serialize)]
pub struct Link {
    /// What the reader clicks on.
    pub label: String,
    /// Where that leads: made by [`super::links`] alone.
    pub href: String,
}

/// A cell.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Cell {
    /// What it says.
    pub text: String,
    /// What it adds in smaller letters, such as the percent of a change.
    pub sub: String,
    /// What its colour means.
    pub tone: Tone,
    /// A bar of that share of the width.
    pub bar: Option<Bar>,
}

/// What a colour means. Words or signs always say it too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// Nothing.
    #[default]
    Plain,
    /// Less important than its neighbours.
    Muted,
    /// Better than before, or as it should be.
    Good,
    /// Wants a look.
    Warn,
    /// Worse than before, or wrong.
    Bad,
}

/// A bar made of two table cells, in whole percent of its width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bar {
    /// The filled part.
    pub fill: u8,
    /// The rest: together they are 100.
    pub rest: u8,
}

impl Bar {
    /// The bar of a share of one; anything above nothing is visible.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 0..=100 before the cast"
    )]
    pub fn of(share: f64) -> Self {
        let fill = if share > 0.0 { (share * 100.0).round().clamp(1.0, 100.0) as u8 } else { 0 };
        Self { fill, rest: 100 - fill }
    }
}

impl Column {
    /// A column of words.
    #[must_use]
    pub const fn words(label: &'static str) -> Self {
        Self { label, right: false }
    }

    /// A column of numbers.
    #[must_use]
    pub const fn numbers(label: &'static str) -> Self {
        Self { label, right: true }
    }
}

impl Cell {
    /// A cell that says something and no more.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// With something added in smaller letters.
    #[must_use]
    pub fn with_sub(self, sub: impl Into<String>) -> Self {
        Self { sub: sub.into(), ..self }
    }

    /// With a meaning.
    #[must_use]
    pub fn with_tone(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }

    /// With a bar.
    #[must_use]
    pub fn with_bar(self, share: f64) -> Self {
        Self { bar: Some(Bar::of(share)), ..self }
    }
}

impl Row {
    /// A row of cells alone.
    #[must_use]
    pub fn of(cells: Vec<Cell>) -> Self {
        Self { cells, ..Self::default() }
    }
}

impl Table {
    /// The table with its text made: the last step of building one.
    #[must_use]
    pub fn finished(mut self) -> Self {
        self.text = self.to_text();
        self
    }

    /// The table as aligned text, at most [`TEXT_COLUMNS`] wide unless its numbers alone are
    /// wider: a name gives way, a number never.
    #[must_use]
    pub fn to_text(&self) -> String {
        let layout = Layout::of(self);
        let mut text = Text::default();
        text.line(&layout.head(&self.columns));
        text.line(&"-".repeat(layout.total()));
        for row in &self.rows {
            self.write_row(&layout, row, &mut text);
        }
        if !self.foot.is_empty() && !self.rows.is_empty() {
            text.line(&"-".repeat(layout.total()));
        }
        for row in &self.foot {
            self.write_row(&layout, row, &mut text);
        }
        if let Some(cut) = &self.cut {
            text.line(cut);
        }
        text.0
    }

    fn write_row(&self, layout: &Layout, row: &Row, text: &mut Text) {
        if let Some(lead) = &row.lead {
            let aside =
                if lead.aside.is_empty() { String::new() } else { format!("  ({})", lead.aside) };
            let room = TEXT_COLUMNS.saturating_sub(width(&aside)).max(NAME_COLUMNS_MIN);
            text.line(&format!("{}{aside}", super::words::shortened(&lead.text, room)));
        }
        text.line(&layout.row(&self.columns, &row.cells));
        if let Some(note) = &row.note {
            let note_text = super::words::wrapped(&note.text, TEXT_COLUMNS, 4);
            if !note_text.is_empty() {
                text.line(&format!("    {note_text}"));
            }
            if let Some(link) = &note.link {
                text.line(&format!("    {}: {}", link.label, link.href));
            }
        }
    }
}

/// Lines without spaces at their ends.
#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, line: &str) {
        self.0.push_str(line.trim_end());
        self.0.push('\n');
    }
}

/// The widths of a table's columns: of what a cell says, and of what it adds.
struct Layout {
    widths: Vec<(usize, usize)>,
}

impl Layout {
    fn of(table: &Table) -> Self {
        let widths = table.columns.iter().enumerate().map(|(index, column)| {
            let cells =
                || table.rows.iter().chain(&table.foot).filter_map(|row| row.cells.get(index));
            let text = cells().map(|cell| width(&cell.text)).max().unwrap_or(0);
            let sub = cells().map(|cell| width(&cell.sub)).max().unwrap_or(0);
            let missing = width(column.label).saturating_sub(column_width((text, sub)));
            (text + missing, sub)
        });
        let widths = widths.collect();
        let mut layout = Self { widths };
        let excess = layout.total().saturating_sub(TEXT_COLUMNS);
        if let Some((first, _)) = layout.widths.first_mut().filter(|_| !table.columns[0].right) {
            *first = first.saturating_sub(excess).max(NAME_COLUMNS_MIN.min(*first));
        }
        layout
    }

    fn total(&self) -> usize {
        let gaps = GAP * self.widths.len().saturating_sub(1);
        gaps + self.widths.iter().map(|widths| column_width(*widths)).sum::<usize>()
    }

    fn head(&self, columns: &[Column]) -> String {
        let cells = columns
            .iter()
            .zip(&self.widths)
            .map(|(column, widths)| padded(column.label, column_width(*widths), column.right));
        cells.collect::<Vec<_>>().join(&" ".repeat(GAP))
    }

    fn row(&self, columns: &[Column], cells: &[Cell]) -> String {
        let cells = columns.iter().zip(&self.widths).zip(cells).map(|((column, widths), cell)| {
            let (text, sub) = *widths;
            let mut shown = padded(&super::words::shortened(&cell.text, text), text, column.right);
            if sub > 0 {
                shown.push(' ');
                shown.push_str(&padded(&cell.sub, sub, column.right));
            }
            shown
        });
        cells.collect::<Vec<_>>().join(&" ".repeat(GAP))
    }
}

const fn column_width((text, sub): (usize, usize)) -> usize {
    if sub == 0 { text } else { text + 1 + sub }
}

fn padded(text: &str, columns: usize, right: bool) -> String {
    let padding = " ".repeat(columns.saturating_sub(width(text)));
    if right { format!("{padding}{text}") } else { format!("{text}{padding}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        Table {
            columns: vec![
                Column::words("Team"),
                Column::numbers("Cost"),
                Column::numbers("Change"),
            ],
            rows: vec![
                Row::of(vec![
                    Cell::new("Checkout"),
                    Cell::new("$1,200.00"),
                    Cell::new("+$200.00").with_sub("+20.0%"),
                ]),
                Row::of(vec![
                    Cell::new("a-team-with-a-name-that-goes-on-and-on".repeat(4)),
                    Cell::new("$3.00"),
                    Cell::new("$0.00"),
                ]),
            ],
            foot: vec![Row::of(vec![Cell::new("Total"), Cell::new("$1,203.00"), Cell::new("")])],
            ..Table::default()
        }
    }

    #[test]
    fn columns_line_up_and_fit() {
        let text = table().to_text();
        assert!(text.lines().all(|line| width(line) <= TEXT_COLUMNS), "{text}");
        let ends: Vec<_> =
            text.lines().filter_map(|line| line.find(".00").map(|at| width(&line[..at]))).collect();
        assert_eq!(ends.len(), 3);
        assert!(ends.windows(2).all(|pair| pair[0] == pair[1]), "{text}");
        assert!(text.contains('…'), "the long name gave way:\n{text}");
    }

    #[test]
    fn a_bar_shows_whatever_is_there() {
        assert_eq!(Bar::of(0.0), Bar { fill: 0, rest: 100 });
        assert_eq!(Bar::of(0.0001).fill, 1);
        assert_eq!(Bar::of(0.345), Bar { fill: 35, rest: 65 });
        assert_eq!(Bar::of(7.0), Bar { fill: 100, rest: 0 });
    }
}
