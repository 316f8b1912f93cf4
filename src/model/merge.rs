//! One run from many facts: the same run told by two sources, twice, or out of order.
//!
//! Every field is a register: a known value beats an unknown one, then the fact of a run that has
//! ended beats one of a run under way, then the newer update beats the older, and at last the
//! greater value, so that the order in which facts arrive never matters. Tags are frozen at the
//! run's end: of those told since, the oldest stay. Where a field's value is
//! not as old as the run as a whole (the newest fact left the field out, or an event told a final
//! figure without the end), `JobRun::older` remembers how old: without it, merging three facts
//! would depend on which two met first.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Definition, JobRun};

/// How good a fact is: of a run that has ended or not, and when the source last changed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp {
    /// Whether the run had ended when the fact was told.
    #[serde(rename = "t")]
    pub terminal: bool,
    /// The source's own time stamp of the fact.
    #[serde(rename = "u")]
    pub updated_at: Option<Timestamp>,
}

impl JobRun {
    /// How good the newest fact of the run is.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        Stamp { terminal: self.state.is_terminal(), updated_at: self.updated_at }
    }

    /// How good, and how old, the value of a field is.
    #[must_use]
    pub fn stamp_of(&self, field: &str) -> Stamp {
        self.older.get(field).copied().unwrap_or_else(|| self.stamp())
    }

    /// Whether `billed` is what AWS says of the run after its end, rather than an interim figure.
    #[must_use]
    pub fn billed_is_final(&self) -> bool {
        self.billed.is_some() && self.stamp_of("billed").terminal
    }
}

/// Everything that two facts of one run tell together. Commutative, associative and idempotent, so
/// storing is safe in any order and any number of times.
///
/// The identities of the two must be equal; the first one's is kept.
#[must_use]
pub fn merge(a: &JobRun, b: &JobRun) -> JobRun {
    // The one whose newest fact is better leads; on a tie the state's order decides.
    let (lead, other) =
        if (a.stamp(), &a.state) >= (b.stamp(), &b.state) { (a, b) } else { (b, a) };
    let mut merged = lead.clone();
    merged.older.clear();
    let whole = lead.stamp();
    macro_rules! fields {
        ($($field:ident),* $(,)?) => {$(
            let name = stringify!($field);
            let (stamp_a, stamp_b) = (lead.stamp_of(name), other.stamp_of(name));
            let (value, stamp) = match (&lead.$field, &other.$field) {
                (None, None) => (None, whole),
                (Some(_), None) => (lead.$field.clone(), stamp_a),
                (None, Some(_)) => (other.$field.clone(), stamp_b),
                (Some(x), Some(y)) if (worth(name, stamp_a), x) >= (worth(name, stamp_b), y) => {
                    (lead.$field.clone(), stamp_a)
                }
                (Some(_), Some(_)) => (other.$field.clone(), stamp_b),
            };
            if value.is_some() && stamp != whole {
                merged.older.insert(name.to_owned(), stamp);
            }
            merged.$field = value;
        )*};
    }
    fields!(
        job_name,
        started_at,
        created_at,
        ended_at,
        execution_seconds,
        previous_run_id,
        kind,
        version,
        execution_class,
        worker_type,
        worker_count,
        max_capacity,
        dpu_seconds,
        used,
        billed,
        timeout_minutes,
        error,
        trigger,
        tags,
        imported_cost,
        unknown,
    );
    for (day, reading) in &other.readings {
        // Totals only grow, so the later reading of a day tells more; on a tie the greater one.
        let kept = merged.readings.entry(*day).or_insert(*reading);
        *kept = (*kept).max(*reading);
    }
    for (teller, at) in &other.told_by {
        merged.told(teller.clone(), *at);
    }
    merged.definition = frozen(lead.definition.as_ref(), other.definition.as_ref()).cloned();
    merged
}

