//! One evaluation: every rule is asked, what is silenced is set aside, and the lifecycle says of
//! each alert what is known next and whether it is told. Pure.
//!
//! A rule that panics on odd data takes nothing with it: it is reported as `rule-broken`, its
//! alerts stay as they were, and the others are asked.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::facts::Facts;
use super::finding::{Finding, Severity, Subject, fingerprint};
use super::handover::{Hands, passed_on};
use super::lifecycle::{AlertState, Notice, Pace, Quiet, Seen, Stage, Step, step};
use super::recipients::Recipients;
use super::rule::{self, Asked, Rules};
use super::settings::{AlertSettings, AlertSettingsError, Silences};
use crate::model::Recipient;

/// The code of the finding that a rule is broken.
pub const BROKEN: &str = "rule-broken";

/// The tag that silences a job, as in the published solution, and its value.
const SILENCING_TAG: (&str, &str) = ("remediate", "false");

/// What is kept of an alert from one evaluation to the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// How far its story is told.
    pub state: AlertState,
    /// What was found when it was told last, or first: what there is to say once it is over.
    pub finding: Arc<Finding>,
}

/// An alert after an evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// What makes it the same one at other times.
    pub fingerprint: String,
    /// What is found, or was when it was told last.
    pub finding: Arc<Finding>,
    /// Where it stands.
    pub stage: Stage,
    /// When it began.
    pub opened_at: Timestamp,
    /// As what it is to be told, or why it is not.
    pub outcome: Result<Notice, Quiet>,
    /// Who is to be told, or would be.
    pub recipients: Vec<Recipient>,
}

impl Alert {
    /// Its place among others: the most severe first, then by subject.
    fn place(&self) -> (Reverse<Severity>, &Subject, &str) {
        let Finding { severity, subject, code, .. } = &*self.finding;
        (Reverse(*severity), subject, code)
    }
}

/// What an evaluation came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// What "now" was.
    pub at: Timestamp,
    /// Every alert that is there or was, the most severe first, then by subject.
    pub alerts: Vec<Alert>,
    /// What is known from now on, by fingerprint. Equal to what was known before on a quiet
    /// evaluation: then nothing is to be stored.
    pub known: BTreeMap<String, Known>,
}

impl Evaluation {
    /// How many findings are there now and silenced, by the kind of reason.
    #[must_use]
    pub fn silenced(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        for alert in &self.alerts {
            let why = match &alert.outcome {
                Err(Quiet::Tag { .. }) => "tag",
                Err(Quiet::Muted { .. }) => "mute",
                Err(Quiet::Baseline) => "baseline",
                Err(Quiet::NoRecipient) => "no-recipient",
                _ => continue,
            };
            *counts.entry(why).or_default() += 1;
        }
        counts
    }
}

/// What evaluates: the settings, ready to be applied.
pub struct Evaluator {
    pub(super) rules: Rules,
    pub(super) silences: Silences,
    pub(super) recipients: Recipients,
    pub(super) reminders: Vec<SignedDuration>,
}

/// What the rules say of the facts, before anything is made of it.
struct Answers {
    /// By fingerprint, so that two findings of one are one.
    found: BTreeMap<String, Arc<Finding>>,
    /// The rules that broke, and how.
    broken: BTreeMap<&'static str, String>,
}

