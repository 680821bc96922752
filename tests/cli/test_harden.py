"""A hardened process as another process of its account sees it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOBODY = 65534
BECOME = f"""
import ctypes, os, sys
import app.cli.harden
if os.geteuid() == 0:  # root may look into everything
    os.setgid({NOBODY})
    os.setuid({NOBODY})
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # as after a start by this account
"""
WAIT = "\nprint(flush=True)\nsys.stdin.read()"
LOOK = """
for name in ("environ", "mem", "maps"):
    try:
        open(f"/proc/{sys.argv[1]}/{name}", "rb").close()
        print(name)
    except PermissionError:
        pass
print([line for line in open(f"/proc/{sys.argv[1]}/status") if line.startswith("NoNewPrivs")][0].split()[1])
"""


def looked_into(code: str) -> list[str]:
    """What a process of the same account can open of a process that runs this code, and whether it can gain rights."""
    command = [sys.executable, "-c", BECOME + code + WAIT]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == b"\n"
        look = [sys.executable, "-c", BECOME + LOOK, str(process.pid)]
        seen = subprocess.run(look, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
        process.stdin.close()
    return seen.stdout.split()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has what is set")
def test_nobody_of_the_same_account_looks_into_it_and_no_child_gains_rights() -> None:
    assert looked_into("") == ["environ", "mem", "maps", "0"]
    assert looked_into("app.cli.harden.harden()") == ["1"]
