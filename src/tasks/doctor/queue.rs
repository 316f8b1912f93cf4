//! The queue of events: whether it is there, whether anybody takes its messages, and where those go
//! that nobody can read.

use super::check::{Check, Group};
use crate::aws::{AwsError, Trouble};
use crate::report::format;
use crate::sources::QueueFacts;

/// More than this waits only where nobody receives: a company's busiest hour has fewer events.
const WAITING_MAX: u64 = 10_000;

const GROUP: Group = Group::Events;
const PERMISSION: &str = "sqs:GetQueueAttributes";

pub(super) fn judge(
    queue: &Result<QueueFacts, AwsError>,
    dead: Option<&Result<QueueFacts, AwsError>>,
) -> Vec<Check> {
    let mut checks = Vec::new();
    match queue {
        Err(error) => checks.push(unseen("queue", error)),
        Ok(facts) => {
            let waiting = format!("{} waiting", format::plural(facts.waiting, "message"));
            checks.push(if facts.waiting > WAITING_MAX {
                let fix = "let `runledger watch` or the schedule `collect` run: they take them";
                Check::warn(GROUP, "queue", &waiting, fix)
            } else {
                Check::ok(GROUP, "queue", &waiting)
            });
            if !facts.has_redrive && dead.is_none() {
                let found = "a message that nobody can read comes again until it expires";
                let fix = "give the queue a redrive policy, or set `dead_letters` under [collect]";
                checks.push(Check::warn(GROUP, "dead letters", found, fix));
            }
        }
    }
    match dead {
        None => {}
        Some(Err(error)) => checks.push(unseen("dead letters", error)),
        Some(Ok(facts)) if facts.waiting > 0 => {
            let letters = format::plural(facts.waiting, "message");
            let found = format!("{letters} could not be read");
            let fix = "read them: each says why in its attribute RunledgerReason";
            checks.push(Check::warn(GROUP, "dead letters", &found, fix));
        }
        Some(Ok(_)) => checks.push(Check::ok(GROUP, "dead letters", "none")),
    }
    let is_answer = queue.is_ok() || dead.is_some_and(Result::is_ok);
    let heard = |check: Check| if is_answer { check.answered() } else { check };
    checks.into_iter().map(heard).collect()
}

fn unseen(name: &str, error: &AwsError) -> Check {
    // SQS has a code of its own for a queue that is not there, and its words say it best.
    let is_gone = error.message.contains("NonExistentQueue")
        || error.message.contains("QueueDoesNotExist")
        || error.trouble == Trouble::NotFound;
    if is_gone {
        let fix = "correct `queue` and `dead_letters` under [collect], or create the queue";
        return Check::wrong(GROUP, name, &error.to_string(), fix).answered();
    }
    Check::unseen(GROUP, name, PERMISSION, error)
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    fn states(
        queue: &Result<QueueFacts, AwsError>,
        dead: Option<&Result<QueueFacts, AwsError>>,
    ) -> Vec<State> {
        judge(queue, dead).iter().map(|check| check.state).collect()
    }

    fn facts(waiting: u64, has_redrive: bool) -> Result<QueueFacts, AwsError> {
        Ok(QueueFacts { waiting, has_redrive })
    }

    #[test]
    fn a_queue_that_grows_or_has_no_way_out_is_worth_a_word() {
        use State::{NotChecked, Ok, Warn, Wrong};
        assert_eq!(states(&facts(10_000, true), None), [Ok]);
        assert_eq!(states(&facts(10_001, false), None), [Warn, Warn]);
        assert_eq!(states(&facts(0, false), Some(&facts(0, false))), [Ok, Ok]);
        assert_eq!(states(&facts(0, true), Some(&facts(2, false))), [Ok, Warn]);
        let error = |trouble, message: &str| {
            let message = message.to_owned();
            Err(AwsError { action: "sqs GetQueueAttributes".into(), trouble, message })
        };
        assert_eq!(states(&error(Trouble::Other, "QueueDoesNotExist: no"), None), [Wrong]);
        assert_eq!(states(&error(Trouble::AccessDenied, "no"), None), [NotChecked]);
    }
}
