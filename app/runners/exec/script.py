"""The shell scripts that steps run as (contract drone-env 5 and 6). Pure.

A script prints each command after a `+`, with all its lines, before it runs the command. The text is in single quotes:
the shell prints the names of variables, not their values, and runs no part of the text.
"""

import shlex
from collections.abc import Iterable, Sequence

from app.builds.model import Build
from app.errors import Invalid, Problem
from app.repos.model import Repo

MAX_RETRIES = 10

_PULLS = ("refs/pull/", "refs/pull-requests/", "refs/merge-requests/")
#: Control characters that are printed as escapes: all but the line break and the tab.
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), 127) if chr(code) not in "\n\t"} | {
    ord(character): f"\\{letter}" for character, letter in zip("\a\b\f\r\v", "abfrv", strict=True)
}


def of_commands(commands: Sequence[str], shown: Sequence[str] = ()) -> str:
    """A step's script: each command is printed, then run unchanged; `shown` are the texts to print, if they differ."""
    pairs = zip(shown or commands, commands, strict=True)
    return _script(f"{_announce(text)}\n{command}" for text, command in pairs)


def of_clone(repo: Repo, build: Build, *, depth: int = 0, retries: int = 0) -> str:
    """The script that brings the build's commit into the working directory.

    The script prints the same commands as the reference. In addition to the reference, a commit that its branch or tag
    no longer contains is fetched by its id, so that a build always runs on its own commit. Raises Invalid for values
    that git would misread.
    """
    url, ref = repo.git_http_url or repo.git_ssh_url, build.ref
    branch = _branch_name(repo, build)
    _check({"repository address": url, "commit": build.after, "branch": branch})
    flags = f"--depth={depth}" if depth > 0 else ""
    begin = [_announced("git init"), _announced(f"git remote add origin {shlex.quote(url)}")]
    if ref.startswith("refs/tags/"):
        rest = _tag(ref, build.after, flags, retries)
    elif ref.startswith(_PULLS):
        rest = _pull(ref, branch, build.after, retries)
    else:
        rest = _branch(branch, build.after, flags, retries)
    return _script(begin + rest)


def _tag(ref: str, commit: str, flags: str, retries: int) -> list[str]:
    fetch = f"git fetch {flags} origin {shlex.quote(f'+{ref}:')}"
    return [_fetched(fetch, commit, retries), _announced(f"git checkout -qf {shlex.quote(commit)}")]


def _branch_name(repo: Repo, build: Build) -> str:
    """The branch to fetch: the target branch, which a caller may name as a whole ref, or the branch of the ref."""
    branch = (build.target_branch or build.ref).removeprefix("refs/heads/")
    return repo.default_branch if not branch or branch.startswith(_PULLS) else branch


def _pull(ref: str, branch: str, commit: str, retries: int) -> list[str]:
    """Merge a pull request into its target branch, with the whole history: git merges nothing into a part of it."""
    base = f"git fetch  origin {shlex.quote(f'+refs/heads/{branch}:')}"
    return [
        f"{_announce(base)}\n{_again(base, retries)}",
        _announced(f"git checkout {shlex.quote(branch)}"),
        _fetched(f"git fetch origin {shlex.quote(f'{ref}:')}", commit, retries),
        _announced(f"git merge {shlex.quote(commit)}"),
    ]


def _branch(branch: str, commit: str, flags: str, retries: int) -> list[str]:
    fetch = f"git fetch {flags} origin {shlex.quote(f'+refs/heads/{branch}:')}"
    checkout = f"git checkout {shlex.quote(commit)} -b {shlex.quote(branch)}"
    return [_fetched(fetch, commit, retries), _announced(checkout)]


def _fetched(fetch: str, commit: str, retries: int) -> str:
    """Fetch; when the commit is absent after that, fetch the commit by its id."""
    by_name = fetch.rpartition(" origin ")[0] + f" origin {shlex.quote(commit)}"
    present = f"git cat-file -e {shlex.quote(commit + '^{commit}')} 2>/dev/null"
    return "\n".join(
        (
            _announce(fetch),
            f"{_again(fetch, retries)} || :",
            f"{present} || {{ {_announce(by_name)}; {by_name}; }}",
        )
    )


def _again(command: str, retries: int) -> str:
    tries = [command, *(f"{{ sleep {n}; {command}; }}" for n in range(1, min(retries, MAX_RETRIES) + 1))]
    return " || ".join(tries)


def _check(values: dict[str, str]) -> None:
    problems = [
        Problem(name, "bad_clone", f"cannot clone: the {name} {_fault(value)}")
        for name, value in values.items()
        if not value or value.startswith("-")
    ]
    if problems:
        raise Invalid.of(problems)


def _fault(value: str) -> str:
    return f"{value!r} begins with a dash" if value else "is not known"


def _announced(command: str) -> str:
    return f"{_announce(command)}\n{command}"


def _announce(command: str) -> str:
    text = f"+ {command.removesuffix(chr(10)).translate(_CONTROL)}"
    return f"printf '%s\\n' {shlex.quote(text)}"


def _script(commands: Iterable[str]) -> str:
    return "\nset -e\n" + "".join(f"\n{command}\n" for command in commands)
