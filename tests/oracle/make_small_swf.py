#!/usr/bin/env python3
"""Prints tests/data/small.swf: a made-up log of five weeks in the Standard Workload Format.

usage: make_small_swf.py > tests/data/small.swf

The same bytes every time. The figures come from a small generator written out below instead of
Python's `random`, whose sequences are Python's own business. Besides ordinary jobs there are the
ones at the edges: ends on the second of a week's border and the one before it, chains of retries
(one across a border), runs without time, runs below each billing minimum, metered runs of nothing,
every end that `swf_to_glue.py` knows, every configuration, and runs that have not ended.
"""

START = 1792972800  # 2026-10-26T00:00:00Z, a Monday
WEEK = 7 * 86400
QUEUES = 17

HEADER = """\
; Version: 2.2
; Computer: none; made up for tests by tests/oracle/make_small_swf.py
; UnixStartTime: {start}
; TimeZoneString: UTC
; Fields: number submit wait run processors cpu memory processors-requested time-requested
;         memory-requested status user group executable queue partition preceding think
"""


class Dice:
    """A linear congruential generator (the constants of Numerical Recipes)."""

    def __init__(self):
        self.state = 20261026

    def below(self, limit):
        self.state = (1664525 * self.state + 1013904223) % 2**32
        return self.state * limit // 2**32


class Log:
    def __init__(self):
        self.rows = []

    def add(self, submit, run, status=1, queue=0, processors=4, cpu=-1, requested=-1, wait=0,
            before=-1, user=1, executable=1):
        number = len(self.rows) + 1
        self.rows.append((number, submit, wait, run, processors, cpu, -1, processors, requested,
                          -1, status, user, 1, executable, queue, 1, before, -1))
        return number


def ordinary(log, dice):
    """A company's days and nights, on which one job in eight does not end well."""
    for _ in range(420):
        queue = dice.below(QUEUES)
        run = 5 + dice.below(90) if dice.below(4) == 0 else 60 + dice.below(7200)
        submit = dice.below(5 * WEEK - 20000)
        status = (0, 5, 4, 2)[dice.below(4)] if dice.below(8) == 0 else 1
        requested = run - dice.below(run // 4 + 1) if dice.below(40) == 0 else 4 * 3600
        cpu = run * (30 + dice.below(71)) // 100
        user = 1 + dice.below(6)
        # A job keeps its configuration, so its executable follows from its queue.
        number = log.add(submit, run, status, queue, 2 + dice.below(20), cpu, requested,
                         wait=dice.below(120), user=user, executable=queue)
        while status == 0 and dice.below(3) > 0:
            submit += run + 300
            run = 5 + dice.below(1800)
            status = 0 if dice.below(3) == 0 else 1
            number = log.add(submit, run, status, queue, 4, run // 2, wait=dice.below(20),
                             before=number, user=user, executable=queue)


def edges(log):
    for week in range(1, 5):
        border = week * WEEK
        log.add(border - 600, 600, executable=20)  # in the week that begins
        log.add(border - 601, 600, executable=20)  # in the one that ends, but for milliseconds
    across = log.add(2 * WEEK - 900, 600, status=0, executable=21)
    log.add(2 * WEEK - 200, 700, before=across, executable=21)
    begun_after = log.add(4 * WEEK - 900, 600, status=0, executable=24)
    log.add(4 * WEEK + 200, 700, before=begun_after, executable=24)
    # A run that ended well and was repeated all the same.
    repeated = log.add(WEEK + 3600, 1800, status=1, executable=22)
    log.add(WEEK + 6000, 900, before=repeated, executable=22)
    # A retry of which AWS metered nothing, in spite of the time it used.
    failed = log.add(WEEK + 9000, 1200, status=0, queue=10, cpu=700, executable=23)
    log.add(WEEK + 10500, 1200, queue=10, cpu=0, before=failed, executable=23)
    for queue in range(QUEUES):
        for run in (0, 1, 59, 60, 61, 599, 600, 601):
            log.add(3 * WEEK + 1000 * queue + run, run, queue=queue, cpu=run, executable=30 + queue)
        log.add(3 * WEEK + 86400, 900, queue=queue, cpu=0, executable=30 + queue)
        log.add(3 * WEEK + 90000, 900, queue=queue, cpu=-1, executable=30 + queue)
    # A streaming job's restart in its maintenance window, and a batch job that ended likewise.
    for queue in (14, 0):
        log.add(3 * WEEK + 7200, 5 * 86400, status=2, queue=queue, executable=40 + queue)
    for queue in (0, 3, 11):
        log.add(5 * WEEK - 4000, -1, status=-1, queue=queue, executable=50)


def main():
    log = Log()
    ordinary(log, Dice())
    edges(log)
    print(HEADER.format(start=START), end="")
    for row in log.rows:
        print(" ".join(str(field) for field in row))


if __name__ == "__main__":
    main()
