//! The tables by name: what each is, its columns, and their version.

use super::column::{Column, columns_of};
use super::{costs, figures, focus, groups, runs};

/// The version of every table's columns. Columns may be added, at the end or within, without a new
/// one: readers go by names. A column that is renamed, dropped or changes its meaning needs one.
pub const TABLES_VERSION: u32 = 1;

/// A table that can be exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// A row a run.
    Runs,
    /// A row a cost line.
    Costs,
    /// A row a job.
    Jobs,
    /// A row a run and its retries.
    Chains,
    /// A row a team.
    Teams,
    /// A row a quota.
    Quota,
    /// A row an hour, job and team.
    Hourly,
    /// FOCUS rows.
    Focus,
}

impl Table {
    /// Every table, in the order in which a workbook has them.
    pub const ALL: [Self; 8] = [
        Self::Runs,
        Self::Costs,
        Self::Jobs,
        Self::Chains,
        Self::Teams,
        Self::Quota,
        Self::Hourly,
        Self::Focus,
    ];

    /// The table's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Costs => "costs",
            Self::Jobs => "jobs",
            Self::Chains => "chains",
            Self::Teams => "teams",
            Self::Quota => "quota",
            Self::Hourly => "hourly",
            Self::Focus => "focus",
        }
    }

    /// The table of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// Its columns, in order.
    #[must_use]
    pub fn columns(self) -> Vec<&'static Column> {
        match self {
            Self::Runs => columns_of(runs::RUNS),
            Self::Costs => columns_of(costs::COSTS),
            Self::Jobs => columns_of(figures::JOBS),
            Self::Chains => columns_of(groups::CHAINS),
            Self::Teams => columns_of(figures::TEAMS),
            Self::Quota => columns_of(figures::QUOTA),
            Self::Hourly => columns_of(groups::HOURLY),
            Self::Focus => columns_of(focus::FOCUS),
        }
    }

    /// The column whose sum is the cost of the period; `None` for a table without money.
    #[must_use]
    pub const fn cost_column(self) -> Option<&'static str> {
        match self {
            Self::Costs => Some("amount_usd"),
            Self::Focus => Some("x_LedgerAmount"),
            Self::Quota => None,
            _ => Some("cost_usd"),
        }
    }

    /// The list of its columns, as documented: a Markdown table.
    #[must_use]
    pub fn documented(self) -> String {
        let mut text = format!(
            "`{}`, version {TABLES_VERSION}\n\n| column | type | says |\n|---|---|---|\n",
            self.name()
        );
        for column in self.columns() {
            let Column { name, kind, meaning, .. } = column;
            text += &format!("| {name} | {} | {meaning} |\n", kind.word());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_lead_back() {
        for table in Table::ALL {
            assert_eq!(Table::named(table.name()), Some(table));
            let names: BTreeSet<_> = table.columns().iter().map(|column| column.name).collect();
            assert_eq!(names.len(), table.columns().len(), "{table:?}");
            if let Some(cost) = table.cost_column() {
                let column = table.columns().into_iter().find(|column| column.name == cost);
                assert!(column.is_some_and(|column| column.is_summed), "{table:?}");
            }
        }
    }
}
