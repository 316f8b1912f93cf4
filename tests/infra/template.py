"""Reads a CloudFormation template as plain data: `!Ref X` as {"Ref": "X"}, `!Sub x` as {"Fn::Sub": "x"}."""

from pathlib import Path

import yaml

try:
    import tomllib
except ModuleNotFoundError:  # before Python 3.11
    from pip._vendor import tomli as tomllib


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms."""


def function(loader, suffix, node):
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


Loader.add_multi_constructor("!", function)


def load(path):
    """The template in a file."""
    return yaml.load(Path(path).read_text(), Loader)


def statements(role):
    """The statements of a role's policies, those that a condition guards too."""
    for policy in role["Properties"].get("Policies", []):
        for statement in policy["PolicyDocument"]["Statement"]:
            yield statement["Fn::If"][1] if "Fn::If" in statement else statement


def actions(role):
    """Every action that a role's policies allow."""
    allowed = set()
    for statement in statements(role):
        assert statement["Effect"] == "Allow"
        action = statement["Action"]
        allowed |= {action} if isinstance(action, str) else set(action)
    return allowed