impl Evaluator {
    /// Makes the rules of the settings.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn new(
        settings: &AlertSettings,
        recipients: Recipients,
    ) -> Result<Self, AlertSettingsError> {
        settings.check()?;
        Ok(Self {
            rules: settings.rules()?,
            silences: settings.silences()?,
            recipients,
            reminders: settings.reminders(),
        })
    }

    /// What follows from the facts and from what was known before. With `baseline` everything that
    /// is new is taken as known.
    #[must_use]
    pub fn evaluate(
        &self,
        facts: Facts,
        before: &BTreeMap<String, Known>,
        baseline: bool,
    ) -> Evaluation {
        let facts = facts.tidied();
        let answers = self.ask(&facts);
        let pace = Pace { now: facts.now, baseline, reminders: &self.reminders };
        let fingerprints: BTreeSet<&String> = answers.found.keys().chain(before.keys()).collect();
        let alerts = Vec::with_capacity(fingerprints.len());
        let mut evaluation = Evaluation { at: facts.now, alerts, known: BTreeMap::new() };
        // Whether a part is told depends on its whole.
        let (parts, wholes): (Vec<&String>, Vec<&String>) = fingerprints
            .into_iter()
            .partition(|fingerprint| rule::whole_of(code_of(fingerprint)).is_some());
        for fingerprint in wholes.into_iter().chain(parts) {
            let (found, known) = (answers.found.get(fingerprint), before.get(fingerprint));
            let Some(finding) = found.or(known.map(|known| &known.finding)) else { continue };
            let recipients = self.recipients.of(&finding.subject);
            let told_with = known.and_then(|known| end_told(known, &evaluation.known));
            let state = told_with.as_ref().or(known.map(|known| &known.state));
            let step = match found {
                Some(finding) => {
                    let silence = self
                        .silence(finding, &facts, &recipients)
                        .or_else(|| self.part_of(finding, &evaluation.known, &facts, &recipients));
                    let seen = Seen::Found(finding, silence.as_ref());
                    step(state, seen, &pace)
                }
                None => self.unfound(finding, state, &facts, &answers, &pace),
            };
            let step = if told_in_part(finding, before) { step.as_worsening() } else { step };
            let hands = match found {
                Some(finding) => self.recipients.hands(finding, before, &recipients, &step.outcome),
                None => Hands::default(),
            };
            evaluation.add(fingerprint, finding, known, step, recipients, hands);
        }
        evaluation.alerts.sort_by(|a, b| a.place().cmp(&b.place()));
        evaluation
    }

    fn ask(&self, facts: &Facts) -> Answers {
        let mut answers = Answers { found: BTreeMap::new(), broken: BTreeMap::new() };
        for (code, rule) in self.rules.iter() {
            match guarded(|| rule.find(facts)) {
                Ok(findings) => {
                    let found =
                        findings.into_iter().map(|found| (found.fingerprint(), Arc::new(found)));
                    answers.found.extend(found);
                }
                Err(how) => {
                    let finding = broken(code, &how);
                    answers.found.insert(finding.fingerprint(), Arc::new(finding));
                    answers.broken.insert(code, how);
                }
            }
        }
        answers
    }

    /// What follows for an alert that no rule finds now.
    fn unfound(
        &self,
        finding: &Finding,
        state: Option<&AlertState>,
        facts: &Facts,
        answers: &Answers,
        pace: &Pace<'_>,
    ) -> Step {
        if finding.code == BROKEN {
            return step(state, Seen::Clear, pace);
        }
        let Some(rule) = self.rules.get(&finding.code) else {
            return Step { state: None, outcome: Err(Quiet::RuleOff) };
        };
        let broke = answers.broken.contains_key(finding.code.as_str());
        let subject = &finding.subject;
        let blind = if broke {
            Some("its rule is broken".to_owned())
        } else if finding.code == COLLECTION_STALE {
            // That a source can be read again is seen by reading it.
            None
        } else {
            facts.blind_to(subject)
        };
        if let Some(why) = blind {
            return step(state, Seen::Blind(&why), pace);
        }
        match undecided(rule, facts, subject) {
            Some(why) => step(state, Seen::Waiting(&why), pace),
            None => step(state, Seen::Clear, pace),
        }
    }

    /// Whether a finding is told by another one of its subject: one that is at least as severe,
    /// that its readers know of, and that nothing silences.
    fn part_of(
        &self,
        finding: &Finding,
        known: &BTreeMap<String, Known>,
        facts: &Facts,
        to: &[Recipient],
    ) -> Option<Quiet> {
        let code = rule::whole_of(&finding.code)?;
        let Known { state, finding: whole } = known.get(&fingerprint(code, &finding.subject))?;
        let tells = state.speaks(facts.now)
            && whole.severity >= finding.severity
            && self.silence(whole, facts, to).is_none();
        tells.then(|| Quiet::PartOf { code: code.to_owned() })
    }

    /// Why a finding is not told, if it is not.
    fn silence(&self, finding: &Finding, facts: &Facts, to: &[Recipient]) -> Option<Quiet> {
        let tags = facts.job(&finding.subject).map(|job| &job.tags);
        tags.and_then(silencing_tag)
            .map(|tag| Quiet::Tag { tag })
            .or_else(|| self.silences.silence(finding, facts.now))
            .or_else(|| to.is_empty().then_some(Quiet::NoRecipient))
    }
}