/// How much a field's stamp counts against another: the newer the more, but of the tags of a run
/// that has ended the older, because what is tagged later is not about this run.
fn worth(field: &str, stamp: Stamp) -> (bool, i128) {
    let age = stamp.updated_at.map_or(i128::MIN, Timestamp::as_nanosecond);
    let is_frozen = field == "tags" && stamp.terminal;
    (stamp.terminal, if is_frozen { age.checked_neg().unwrap_or(i128::MAX) } else { age })
}

/// The definition that the run keeps: the first one read with its tags after the run's end; until
/// there is one, the latest.
fn frozen<'d>(a: Option<&'d Definition>, b: Option<&'d Definition>) -> Option<&'d Definition> {
    let (Some(a), Some(b)) = (a, b) else { return a.or(b) };
    let rank = |d: &Definition| {
        let seconds = d.observed_at.as_microsecond();
        (d.tags.is_some(), d.at_end, if d.at_end { -seconds } else { seconds })
    };
    Some(if (rank(a), a) >= (rank(b), b) { a } else { b })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::model::{Engine, Reading, Resources, RunIdentity, RunState, Teller, utc_day};

    fn identity() -> RunIdentity {
        RunIdentity {
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            engine: Engine::EmrServerless,
            application_id: Some("app".into()),
            run_id: "run".into(),
            attempt: 1,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn resources(hours: i64) -> Resources {
        Resources {
            vcpu_hours: hours.into(),
            memory_gb_hours: hours.into(),
            storage_gb_hours: 0.into(),
        }
    }

    /// Facts as sources tell them: few distinct values, so that ties and gaps are common.
    fn fact() -> impl Strategy<Value = JobRun> {
        let state = prop::sample::select(vec!["RUNNING", "SUCCESS", "FAILED"]);
        let small = || prop::option::of(1_i64..4);
        let final_billing = any::<bool>();
        let definition = prop::option::of((1_i64..4, any::<bool>(), prop::option::of(0..3)));
        let reading = prop::option::of((0_i64..3, 1_i64..4));
        let tags = prop::option::of((0_i32..3, prop::option::of(1_i64..6)));
        let teller = (prop::sample::select(vec!["file", "event", "x"]), 1_i64..4);
        let late = (reading, tags, teller);
        (state, small(), small(), small(), small(), definition, final_billing, late).prop_map(
            |(state, updated, ended, billed, seconds, definition, final_billing, late)| {
                let (reading, tags, (teller, told)) = late;
                let mut run = JobRun::new(identity(), RunState::from(state));
                run.updated_at = updated.map(at);
                run.ended_at = ended.map(at);
                run.billed = billed.map(resources);
                let of_an_event = Stamp { terminal: true, updated_at: None };
                if run.billed.is_some() && final_billing && run.stamp() != of_an_event {
                    run.older.insert("billed".into(), of_an_event);
                }
                run.readings = reading
                    .map(|(half_day, hours)| {
                        let at = at(half_day * 43_200);
                        (utc_day(at), Reading { at, billed: resources(hours) })
                    })
                    .into_iter()
                    .collect();
                run.told(Teller::from(teller), at(told));
                if let Some((tag, observed)) = tags {
                    run.tags = Some(BTreeMap::from([("team".to_owned(), tag.to_string())]));
                    observed.into_iter().for_each(|second| run.observe_tags(at(second)));
                }
                run.execution_seconds = seconds.map(|s| s.unsigned_abs());
                run.definition = definition.map(|(observed, at_end, tag)| Definition {
                    observed_at: at(observed),
                    at_end,
                    tags: tag.map(|t: i32| BTreeMap::from([("team".to_owned(), t.to_string())])),
                    ..Definition::default()
                });
                run
            },
        )
    }

    proptest! {
        #[test]
        fn the_order_of_facts_never_matters(a in fact(), b in fact(), c in fact()) {
            prop_assert_eq!(merge(&a, &b), merge(&b, &a));
            prop_assert_eq!(merge(&a, &a), a.clone());
            let left = merge(&merge(&a, &b), &c);
            prop_assert_eq!(&left, &merge(&a, &merge(&b, &c)));
            prop_assert_eq!(&merge(&left, &b), &left);
        }

        #[test]
        fn an_end_is_never_unlearnt(a in fact(), b in fact()) {
            let merged = merge(&a, &b);
            prop_assert_eq!(
                merged.state.is_terminal(), a.state.is_terminal() || b.state.is_terminal());
            prop_assert_eq!(merged.billed.is_some(), a.billed.is_some() || b.billed.is_some());
        }
    }

    #[test]
    fn billed_resources_may_come_late_with_no_newer_time_stamp() {
        let mut early = JobRun::new(identity(), RunState::Success);
        early.updated_at = Some(at(100));
        let mut late = early.clone();
        late.billed = Some(resources(2));
        let merged = merge(&early, &late);
        assert_eq!(merged.billed, late.billed);
        assert!(merged.billed_is_final());
    }

    #[test]
    fn an_interim_figure_is_not_final() {
        let mut running = JobRun::new(identity(), RunState::Running);
        running.updated_at = Some(at(50));
        running.billed = Some(resources(1));
        let mut ended = JobRun::new(identity(), RunState::Success);
        ended.updated_at = Some(at(100));
        let merged = merge(&running, &ended);
        assert_eq!(merged.billed, Some(resources(1)));
        assert!(!merged.billed_is_final());
    }

    #[test]
    fn retagging_a_run_after_its_end_does_not_rewrite_it() {
        let tagged = |state: &str, observed, team: &str| {
            let mut run = JobRun::new(identity(), RunState::from(state));
            run.updated_at = Some(at(100));
            run.tags = Some(BTreeMap::from([("team".to_owned(), team.to_owned())]));
            run.observe_tags(at(observed));
            run
        };
        let team = |run: &JobRun| run.tags.clone().unwrap()["team"].clone();
        let (ended, later) = (tagged("SUCCESS", 110, "at-end"), tagged("SUCCESS", 120, "later"));
        assert_eq!(team(&merge(&ended, &later)), "at-end");
        assert_eq!(team(&merge(&later, &ended)), "at-end");
        // Until it ends, the newest tags are the run's.
        let (early, late) = (tagged("RUNNING", 50, "early"), tagged("RUNNING", 60, "a-late"));
        assert_eq!(team(&merge(&early, &late)), "a-late");
        assert_eq!(team(&merge(&merge(&late, &ended), &later)), "at-end");
    }

    #[test]
    fn each_teller_is_kept_with_its_first_time() {
        let told = |teller: Teller, second| {
            let mut run = JobRun::new(identity(), RunState::Success);
            run.told(teller, at(second));
            run
        };
        let both = merge(&told(Teller::File, 9), &told(Teller::Event, 5));
        let again = merge(&merge(&told(Teller::File, 12), &both), &told(Teller::File, 7));
        let expected = BTreeMap::from([(Teller::Event, at(5)), (Teller::File, at(7))]);
        assert_eq!(again.told_by, expected);
    }

    #[test]
    fn retagging_a_job_does_not_rewrite_its_past() {
        let tagged = |observed, at_end, team: &str| {
            let mut run = JobRun::new(identity(), RunState::Success);
            run.definition = Some(Definition {
                observed_at: at(observed),
                at_end,
                tags: Some(BTreeMap::from([("team".to_owned(), team.to_owned())])),
                ..Definition::default()
            });
            run
        };
        let team = |run: &JobRun| run.definition.clone().unwrap().tags.unwrap()["team"].clone();
        let merged = merge(&tagged(20, true, "new"), &tagged(10, true, "old"));
        assert_eq!(team(&merged), "old");
        assert_eq!(team(&merge(&tagged(5, false, "before"), &merged)), "old");
    }
}
