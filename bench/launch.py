"""Starts one command and tells what it took: `python -S -E launch.py REPORT COMMAND...`, from a process that is small itself.

Linux counts what a process held before it became the command, its starter's memory, as the command's most; so whoever
starts it must hold less.
"""

import os
import sys
import time

report, *command = sys.argv[1:]
start = time.perf_counter()
child = os.posix_spawnp(command[0], command, os.environ)
_, status, usage = os.wait4(child, 0)
wall = time.perf_counter() - start
with open(report, "w") as file:
    file.write(f"{usage.ru_utime + usage.ru_stime} {wall} {usage.ru_maxrss / 1024}")
sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)
