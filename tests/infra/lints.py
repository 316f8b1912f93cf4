"""Runs cfn-lint and checkov over every template, with the exceptions of infra/.checkov.yaml and no
others, and shows first that both notice what is wrong.

usage: lints.py REPOSITORY
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

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


def main(repository):
    infra = repository / "infra"
    templates, config = sorted(infra.glob("*.yaml")), infra / ".checkov.yaml"
    templates = [template for template in templates if not template.name.startswith(".")]
    assert len(templates) >= 3, templates
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
