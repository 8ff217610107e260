"""Processes that a benchmark starts and looks at."""

import ctypes
import signal
import subprocess
import sys
import time
from contextlib import contextmanager


def say(text):
    """Progress, beside the results."""
    print(f"… {text}", file=sys.stderr, flush=True)


def processor_ms(pid):
    """What the process has used so far, threads that ended included."""
    clock = ctypes.c_int()
    if ctypes.CDLL(None).clock_getcpuclockid(pid, ctypes.byref(clock)):
        sys.exit(f"the clock of process {pid} cannot be read")
    return time.clock_gettime(clock.value) * 1e3


@contextmanager
def running(command, log, **options):
    """A process that is ended with the block; its errors go to the end of the file `log`."""
    with open(log, "ab") as errors:
        process = subprocess.Popen(command, stderr=errors, **options)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
