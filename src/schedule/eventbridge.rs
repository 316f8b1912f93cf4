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
/// not in force are `DISABLED`.
#[must_use]
pub fn entries(schedules: &Schedules) -> String {
    let mut yaml = String::new();
    for schedule in schedules.iter() {
        let zone = schedule.zone_name();
        entry(&mut yaml, schedule, "", &schedule.cron.for_eventbridge(), zone);
        if comes_seldom(schedule) {
            entry(&mut yaml, schedule, "-catch-up", "cron(25 * * * ? *)", "UTC");
        }
    }
    yaml
}

/// Whether more than an hour lies between two due times, as of a day that is like the others.
fn comes_seldom(schedule: &Schedule) -> bool {
    let mut times = schedule.after(Timestamp::UNIX_EPOCH);
    let two = times.next().zip(times.next());
    two.is_none_or(|(one, next)| next.duration_since(one) > SignedDuration::from_hours(1))
}

fn entry(yaml: &mut String, schedule: &Schedule, suffix: &str, expression: &str, zone: &str) {
    let name = format!("{}{suffix}", schedule.name);
    let id = pascal(&name);
    // The task definition is named after the command.
    let task = pascal(schedule.task.first().map_or("", String::as_str));
    let state = if schedule.enabled { "!Ref ScheduleState" } else { "DISABLED" };
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
            "ScheduleExpressionTimezone: Europe/London",
            "TaskDefinitionArn: !Ref ReportTaskDefinition",
            r#""command":["schedule","run","weekly-report"]"#,
            "State: !Ref ScheduleState",
        ] {
            assert!(weekly.contains(line), "{line}\n{weekly}");
        }
        assert!(yaml.contains("State: DISABLED"));
    }
}
