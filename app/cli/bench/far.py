"""Processes of the benchmark's own that are called by the server: each listens on a port that it prints."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from app.cli.bench.load import BenchFailed


@contextmanager
def listening(module: str, name: str) -> Iterator[int]:
    """The port of a module that runs as a process while the block runs; the process is ended however the block ends.

    `name` is what messages call the process.
    """
    command = [sys.executable, "-m", module]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, start_new_session=True)
    assert process.stdout is not None
    try:
        with process.stdout as said:
            line = said.readline()
            if not line:
                raise BenchFailed(f"{name} did not start")
            yield int(line)
    finally:
        process.kill()
        process.wait()
