//! Which run another one tries again, as each run says it of itself.

use super::JobRun;

/// The longest run id that any engine gives; a longer one names no run that could be stored.
const RUN_ID_BYTES_MAX: usize = 1_024;

/// What a retry tries again: the attempts of a run below a number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RetryOf {
    /// The run: another one, or the retry's own where attempts share an id.
    pub run_id: String,
    /// The first attempt that is not meant. Where the retry is a run of its own, none is left out.
    pub below: u32,
}

impl JobRun {
    /// What this run tries again, if it is a retry. One that claims to retry itself does not.
    #[must_use]
    pub fn retry_of(&self) -> Option<RetryOf> {
        let own = &self.identity.run_id;
        if let Some(before) = &self.previous_run_id {
            let is_one = before != own && before.len() <= RUN_ID_BYTES_MAX;
            return is_one.then(|| RetryOf { run_id: before.clone(), below: u32::MAX });
        }
        let attempt = self.identity.attempt;
        (attempt > 1).then(|| RetryOf { run_id: own.clone(), below: attempt })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Engine, RunIdentity, RunState};

    #[test]
    fn a_retry_is_a_run_of_its_own_or_a_later_attempt_and_never_of_itself() {
        let of = |attempt: u32, previous: Option<&str>| {
            let identity = RunIdentity {
                account: "111122223333".into(),
                region: "eu-west-1".into(),
                engine: Engine::Glue,
                application_id: None,
                run_id: "b".into(),
                attempt,
            };
            let mut run = JobRun::new(identity, RunState::Failed);
            run.previous_run_id = previous.map(str::to_owned);
            run.retry_of().map(|retry| (retry.run_id, retry.below))
        };
        assert_eq!(of(1, None), None);
        assert_eq!(of(3, None), Some(("b".to_owned(), 3)));
        assert_eq!(of(1, Some("a")), Some(("a".to_owned(), u32::MAX)));
        assert_eq!(of(1, Some("b")), None);
        assert_eq!(of(1, Some(&"a".repeat(2_000))), None);
    }
}
