#!/usr/bin/env python3
"""What a file of AWS Glue job runs cost, week by week: the same question as `runledger report`,
answered by other means, so that the two can be compared.

usage: weekly.py RUNS.json[l]

Prints JSON: {"weeks": {"2026-W46": FIGURES}, "whole": FIGURES}. A run belongs to the ISO week in
which it completed, in UTC; one that has not ended is shown in every week that it had begun in or
before. Money is exact: everything is a fraction until a run's
one cost line is rounded, half to even, at nine decimals.

Standard library only, and on purpose no line in common with the Rust code.
"""
import json
import sys
from datetime import datetime, timedelta, timezone
from fractions import Fraction

# USD an hour in us-east-1: third-party copies of AWS's price list, August to October 2026.
# (unit, class, Glue 6.0 or newer): a combination that is not here has no known rate.
RATES = {
    ("DPU", "STANDARD", False): "0.44",
    ("DPU", "STANDARD", True): "0.308",
    ("DPU", "FLEX", False): "0.29",
    ("DPU", "FLEX", True): "0.203",
    ("M-DPU", "STANDARD", False): "0.52",
    ("M-DPU", "STANDARD", True): "0.364",
    ("Ray M-DPU", "STANDARD", False): "0.44",
}
PYTHON_SHELL_RATE = "0.44"  # whatever the Glue version

# Worker types: (unit, how many a worker).
WORKERS = {
    "Standard": ("DPU", "1"), "G.025X": ("DPU", "0.25"), "Z.2X": ("Ray M-DPU", "2"),
    **{f"G.{n}X": ("DPU", n) for n in ("1", "2", "4", "8", "12", "16")},
    **{f"R.{n}X": ("M-DPU", n) for n in ("1", "2", "4", "8")},
}
ENDED_BADLY = {"FAILED", "TIMEOUT", "ERROR", "EXPIRED"}
ENDED = ENDED_BADLY | {"SUCCEEDED", "STOPPED"}
NANO = 10**9


def documents(text):
    """Every JSON document of a text, whether it holds one or one a line."""
    decoder = json.JSONDecoder(parse_float=Fraction, parse_int=Fraction)
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        document, at = decoder.raw_decode(text, at)
        yield document


def runs_of(document):
    if isinstance(document, list):
        return document
    if "JobRuns" in document:
        return document["JobRuns"]
    return [document.get("JobRun", document)]


def moment(value):
    """Epoch seconds, epoch milliseconds, or ISO 8601 with an offset."""
    if isinstance(value, str):
        return datetime.fromisoformat(value.replace("Z", "+00:00"))
    seconds = value if abs(value) < 10**11 else value / 1000
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
    return epoch + timedelta(microseconds=int(seconds * 10**6))


def week_of(value):
    year, week, _ = moment(value).astimezone(timezone.utc).isocalendar()
    return f"{year:04d}-W{week:02d}"


def is_python_shell(run):
    return "WorkerType" not in run and run.get("MaxCapacity", 99) <= 1


def rate_of(run):
    """USD a unit-hour as text, or None."""
    if is_python_shell(run):
        return PYTHON_SHELL_RATE
    unit, _ = WORKERS.get(run.get("WorkerType", "Standard"), (None, None))
    version = run.get("GlueVersion")
    if unit is None or version is None:
        return None
    is_six = int(version.split(".")[0]) >= 6
    return RATES.get((unit, run.get("ExecutionClass", "STANDARD"), is_six))


def capacity_of(run):
    """DPU or M-DPU: what its workers make, else what the run says."""
    if run.get("WorkerType") in WORKERS and "NumberOfWorkers" in run:
        return Fraction(WORKERS[run["WorkerType"]][1]) * run["NumberOfWorkers"]
    return run.get("MaxCapacity")


def nanos(unit_seconds, rate):
    """Unit-seconds times a rate an hour, in nano-dollars. (round() goes half to even.)"""
    return round(unit_seconds * Fraction(rate) * NANO / 3600)


