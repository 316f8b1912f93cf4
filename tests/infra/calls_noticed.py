"""Shows that `calls.py` notices calls: each that is put into a copy of the sources where it was not
before is found for the commands that reach it, and for no other.

usage: calls_noticed.py REPOSITORY
"""

import shutil
import sys
import tempfile
from pathlib import Path

from calls import operations_of_commands

# A file, a text in it, what it becomes, the call that is new, the commands that have it then.
CHANGES = [
    (
        # In a client's own method.
        "sources/price_list.rs",
        ".get_products()",
        ".get_products();\n self.client.describe_services()",
        ("pricing", "describe_services"),
        {"prices"},
    ),
    (
        # At the bottom of the store, which everybody reads through.
        "store/query.rs",
        ".query()",
        ".query();\n self.client.scan()",
        ("dynamodb", "scan"),
        {"report", "collect", "chargeback", "export", "prices", "bill", "explain"},
    ),
    (
        # Behind the trait by which mails leave.
        "delivery/ses.rs",
        ".send_email()",
        ".send_email();\n self.client.list_email_identities()",
        ("sesv2", "list_email_identities"),
        {"report", "chargeback", "alerts", "watch"},
    ),
    (
        # Of one of two clients, where secrets are read.
        "delivery/secret.rs",
        ".get_parameter()",
        ".get_parameter();\n self.parameters.delete_parameter()",
        ("ssm", "delete_parameter"),
        {"alerts", "watch"},
    ),
    (
        # In the record of what was done when.
        "store/turns.rs",
        "table.put_version(",
        "table.client.describe_endpoints();\n table.put_version(",
        ("dynamodb", "describe_endpoints"),
        {"schedule"},
    ),
    (
        "sources/glue/calls.rs",
        ".get_job_run()",
        ".get_job_run();\n self.client.start_job_run()",
        ("glue", "start_job_run"),
        {"collect", "watch"},
    ),
]

# Of these no change above may be said of, whatever else they call.
NEVER = {
    ("glue", "start_job_run"): {"report", "export"},
    ("sesv2", "list_email_identities"): {"export", "bill"},
    ("ssm", "delete_parameter"): {"report", "chargeback", "export"},
    ("dynamodb", "describe_endpoints"): {"report", "collect", "export"},
}


def main(src):
    before = operations_of_commands(src)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "src"
        shutil.copytree(src, copy)
        for file, old, new, *_ in CHANGES:
            text = (copy / file).read_text()
            assert old in text, f"{file} has no {old}"
            (copy / file).write_text(text.replace(old, new))
        after = operations_of_commands(copy)
    for file, _, _, call, expected in CHANGES:
        found = {command for command, calls in after.items() if call in calls}
        assert not any(call in calls for calls in before.values()), f"{call} was there before"
        assert expected <= found, f"{call} of {file} is found for {sorted(found)} alone"
        assert not NEVER.get(call, set()) & found, f"{call} is found for {sorted(found)}"
    print(f"{len(CHANGES)} calls that were put in are found")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve() / "src")
