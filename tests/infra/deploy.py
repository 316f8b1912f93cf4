"""Deploys the templates to moto's CloudFormation, changes the stack, and looks at what is there.

moto answers CREATE_COMPLETE for kinds of resources that it does not know, so only what it holds is
asserted on: the table's keys and billing, queues and their policies, roles, task definitions, rules,
topics, the log group, the configuration. TTL, Scheduler and metric filters are for the lints alone.

usage: deploy.py REPOSITORY MOTO_URL
"""

import json
import sys
from pathlib import Path

import boto3
from template import tomllib

REGION = "eu-west-1"
STACK = "runledger-deployed"
TOPIC = f"arn:aws:sns:{REGION}:123456789012:ops"
MEMBER = "arn:aws:iam::444455556666:role/runledger-reader"


class Account:
    """moto's account, empty but for a network."""

    def __init__(self, url):
        self.url = url
        ec2 = self.client("ec2")
        self.vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        self.subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]]

    def client(self, service):
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def parameters(self, **others):
        given = {
            "ImageUri": f"123456789012.dkr.ecr.{REGION}.amazonaws.com/runledger:1",
            "SenderIdentity": "example.com",
            "SenderAddress": "runledger@example.com",
            "ReportRecipients": "ada@example.com,eve@example.com",
            "OperatorAddress": "operator@example.com",
            "VpcId": self.vpc,
            "SubnetIds": ",".join(self.subnets),
            "TableName": "runledger-deployed",
        } | others
        return [{"ParameterKey": k, "ParameterValue": v} for k, v in given.items()]

    def resources(self, stack):
        cloudformation = self.client("cloudformation")
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        return {
            r["LogicalResourceId"]: r.get("PhysicalResourceId")
            for page in pages
            for r in page["StackResourceSummaries"]
        }


def check_table(account):
    table = account.client("dynamodb").describe_table(TableName="runledger-deployed")["Table"]
    keys = {(k["AttributeName"], k["KeyType"]) for k in table["KeySchema"]}
    assert keys == {("pk", "HASH"), ("sk", "RANGE")}, keys
    assert {a["AttributeType"] for a in table["AttributeDefinitions"]} == {"S"}
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


