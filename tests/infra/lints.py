"""Runs cfn-lint and checkov over every template, with the exceptions of infra/.checkov.yaml and no
others, and shows first that both notice what is wrong. Looks at the compose file and systemd's unit
too, the latter by systemd where it is installed.

usage: lints.py REPOSITORY
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

# Started as modules, because their scripts name the folder that they were installed in.
CFN_LINT = [sys.executable, "-c", "import sys; from cfnlint.runner.cli import main; sys.exit(main())"]
CHECKOV = [sys.executable, "-m", "checkov.main"]
UNEXCUSED = ["--framework", "cloudformation", "--compact", "--quiet", "--skip-download"]


def run(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def cfn_lint(files):
    return run([*CFN_LINT, *map(str, files)], files[0].parent)


def checkov(folder, config):
    return run([*CHECKOV, "--config-file", str(config), "--directory", str(folder)], folder)


def check_that_they_notice(main_template, config):
    """A lint that is not run, or skips everything, finds nothing either."""
    with tempfile.TemporaryDirectory() as folder:
        broken = Path(folder) / "broken.yaml"
        text = main_template.read_text()
        broken.write_text(text.replace("KeyType: HASH", "KeyType: HUSH"))
        code, said = cfn_lint([broken])
        assert code != 0 and "HUSH" in said, said
        open_door = text.replace("PointInTimeRecoveryEnabled: true", "PointInTimeRecoveryEnabled: false")
        assert open_door != text
        broken.write_text(open_door)
        code, said = checkov(folder, config)
        assert code != 0 and "CKV_AWS_28" in said, said


def check_without_aws_schedulers(infra):
    """Both serve, with a root that is not written to, and let what is under way end."""
    service = yaml.safe_load((infra / "compose.yaml").read_text())["services"]["runledger"]
    assert service["command"][-2:] == ["schedule", "serve"] and service["read_only"], service
    assert service["stop_grace_period"] == "30s", service
    unit = (infra / "runledger.service").read_text()
    assert re.search(r"^ExecStart=\S+/runledger .* schedule serve$", unit, re.MULTILINE), unit
    assert "\nTimeoutStopSec=30\n" in unit, unit
    if shutil.which("systemd-analyze") is None:
        print("SKIPPED what systemd says of its unit: it is not installed", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as folder:
        # It wants the program to be there.
        copy = Path(folder) / "runledger.service"
        copy.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit, flags=re.MULTILINE))
        code, said = run(["systemd-analyze", "verify", "--man=no", str(copy)], folder)
        said = "\n".join(line for line in said.splitlines() if str(copy) in line)
        assert not said, said


def main(repository):
    infra = repository / "infra"
    config = infra / ".checkov.yaml"
    # Beside the compose file.
    templates = sorted(t for t in infra.glob("*.yaml") if "AWSTemplateFormat" in t.read_text())
    assert len(templates) >= 3, templates
    check_without_aws_schedulers(infra)
    check_that_they_notice(infra / "runledger.yaml", config)
    for code, said in (cfn_lint(templates), checkov(infra, config)):
        if code != 0:
            sys.exit(said)
    # An exception that nothing needs any more is taken out.
    with tempfile.TemporaryDirectory() as folder:
        # Elsewhere, because checkov reads a configuration that stands beside the templates.
        for template in templates:
            shutil.copy(template, folder)
        _, everything = run([*CHECKOV, *UNEXCUSED, "--directory", folder], folder)
    for check in re.findall(r"^  - (CKV\w+)$", config.read_text(), re.MULTILINE):
        assert check in everything, f"nothing needs the exception {check}"
    print(f"{len(templates)} templates, clean")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