impl Evaluation {
    fn add(
        &mut self,
        fingerprint: &str,
        finding: &Arc<Finding>,
        known: Option<&Known>,
        step: Step,
        mut recipients: Vec<Recipient>,
        hands: Hands,
    ) {
        let Step { state, outcome } = step;
        if let Some(state) = &state {
            // What was told is what its end will be about; a quiet evaluation writes nothing.
            let kept = known.filter(|_| outcome.is_err() && hands.is_empty());
            let kept = kept.map_or(finding, |known| &known.finding);
            let known = Known { state: state.clone(), finding: Arc::clone(kept) };
            self.known.insert(fingerprint.to_owned(), known);
        }
        let opened_at = state.as_ref().or(known.map(|known| &known.state));
        let alert = Alert {
            fingerprint: fingerprint.to_owned(),
            finding: Arc::clone(finding),
            stage: state.as_ref().map_or(Stage::Resolved, |state| state.stage),
            opened_at: opened_at.map_or(self.at, |state| state.opened_at),
            outcome,
            recipients: Vec::new(),
        };
        let Hands { joined, left } = hands;
        let was = known.filter(|_| !left.is_empty()).map(|known| passed_on(known, finding));
        self.alerts.extend(was.map(|was| Alert {
            finding: was.into(),
            stage: Stage::Resolved,
            outcome: Ok(Notice::Resolved),
            recipients: left,
            ..alert.clone()
        }));
        recipients.retain(|recipient| !joined.contains(recipient));
        let is_all = joined.is_empty();
        if !is_all {
            let outcome = Ok(Notice::Open);
            self.alerts.push(Alert { outcome, recipients: joined, ..alert.clone() });
        }
        if is_all || !recipients.is_empty() {
            self.alerts.push(Alert { recipients, ..alert });
        }
    }
}

/// What is known of a part whose whole's end was told, if it was.
fn end_told(known: &Known, now_known: &BTreeMap<String, Known>) -> Option<AlertState> {
    let code = known.state.part_of.as_deref()?;
    let whole = now_known.get(&fingerprint(code, &known.finding.subject));
    known.state.ended_with(whole.map(|whole| &whole.state))
}

/// The rule that a fingerprint is of.
fn code_of(fingerprint: &str) -> &str {
    fingerprint.split('|').next().unwrap_or_default()
}

/// Whether readers know of a part of a finding, that nobody told them the end of.
fn told_in_part(finding: &Finding, before: &BTreeMap<String, Known>) -> bool {
    let known = |part: &&str| before.get(&fingerprint(part, &finding.subject));
    let mut parts = rule::parts_of(&finding.code).iter().filter_map(known);
    parts.any(|part| part.state.owes_an_end())
}

/// The rule whose findings are about sources themselves.
const COLLECTION_STALE: &str = "collection-stale";

fn undecided(rule: &dyn Asked, facts: &Facts, subject: &Subject) -> Option<String> {
    guarded(|| rule.undecided(facts, subject)).unwrap_or_else(Some)
}

/// Asks a rule, and survives it.
fn guarded<T>(ask: impl FnOnce() -> T) -> Result<T, String> {
    // Rules are pure: whatever they were at is gone with the panic.
    catch_unwind(AssertUnwindSafe(ask)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        text.unwrap_or_else(|| "no reason given".to_owned())
    })
}

fn broken(code: &str, how: &str) -> Finding {
    let subject = Subject { detail: code.to_owned(), ..Subject::default() };
    let message = format!("The rule {code} broke and was not applied: {how}");
    Finding {
        advice:
            "This is a defect of Runledger: report it. Until then the rule can be switched off \
                 in the configuration"
                .to_owned(),
        ..Finding::new(BROKEN, Severity::Critical, subject, message)
    }
}

/// The tag that silences a job as it is written, if it carries it. Case and spaces around it do not
/// matter, as with the tags of owners.
fn silencing_tag(tags: &BTreeMap<String, String>) -> Option<String> {
    let (key, value) = SILENCING_TAG;
    let is = |text: &str, wanted: &str| text.trim().eq_ignore_ascii_case(wanted);
    let (key, value) = tags.iter().find(|(k, v)| is(k, key) && is(v, value))?;
    Some(format!("{}={}", key.trim(), value.trim()))
}
