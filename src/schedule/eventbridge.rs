//! Schedules as EventBridge Scheduler's entries in a CloudFormation template: each starts its
//! task's container with `schedule run NAME`. The container decides what is due; AWS only wakes it.
//!
//! A schedule that comes less often than every hour has a second entry, which looks every hour for
//! what was missed or failed: where nothing is due, the container ends within seconds.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

use super::settings::{Schedule, Schedules};

/// How long AWS goes on trying to start the container, in seconds: the next look comes then.
const RETRIED_SECONDS: u32 = 3_600;

/// The resources, in YAML, indented for the `Resources` of a template. Those of schedules that are
/// not in force are `DISABLED`; what is as it ships follows the template's parameters instead.
#[must_use]
pub fn entries(schedules: &Schedules) -> String {
    let mut yaml = String::new();
    // Those that ship can always be read, as a test does.
    let shipped = Schedules::load(None).ok();
    for schedule in schedules.iter() {
        let as_shipped = shipped.as_ref().and_then(|shipped| shipped.named(&schedule.name));
        let state = state(schedule, as_shipped);
        let expression = schedule.cron.for_eventbridge();
        entry(&mut yaml, schedule, "", &state, (expression.as_str(), zone(schedule, as_shipped)));
        if comes_seldom(schedule) {
            entry(&mut yaml, schedule, "-catch-up", &state, ("cron(25 * * * ? *)", "UTC"));
        }
    }
    yaml
}

/// For each that ships and is not in force the template has a condition.
fn state(schedule: &Schedule, as_shipped: Option<&Schedule>) -> String {
    match as_shipped {
        _ if schedule.enabled => "!Ref ScheduleState".to_owned(),
        Some(_) => {
            format!("!If [{}InForce, !Ref ScheduleState, DISABLED]", pascal(&schedule.name))
        }
        None => "DISABLED".to_owned(),
    }
}

/// A local zone that nobody has changed is the template's parameter; the containers go by it too.
fn zone<'s>(schedule: &'s Schedule, as_shipped: Option<&Schedule>) -> &'s str {
    let zone = schedule.zone_name();
    let is_as_shipped = as_shipped.is_some_and(|shipped| shipped.zone_name() == zone);
    if is_as_shipped && zone != "UTC" { "!Ref ReportTimeZone" } else { zone }
}

/// How many containers the entries of a schedule start from `since` to `until`, whether there is
/// anything to do or not.
#[must_use]
pub fn wakes(schedule: &Schedule, since: Timestamp, until: Timestamp) -> u64 {
    if !schedule.enabled {
        return 0;
    }
    let inside = |at: &Timestamp| *at < until;
    let just_before = since.checked_sub(SignedDuration::from_secs(1)).unwrap_or(since);
    let due = schedule.after(just_before).take_while(inside).count() as u64;
    let hours = until.duration_since(since).as_hours();
    let looks = if comes_seldom(schedule) { u64::try_from(hours).unwrap_or(0) } else { 0 };
    due + looks
}

/// Whether more than an hour lies between two due times, as of a day that is like the others.
fn comes_seldom(schedule: &Schedule) -> bool {
    let mut times = schedule.after(Timestamp::UNIX_EPOCH);
    let two = times.next().zip(times.next());
    two.is_none_or(|(one, next)| next.duration_since(one) > SignedDuration::from_hours(1))
}

