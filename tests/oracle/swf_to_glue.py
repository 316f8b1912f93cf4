#!/usr/bin/env python3
"""Reads a job log in the Standard Workload Format and prints it as AWS Glue job runs, one JSON
object a line, as `aws glue get-job-runs` gives them.

usage: swf_to_glue.py [--times iso|seconds|millis] LOG.swf > runs.jsonl

The format (18 numbers a line, -1 where unknown, `;` before comments) has no Glue words in it, so
this is how its fields are read here:

    submit + wait, run time      StartedOn, ExecutionTime; no run time means: still running
    allocated processors         NumberOfWorkers, at least 2; or the capacity where a
                                 configuration has no workers
    average CPU time             DPUSeconds, times processors and DPU factor, for a configuration
                                 that AWS meters (Flex, auto scaling)
    requested time               Timeout; a run that used all of it ended as TIMEOUT
    status                       see STATES
    user, executable             JobName
    queue                        the number of the configuration below
    preceding job                the run that this one retries
"""
import argparse
import datetime
import hashlib
import json

STATES = {
    0: "FAILED",
    1: "SUCCEEDED",
    2: "EXPIRED",  # a part of a run that is to be continued
    3: "SUCCEEDED",
    4: "ERROR",
    5: "STOPPED",
}
FACTORS = {"G.025X": 0.25, "Standard": 1, "G.1X": 1, "G.2X": 2, "G.4X": 4, "G.8X": 8,
           "R.1X": 1, "R.2X": 2, "Z.2X": 2}

# (worker type, Glue version, execution class, metered), by queue number.
CONFIGURATIONS = [
    ("G.1X", "5.0", "STANDARD", False),
    ("G.2X", "4.0", "STANDARD", False),
    ("G.1X", "6.0", "STANDARD", False),
    ("G.4X", "6.0", "FLEX", True),
    ("R.1X", "5.1", "STANDARD", False),
    ("R.2X", "6.0", "STANDARD", True),
    ("Standard", "1.0", "STANDARD", False),
    ("Standard", "0.9", "STANDARD", False),
    ("G.2X", "2.0", "STANDARD", False),
    ("G.1X", "5.1", "FLEX", True),
    ("G.8X", "4.0", None, True),
    (None, "3.0", None, False),  # a Python shell: no workers, 1/16 DPU
    ("R.1X", "5.0", "FLEX", True),  # for which there is no rate
    ("G.1X", None, "STANDARD", False),  # a Spark run whose version is not known
    ("G.025X", "4.0", None, False),
    ("Z.2X", "4.0", None, False),
    (None, "1.0", None, False),  # Spark before worker types: a capacity alone
]
PYTHON_SHELL = 11


def records(path):
    with open(path, encoding="utf-8") as log:
        for line in log:
            if line.strip() and not line.startswith(";"):
                yield [float(field) for field in line.split()]


def unix_start(path):
    with open(path, encoding="utf-8") as log:
        return next(int(line.split(":")[1]) for line in log if line.startswith("; UnixStartTime:"))


def written(seconds, times):
    """An instant as one of the three forms in which Glue's timestamps are met."""
    if times == "seconds":
        return round(seconds, 3)
    if times == "millis":
        return round(seconds * 1000)
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return moment.isoformat(timespec="milliseconds")


def capacity_of(queue, processors):
    worker_type = CONFIGURATIONS[queue][0]
    if worker_type:
        return FACTORS[worker_type] * processors
    return 0.0625 if queue == PYTHON_SHELL else float(processors)


def state_of(status, run_time, requested):
    if run_time < 0:
        return "RUNNING"
    if 0 < requested <= run_time:
        return "TIMEOUT"
    return STATES[status]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("log")
    parser.add_argument("--times", choices=("iso", "seconds", "millis"), default="iso")
    options = parser.parse_args()
    zero = unix_start(options.log)
    chains = {}
    for record in records(options.log):
        number, submit, wait, run_time, processors, cpu = record[:6]
        requested, status, user = record[8], int(record[10]), int(record[11])
        executable, before = int(record[13]), record[16]
        queue = int(record[14]) % len(CONFIGURATIONS)
        worker_type, version, execution_class, metered = CONFIGURATIONS[queue]
        processors = max(2, int(processors))

        root, attempt, previous = f"jr_{hashlib.sha256(b'%d' % number).hexdigest()}", 0, None
        if before in chains:
            root, attempt, previous = chains[before]
            attempt += 1
        name = f"{root}_attempt_{attempt}" if attempt else root
        chains[number] = (root, attempt, name)

        begin = zero + submit + max(wait, 0)
        state = state_of(status, run_time, requested)
        # An end has milliseconds, like AWS's; the whole seconds are the log's.
        end = begin + max(run_time, 0) + number % 1000 / 1000
        run = {
            "Id": name, "Attempt": attempt, "PreviousRunId": previous,
            "JobName": f"u{user:02d}-app{executable:02d}", "JobRunState": state,
            "StartedOn": written(begin, options.times),
            "LastModifiedOn": written(end, options.times),
            "CompletedOn": None if state == "RUNNING" else written(end, options.times),
            "ExecutionTime": int(max(run_time, 0)), "Timeout": max(1, int(requested) // 60),
            "WorkerType": worker_type, "NumberOfWorkers": processors if worker_type else None,
            "MaxCapacity": float(capacity_of(queue, processors)),
            "GlueVersion": version, "ExecutionClass": execution_class,
            "ErrorMessage": f"exit code {status}" if state in ("FAILED", "ERROR") else None,
        }
        if metered and cpu >= 0 and state != "RUNNING":
            run["DPUSeconds"] = round(cpu * capacity_of(queue, processors), 3)
        print(json.dumps({key: value for key, value in run.items() if value is not None}))


if __name__ == "__main__":
    main()
