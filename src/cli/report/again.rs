//! `report --send` of what is on record already: sent again, restated, or finished where a start
//! was cut short. Whose mail is replaced gets the one that takes its place, with its tables.

use super::super::log::advise;
use super::super::{Failure, World};
use super::Report;
use crate::app::App;
use crate::model::{Address, Occurrence, Recipient};
use crate::report::ReportSettings;
use crate::tables::TableFile;
use crate::tasks::publish::Publication;
use crate::tasks::replaced::OnRecord;

impl Report {
    /// Whether mails take the place of others.
    pub(super) const fn replaces(&self) -> bool {
        self.resend || self.restate
    }

    /// The report's settings with the readers that the ledger has: of what is replaced they alone,
    /// of a restatement that was begun also they. A schedule says who its readers are.
    pub(super) fn with_readers_on_record(
        &self,
        world: &World,
        on_record: &OnRecord,
        settings: &ReportSettings,
    ) -> ReportSettings {
        let mut all = settings.clone();
        if world.occasion.is_some() {
            return all;
        }
        let mut without = 0;
        for (edition, known) in on_record.readers() {
            let is_asked = self.team.as_ref().is_none_or(|team| *team == edition);
            if !is_asked || !(self.replaces() || on_record.is_restated(&edition)) {
                continue;
            }
            let readers = if edition == Occurrence::WHOLE_COMPANY {
                &mut all.recipients
            } else {
                all.teams.entry(edition).or_default()
            };
            // As the configuration spells them, where it has them.
            let spelt = |reader: Address| {
                let other = readers.iter().find(|other| is_same(&reader, other));
                other.cloned().unwrap_or(reader)
            };
            let known: Vec<Address> = known.into_iter().map(spelt).collect();
            let mut others = std::mem::replace(readers, known);
            others.retain(|other| !readers.iter().any(|reader| is_same(reader, other)));
            if self.replaces() {
                without += others.len();
            } else {
                readers.extend(others);
            }
        }
        if without > 0 {
            let line = format!("readers who never had a mail of it yet get none now: {without}");
            advise(world.quiet, &line, "`report --send` without more sends to them");
        }
        all
    }

    /// The tables that go with the mails where none are asked for: those of the mails whose place
    /// they take, or that other readers of the same revision have.
    pub(super) async fn tables_on_record(
        &self,
        app: &App,
        world: &World,
        on_record: &OnRecord,
        publication: &Publication<'_>,
    ) -> Result<Option<Vec<TableFile>>, Failure> {
        let is_restated = || on_record.readers().keys().any(|name| on_record.is_restated(name));
        // A schedule says what goes with the report, but not with a restatement.
        let is_said = world.occasion.is_some() && !self.replaces() && !is_restated();
        if is_said || !publication.attachments.is_empty() || publication.copy_to.is_some() {
            return Ok(None);
        }
        let mut tables = on_record.tables(&app.store, publication).await?;
        if !tables.are_all {
            for schedule in app.config.schedules()?.iter().filter(|entry| entry.sends(&self.name)) {
                for name in &schedule.attachments {
                    let file = name.parse()?;
                    if !tables.files.contains(&file) {
                        tables.files.push(file);
                    }
                }
            }
        }
        Ok(Some(tables.files))
    }
}

/// Whether two addresses are one mailbox, however they are spelt.
fn is_same(one: &Address, other: &Address) -> bool {
    Recipient::Mail(one.clone()).identity() == Recipient::Mail(other.clone()).identity()
}
