#!/usr/bin/env python3
"""Runs a command and writes what it took: {"cpu": seconds, "wall": seconds, "peak_mb": MB, "code": N}.

usage: measure.py RESULT COMMAND...

The command's standard output goes nowhere; its processor time is user and system time together, as
the kernel counted them when it ended.
"""
import json
import os
import subprocess
import sys
import time


def main():
    result, command = sys.argv[1], sys.argv[2:]
    begin = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    figures = {
        "cpu": usage.ru_utime + usage.ru_stime,
        "wall": time.monotonic() - begin,
        "peak_mb": usage.ru_maxrss * 1024 / 1e6,  # Linux counts it in KiB
        "code": os.waitstatus_to_exitcode(status),
    }
    with open(result, "w", encoding="utf-8") as file:
        json.dump(figures, file)


if __name__ == "__main__":
    main()
