"""Which lines look like errors: not those that only speak of errors."""

import pytest

from app.builds.logs import signs


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        *[("error: it failed", True), ("E: Not Found", True), ("Traceback (most recent call last):", True)],
        *[("0 errors", False), ("no failures here", False), ("all is well", False), ("terrors of error-prone", False)],
        *[("fatal: not a git repository", True), ("x" * 2000 + " error", False)],
        *[("\x1b[1;31merror\x1b[0m: it failed", True), ("\x1b[32m0 \x1b[0merrors", False)],
        *[("er\x1b[31mror: it failed", True), ("FATAL: it failed", True)],
        *[("+ echo error: it failed", False), ("\x1b[1m+ cat error.log", False), ("C++ error: it failed", True)],
        *[('  echo "error: it failed"', False), ("x || { echo 'failed' >&2; exit 1; }", False), ("echo error", False)],
        *[("word=error\n", False), ("  *) fail error ;;\n", False), ("if grep error log; then\n", False)],
        *[('level=error msg="it failed"', True), ("while parsing: error", True)],
        *[("voilàerror: it failed", True), ("möglich: error", True), ("error\u00a0no", True)],
        *[("sh: echo: write error", True), ("make: *** [Makefile:2: all] Error 1", True)],
    ],
)
def test_lines_that_look_like_errors(line: str, wrong: bool) -> None:
    assert signs.looks_wrong(line) is wrong