def check_queues(account):
    sqs = account.client("sqs")
    attributes = {}
    for name in ("events", "event-dead-letters", "scheduler-dead-letters", "mail-feedback"):
        url = sqs.get_queue_url(QueueName=f"{STACK}-{name}")["QueueUrl"]
        got = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        attributes[name] = got["Attributes"]
    redrive = json.loads(attributes["events"]["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"] == attributes["event-dead-letters"]["QueueArn"]
    assert all(a["MessageRetentionPeriod"] == "1209600" for a in attributes.values())
    return attributes


def check_rule(account, queue_arn):
    """The rule takes what the binary understands, and an event ends in the queue."""
    events = account.client("events")
    rule = events.describe_rule(Name=f"{STACK}-runs")
    pattern = json.loads(rule["EventPattern"])
    assert pattern["source"] == ["aws.glue", "aws.emr-serverless"], pattern
    assert len(pattern["detail-type"]) == 5, pattern
    targets = events.list_targets_by_rule(Rule=f"{STACK}-runs")["Targets"]
    assert [target["Arn"] for target in targets] == [queue_arn], targets
    told = {"jobName": "load-orders", "jobRunId": "jr_1", "state": "SUCCEEDED"}
    entry = {"Source": "aws.glue", "DetailType": "Glue Job State Change", "Detail": json.dumps(told)}
    other = entry | {"DetailType": "Glue Crawler State Change"}
    assert events.put_events(Entries=[entry, other])["FailedEntryCount"] == 0
    sqs = account.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{STACK}-events")["QueueUrl"]
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    bodies = [json.loads(message["Body"]) for message in messages]
    assert [body["detail"] for body in bodies] == [told], bodies


def check_tasks(account, image, resources):
    """Of a task definition moto holds the container; its roles are read from the template."""
    ecs = account.client("ecs")
    for task in ("Collect", "Alerts", "Report", "Prices", "Bill", "Chargeback"):
        described = ecs.describe_task_definition(taskDefinition=resources[f"{task}TaskDefinition"])
        definition = described["taskDefinition"]
        container = definition["containerDefinitions"][0]
        assert definition["family"] == f"{STACK}-{task.lower()}", definition
        assert container["image"] == image, container
        assert container["readonlyRootFilesystem"] is True and container["user"] == "65532:65532"
        for variable in ("RUNLEDGER_CONFIG_TOML", "RUNLEDGER_CONFIG_MORE_TOML"):
            assert f"'{variable}'" in str(container["secrets"]), container
        assert f"/runledger/{STACK}" in str(container["logConfiguration"]), container


def configuration(account, name="runledger.toml"):
    name = f"/{STACK}/{name}"
    value = account.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
    return tomllib.loads(value)


def check_configuration(account, recipients):
    read = configuration(account)
    assert read["reports"]["weekly"]["recipients"] == recipients, read
    assert read["store"]["location"] == "dynamodb:runledger-deployed"
    assert read["collect"]["queue"].endswith(f"/{STACK}-events"), read
    assert read["mail"]["from"] == "Runledger <runledger@example.com>"


def schedules_as(in_force, zone):
    """What the configuration says of schedules: the containers must go by what EventBridge does."""
    optional = {"enabled": in_force}
    return {"weekly-report": {"zone": zone}, "bill": optional, "chargeback": optional}


def check_trust(account, resources):
    """Nobody but a task of this account takes on a role. Gives the role's policy, as text."""
    iam = account.client("iam")
    role = iam.get_role(RoleName=resources["CollectRole"])["Role"]
    statement = role["AssumeRolePolicyDocument"]["Statement"][0]
    assert statement["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}, statement
    assert "aws:SourceAccount" in statement["Condition"]["StringEquals"], statement
    policy = iam.get_role_policy(RoleName=resources["CollectRole"], PolicyName="collect")
    return str(policy["PolicyDocument"])


def deploy_member(account, home):
    """A member account's roles, each trusted by those tasks alone that are named."""
    secret = {"ExternalId": "a-long-secret"}
    collect, bill, doctor = (home[f"{task}RoleArn"] for task in ("Collect", "Bill", "Doctor"))
    for given, trusted in (
        ({"CollectRoleArn": collect}, {"runledger-reader": {collect}}),
        (
            {"CollectRoleArn": collect, "BillRoleArn": bill, "DoctorRoleArn": doctor},
            {"runledger-reader": {collect, doctor}, "runledger-bill-reader": {bill, doctor}},
        ),
    ):
        check_member(account, {**given, **secret}, trusted)


def check_member(account, given, trusted):
    cloudformation = account.client("cloudformation")
    body = (Path(sys.argv[1]) / "infra/member.yaml").read_text()
    given = [{"ParameterKey": k, "ParameterValue": v} for k, v in given.items()]
    cloudformation.create_stack(
        StackName="member", TemplateBody=body, Parameters=given, Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    # What a condition leaves out moto lists without a name.
    made = {name for name in account.resources("member") if name}
    assert len(made) == len(trusted), made
    for name, arns in trusted.items():
        role = account.client("iam").get_role(RoleName=name)["Role"]
        statement = role["AssumeRolePolicyDocument"]["Statement"][0]
        who = statement["Principal"]["AWS"]
        # One of a list is written as a list; what conditions leave out moto may leave empty.
        who = {arn for arn in who if arn} if isinstance(who, list) else {who}
        assert who == arns, (name, who)
        assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": "a-long-secret"}}
    cloudformation.delete_stack(StackName="member")


def main(repository, url):
    account = Account(url)
    cloudformation = account.client("cloudformation")
    body = (repository / "infra/runledger.yaml").read_text()
    # What CloudFormation takes out of a bucket; handed over directly it takes 51,200 bytes.
    assert len(body.encode()) <= 1_000_000, f"{len(body.encode())} bytes"
    common = {"StackName": STACK, "TemplateBody": body, "Capabilities": ["CAPABILITY_IAM"]}
    cloudformation.create_stack(**common, Parameters=account.parameters())
    resources = account.resources(STACK)
    assert not {"MemberBus", "ExportRole", "WatchService"} & resources.keys(), resources
    check_table(account)
    queues = check_queues(account)
    check_rule(account, queues["events"]["QueueArn"])
    check_tasks(account, f"123456789012.dkr.ecr.{REGION}.amazonaws.com/runledger:1", resources)
    check_configuration(account, ["ada@example.com", "eve@example.com"])
    assert configuration(account)["schedules"] == schedules_as(False, "Europe/London")
    assert "MemberAccounts" not in check_trust(account, resources)

    # Another image and reader, a member account, the bill, closing, watching, an owner: what a running
    # installation adds.
    image = f"123456789012.dkr.ecr.{REGION}.amazonaws.com/runledger:2"
    changed = account.parameters(
        ImageUri=image,
        ReportRecipients="ada@example.com",
        FinanceRecipients="finance@example.com,audit@example.com",
        MemberRoleArns=MEMBER,
        MemberAccountIds="444455556666",
        BillEnabled="yes",
        ChargebackEnabled="yes",
        WatchEnabled="yes",
        AlertTopicArns=TOPIC,
        ReportTimeZone="Asia/Kolkata",
        ExportBucketName="exports",
        ExtraConfiguration='[budgets]\norders = "1200.00"\n',
    )
    cloudformation.update_stack(**common, Parameters=changed)
    resources = account.resources(STACK)
    assert {"MemberBus", "ExportRole", "WatchService"} <= resources.keys(), resources
    check_table(account)
    # Of a container that is changed moto loses the image; that there is a new revision it knows.
    revision = resources["ReportTaskDefinition"]
    assert revision.endswith(f"{STACK}-report:2"), revision
    check_configuration(account, ["ada@example.com"])
    read = configuration(account)
    assert read["chargeback"]["recipients"] == ["finance@example.com", "audit@example.com"]
    assert read["bill"]["accounts"] == [{"account": "123456789012"}], read["bill"]
    assert read["schedules"] == schedules_as(True, "Asia/Kolkata"), read["schedules"]
    more = configuration(account, "more.toml")
    assert more == {"budgets": {"orders": "1200.00"}}, more

    iam = account.client("iam")
    roles = {task: resources[f"{task}Role"] for task in ("Collect", "Bill", "Doctor")}
    arns = {f"{task}RoleArn": iam.get_role(RoleName=n)["Role"]["Arn"] for task, n in roles.items()}
    deploy_member(account, arns)
    made = sum(1 for name in resources if name)
    account.client("dynamodb").update_table(
        TableName="runledger-deployed", DeletionProtectionEnabled=False
    )
    cloudformation.delete_stack(StackName=STACK)
    print(f"{made} resources made, changed and deleted")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