def line_of(run):
    """(nano-dollars, of which a billing minimum added, basis), or None where the run cannot be
    priced."""
    rate = rate_of(run)
    capacity = capacity_of(run)
    seconds = run.get("ExecutionTime")
    metered = run.get("DPUSeconds")
    if not metered and seconds == 0:
        # Nothing was used: no rate is needed to know what that costs.
        return 0, 0, "provisioned" if metered is None else "metered"
    if rate is None:
        return None
    if metered:
        return nanos(metered, rate), 0, "metered"
    if capacity is None or seconds is None:
        return None
    # Flex holds what it can get, and AWS may have metered nothing in spite of time used: in both
    # cases it cannot have been more than this.
    bound = metered is not None or run.get("ExecutionClass") == "FLEX"
    legacy = run.get("GlueVersion") in ("0.9", "1.0") and not is_python_shell(run)
    cost = nanos(capacity * max(seconds, 600 if legacy else 60), rate)
    return cost, cost - nanos(capacity * seconds, rate), "upper-bound" if bound else "provisioned"


def is_wasted(run):
    """A bad end wastes what the run cost, but a streaming job's weekly restart is EXPIRED too.
    (G.025X workers are for streaming alone; nothing else in a run tells.)"""
    restarted = run["JobRunState"] == "EXPIRED" and run.get("WorkerType") == "G.025X"
    return run["JobRunState"] in ENDED_BADLY and not restarted


def figures(runs, repeated_ids):
    """The sums over some runs. `repeated_ids`: what later attempts name as the run before them."""
    total = {"runs": 0, "retries": 0, "unpriced_runs": 0, "runtime_seconds": 0}
    money = dict.fromkeys(("cost", "failed_cost", "retry_cost", "repeated_cost", "stopped_cost",
                           "waste"), 0)
    by_state, by_basis = {}, {}
    for run in runs:
        state, retry = run["JobRunState"], "PreviousRunId" in run
        total["runs"] += 1
        total["retries"] += retry
        total["runtime_seconds"] += int(run.get("ExecutionTime", 0))
        by_state[state] = by_state.get(state, 0) + 1
        line = line_of(run)
        if line is None:
            total["unpriced_runs"] += 1
            continue
        cost, by_minimum, basis = line
        by_basis[basis] = by_basis.get(basis, 0) + 1
        repeated = run["Id"] in repeated_ids
        money["cost"] += cost
        money["failed_cost"] += cost if state in ENDED_BADLY else 0
        money["retry_cost"] += cost if retry else 0
        money["repeated_cost"] += cost if repeated else 0
        money["stopped_cost"] += cost if state == "STOPPED" else 0
        money["waste"] += cost if is_wasted(run) or repeated else by_minimum
    dollars = {f"{name}_usd": f"{n // NANO}.{n % NANO:09d}" for name, n in money.items()}
    return {**total, **dollars, "by_state": by_state, "by_basis": by_basis}


def with_jobs(runs, repeated_ids):
    by_job = {}
    for run in runs:
        by_job.setdefault(run["JobName"], []).append(run)
    jobs = {job: figures(of_job, repeated_ids) for job, of_job in by_job.items()}
    return {**figures(runs, repeated_ids), "jobs": jobs}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        everything = [run for document in documents(file.read()) for run in runs_of(document)]
    ended = [run for run in everything if run["JobRunState"] in ENDED]
    repeated_ids = {run["PreviousRunId"] for run in everything if "PreviousRunId" in run}
    weeks = {}
    for run in ended:
        weeks.setdefault(week_of(run.get("CompletedOn", run["LastModifiedOn"])), []).append(run)
    begun = [week_of(run["StartedOn"]) for run in everything if run["JobRunState"] not in ENDED]
    json.dump({
        "weeks": {
            week: {
                **with_jobs(weeks[week], repeated_ids),
                "still_running": sum(begin <= week for begin in begun),
            }
            for week in sorted(weeks)
        },
        "whole": figures(ended, repeated_ids),
    }, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