fn entry(
    yaml: &mut String,
    schedule: &Schedule,
    suffix: &str,
    state: &str,
    (expression, zone): (&str, &str),
) {
    let name = format!("{}{suffix}", schedule.name);
    let id = pascal(&name);
    // The task definition is named after the command.
    let task = pascal(schedule.task.first().map_or("", String::as_str));
    let arguments = ["schedule", "run", &schedule.name];
    let command = serde_json::json!({
        "containerOverrides": [{ "name": "runledger", "command": arguments }]
    });
    // Writing to a string cannot fail.
    let _ = write!(
        yaml,
        r#"  {id}Schedule:
    Type: AWS::Scheduler::Schedule
    Properties:
      Name: !Sub "${{AWS::StackName}}-{name}"
      State: {state}
      ScheduleExpression: {expression}
      ScheduleExpressionTimezone: {zone}
      FlexibleTimeWindow: {{ Mode: "OFF" }}
      Target:
        Arn: !GetAtt Cluster.Arn
        RoleArn: !GetAtt SchedulerRole.Arn
        Input: '{command}'
        EcsParameters:
          TaskDefinitionArn: !Ref {task}TaskDefinition
          LaunchType: FARGATE
          NetworkConfiguration:
            AwsvpcConfiguration:
              Subnets: !Ref SubnetIds
              SecurityGroups: [!GetAtt SecurityGroup.GroupId]
              AssignPublicIp: !Ref AssignPublicIp
        RetryPolicy: {{ MaximumEventAgeInSeconds: {RETRIED_SECONDS}, MaximumRetryAttempts: 10 }}
        DeadLetterConfig: {{ Arn: !GetAtt SchedulerDeadLetterQueue.Arn }}

"#
    );
}

/// `weekly-report` as a logical id: `WeeklyReport`.
fn pascal(name: &str) -> String {
    name.split('-')
        .map(|part| {
            let mut letters = part.chars();
            letters.next().map_or_else(String::new, |first| {
                first.to_ascii_uppercase().to_string() + letters.as_str()
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::ScheduleChange;

    #[test]
    fn each_schedule_is_one_entry_that_wakes_its_own_task() {
        let schedules = Schedules::load(None).unwrap();
        let yaml = entries(&schedules);
        // Collecting and alerts come every hour at least; the others are looked after too.
        let expected = 2 * schedules.iter().count() - 2;
        assert_eq!(yaml.matches("AWS::Scheduler::Schedule").count(), expected);
        assert!(yaml.contains("WeeklyReportCatchUpSchedule:") && !yaml.contains("CollectCatchUp"));
        let weekly = yaml.split("  WeeklyReportSchedule:\n").nth(1).unwrap();
        let weekly = weekly.split("\n\n").next().unwrap();
        for line in [
            "ScheduleExpression: cron(0 7 ? * MON *)",
            "ScheduleExpressionTimezone: !Ref ReportTimeZone",
            "TaskDefinitionArn: !Ref ReportTaskDefinition",
            r#""command":["schedule","run","weekly-report"]"#,
            "State: !Ref ScheduleState",
        ] {
            assert!(weekly.contains(line), "{line}\n{weekly}");
        }
        let bill = yaml.split("  BillSchedule:\n").nth(1).unwrap();
        let state = "State: !If [BillInForce, !Ref ScheduleState, DISABLED]";
        assert!(bill.split("\n\n").next().unwrap().contains(state), "{bill}");
    }

    #[test]
    fn what_the_configuration_changes_is_in_the_entries() {
        let change: ScheduleChange =
            toml::from_str("zone = 'Asia/Kolkata'\ncron = '15 8 * * MON'").unwrap();
        let bill: ScheduleChange = toml::from_str("enabled = true").unwrap();
        let changes = [("weekly-report".to_owned(), change), ("bill".to_owned(), bill)];
        let changes = changes.iter().map(|(name, change)| (name, change));
        let yaml = entries(&Schedules::load(None).unwrap().changed(changes).unwrap());
        for line in ["ScheduleExpressionTimezone: Asia/Kolkata", "cron(15 8 ? * MON *)"] {
            assert!(yaml.contains(line), "{line}\n{yaml}");
        }
        assert!(!yaml.contains("ReportTimeZone") && !yaml.contains("BillInForce"), "{yaml}");
        assert!(yaml.contains("ChargebackInForce"), "{yaml}");
    }
}
