//! Alerts of a job that becomes another team's while they stand: to whom they are new, and for whom
//! they are over. Pure.
//!
//! Who was told last follows from the finding that is kept of what was told. Not about changes of
//! the configuration: who is told from now on hears what there is to tell from now on.

use std::collections::{BTreeMap, BTreeSet};

use super::evaluate::Known;
use super::finding::{Finding, fingerprint};
use super::lifecycle::{Notice, Quiet};
use super::recipients::Recipients;
use super::rule;
use crate::model::Recipient;
use crate::ownership::UNALLOCATED;

/// Who is told something else than the rest because the subject is another team's now.
#[derive(Debug, Default)]
pub(super) struct Hands {
    /// Who was not told so far: the alert is new to them.
    pub(super) joined: Vec<Recipient>,
    /// Who was told, and no longer is: it is over for them.
    pub(super) left: Vec<Recipient>,
}

impl Hands {
    pub(super) const fn is_empty(&self) -> bool {
        self.joined.is_empty() && self.left.is_empty()
    }
}

impl Recipients {
    /// Who is told something else of what was found, by who was told of it or of a part of it. What
    /// is silenced stays with those who were told until it is heard again or over.
    pub(super) fn hands(
        &self,
        finding: &Finding,
        before: &BTreeMap<String, Known>,
        now: &[Recipient],
        outcome: &Result<Notice, Quiet>,
    ) -> Hands {
        let opens = match outcome {
            Ok(_) | Err(Quiet::Told { .. } | Quiet::Flapping { .. }) => true,
            Err(Quiet::PartOf { .. }) => false,
            Err(_) => return Hands::default(),
        };
        let owed = |code: &str| {
            let known = before.get(&fingerprint(code, &finding.subject))?;
            known.state.owes_an_end().then_some(&known.finding.subject)
        };
        let own = owed(&finding.code);
        let parts = rule::parts_of(&finding.code).iter().filter_map(|part| owed(part));
        let told: Vec<_> = own.into_iter().chain(parts).collect();
        if told.iter().all(|subject| subject.team == finding.subject.team) {
            return Hands::default();
        }
        // One person may be written in two ways.
        let names = |of: &[Recipient]| of.iter().map(Recipient::identity).collect::<BTreeSet<_>>();
        let told: Vec<_> = told.into_iter().flat_map(|subject| self.of(subject)).collect();
        let (told, tells) = (names(&told), names(now));
        let joined = now.iter().filter(|to| opens && !told.contains(&to.identity()));
        let mut left = own.map(|subject| self.of(subject)).unwrap_or_default();
        left.retain(|to| !tells.contains(&to.identity()));
        Hands { joined: joined.cloned().collect(), left }
    }
}

/// What its former readers are told of an alert that is another team's now.
pub(super) fn passed_on(known: &Known, now: &Finding) -> Finding {
    let (team, was) = (&now.subject.team, &known.finding.message);
    let message = match team.as_str() {
        "" | UNALLOCATED => format!("Of no team any more: {was}"),
        team => format!("Passed on to the team {team}: {was}"),
    };
    Finding { message, ..Finding::clone(&known.finding) }
}
