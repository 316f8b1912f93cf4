"""Holds the roles of the infrastructure against what the commands call: all of it is allowed, and
nothing else is.

usage: permissions.py REPOSITORY
"""

import json
import sys
from pathlib import Path

from calls import operations_of_commands
from template import actions, load, statements, tomllib

# What each role is for. Its task definition runs this command.
ROLES = {
    "Collect": "collect",
    "Watch": "watch",
    "Alerts": "alerts",
    "Report": "report",
    "Prices": "prices",
    "Bill": "bill",
    "Chargeback": "chargeback",
    "Export": "export",
    "Doctor": "doctor",
}

# What people ask for under a role besides: commands that only read.
READERS = {"Doctor": ("history", "replay")}

# What a task is never asked for, as the functions and types that do it: alerts have a task of their
# own, so the one that collects is not started with `--alerts`, and tells nobody.
# What only reads leaves no record of itself.
UNASKED = {
    "collect": {"alerting", "after_round", "Channel", "Ses", "Topic"},
    "history": {"put_task_run", "record_form"},
    "replay": {"put_task_run", "record_form"},
}

# Tasks that no schedule starts: a service and what people ask for.
UNSCHEDULED = {"Watch", "Export", "Doctor"}

# Where IAM's service is called otherwise than the SDK's.
PREFIXES = {"costexplorer": "ce", "emrserverless": "emr-serverless", "sesv2": "ses"}

# Operations that IAM knows as other actions: a part of an upload is a put, a transaction is what it
# holds, and a mail that is bytes needs a second permission.
ACTIONS = {
    ("dynamodb", "transact_write_items"): [],
    ("s3", "create_multipart_upload"): ["s3:PutObject"],
    ("s3", "upload_part"): ["s3:PutObject"],
    ("s3", "complete_multipart_upload"): ["s3:PutObject"],
    ("sesv2", "send_email"): ["ses:SendEmail", "ses:SendRawEmail"],
    ("servicequotas", "get_aws_default_service_quota"): ["servicequotas:GetAWSDefaultServiceQuota"],
    ("sqs", "delete_message_batch"): ["sqs:DeleteMessage"],
}

# What the bill's and the collecting role of a member account's may do there, by command.
MEMBER_COMMANDS = ("collect", "bill")
# What is never done in another account: these are of the account that Runledger runs in.
AT_HOME = ("dynamodb", "sqs", "cloudwatch", "sts", "sesv2", "sns", "ssm", "secretsmanager")


def action_names(operations):
    names = set()
    for service, operation in operations:
        prefix = PREFIXES.get(service, service)
        camel = "".join(part.capitalize() for part in operation.split("_"))
        names |= set(ACTIONS.get((service, operation), [f"{prefix}:{camel}"]))
    return names


def differences(role, called, allowed):
    wrong = [f"{role} must not be allowed {name}" for name in sorted(allowed - called)]
    return wrong + [f"{role} must be allowed {name}" for name in sorted(called - allowed)]


def too_wide(template):
    """Wildcards in actions, and resources left open where the service knows narrower ones."""
    # Of these AWS knows no resource, or none that reading needs.
    open_to_all = {"glue", "servicequotas", "cloudwatch", "pricing", "ce"}
    open_actions = {
        "emr-serverless:ListApplications",
        "ecr:GetAuthorizationToken",
        "ses:GetAccount",
        "ses:GetSuppressedDestination",
    }
    wrong = []
    for name, role in template["Resources"].items():
        if role["Type"] != "AWS::IAM::Role":
            continue
        for statement in statements(role):
            named = statement["Action"]
            for action in [named] if isinstance(named, str) else named:
                is_open = statement["Resource"] == "*"
                if "*" in action:
                    wrong.append(f"{name}: {action} is more than one action")
                if is_open and action.split(":")[0] not in open_to_all and action not in open_actions:
                    wrong.append(f"{name}: {action} on every resource")
    return wrong


def misplaced(template, schedules):
    """Task definitions that run another command than their role is for, or with another role; and
    schedules that start something else than `schedule run` of their name as the task of its command."""
    wrong = []
    resources = template["Resources"]
    for task, command in ROLES.items():
        properties = resources[f"{task}TaskDefinition"]["Properties"]
        if properties["TaskRoleArn"] != {"Fn::GetAtt": [f"{task}Role", "Arn"]}:
            wrong.append(f"{task}TaskDefinition has another role")
        if properties["ContainerDefinitions"][0]["Command"][0] != command:
            wrong.append(f"{task}TaskDefinition runs another command")
    started = set()
    for name, schedule in resources.items():
        if schedule["Type"] != "AWS::Scheduler::Schedule":
            continue
        target = schedule["Properties"]["Target"]
        task = target["EcsParameters"]["TaskDefinitionArn"]["Ref"].removesuffix("TaskDefinition")
        words = json.loads(target["Input"])["containerOverrides"][0]["command"]
        asked = schedules.get(words[-1], [None])
        if words[:-1] != ["schedule", "run"] or asked[0] != ROLES[task]:
            wrong.append(f"{name} starts {words} as {task}, which is {asked}")
        started.add(words[-1])
    return wrong + [f"nothing starts the schedule {name}" for name in schedules.keys() - started]


def shipped_schedules(folder):
    """The command line of each schedule."""
    return {path.stem: tomllib.loads(path.read_text())["task"] for path in folder.glob("*.toml")}


def passed_on(template):
    """The roles that what starts tasks may hand over to them."""
    role = template["Resources"]["SchedulerRole"]
    (resources,) = (s["Resource"] for s in statements(role) if s["Action"] == "iam:PassRole")
    return {resource["Fn::GetAtt"][0].removesuffix("Role") for resource in resources} - {"Execution"}


def main(repository):
    every = operations_of_commands(repository / "src", UNASKED)
    template = load(repository / "infra/runledger.yaml")
    schedules = shipped_schedules(repository / "schedules")
    wrong = too_wide(template) + misplaced(template, schedules)
    scheduled = ROLES.keys() - UNSCHEDULED
    if passed_on(template) != scheduled:
        wrong.append(f"what starts tasks hands over the roles of {sorted(passed_on(template))}")
    wrong += [f"`{name}` is started with --alerts" for name, task in schedules.items() if "--alerts" in task]
    found = set()
    for task, command in ROLES.items():
        # A schedule's turns are on record, by whoever does what is due.
        called = action_names(every[command])
        called |= action_names(every["schedule"]) if task in scheduled else set()
        for reader in READERS.get(task, ()):
            called |= action_names(every[reader])
        allowed = actions(template["Resources"][f"{task}Role"])
        assert called, f"`{command}` calls nothing: the sources were not understood"
        found |= called
        wrong += differences(f"{task}Role", called, allowed)
        if command in MEMBER_COMMANDS:
            member = load(repository / "infra/member.yaml")
            # `doctor` looks by the same roles: at costs by the bill's, at all else by the other.
            looks = {o for o in every["doctor"] if (o[0] == "costexplorer") == (command == "bill")}
            abroad = [o for o in {*every[command], *looks} if o[0] not in AT_HOME]
            role = member["Resources"][f"{task}Role"]
            wrong += differences(f"member {task}Role", action_names(abroad), actions(role))
            wrong += too_wide(member)
    print(f"{len(found)} actions of {len(every)} commands")
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
