"""Makes the messages about builds, and reads what they need beside the build."""

from collections import deque
from collections.abc import Mapping, Sequence

import anyio.to_thread

from app.builds.logs import text as log_text
from app.builds.logs.files import Record
from app.builds.model import FAILED, Build
from app.chatops import messages
from app.chatops.buttons import LIFETIME, Action, Pressed
from app.chatops.model import Answer
from app.chatops.ports import Ports
from app.errors import Unavailable
from app.repos.model import Repo
from app.repos.secrets import store as secrets
from app.sealing.seal import CannotOpen

#: What stands for a secret in the value of a parameter.
HIDDEN = "******"


class Teller:
    """Makes messages about builds."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._builds = ports.builds

    async def about(self, repo: Repo, build: Build, note: str = "") -> Answer:
        """The message about the present state of a build with its stages."""
        expires = self._builds.now() + LIFETIME

        def value(action: Action) -> str:
            return self._ports.buttons.value(Pressed(action, repo.slug, build.number, 0, expires))

        params = {} if messages.is_last(build) else await self.parameters(repo, build)
        tail = await self._tail(build) if build.status in FAILED else ()
        link = self._ports.link(repo.slug, build.number)
        return messages.about(build, repo.slug, link, value, note=note, params=params, tail=tail)

    async def parameters(self, repo: Repo, build: Build) -> Mapping[str, str]:
        """The parameters of a build, with every secret of its repository hidden in their values."""
        if not build.params:
            return {}
        try:
            found = await self._builds.db.read(secrets.for_build(repo, self._builds.seal, pull_request=False))
        except CannotOpen:
            return dict.fromkeys(build.params, HIDDEN)
        values = {text for secret in found for text in (secret.data, secret.data.strip()) if text}
        return {name: _hidden(value, sorted(values, key=len, reverse=True)) for name, value in build.params.items()}

    async def _tail(self, build: Build) -> Sequence[str]:
        """The last lines of the log of the step that failed; secrets are hidden in it since it was written."""
        failed = messages.failed_step(build)
        if failed is None:
            return ()
        try:
            record = await self._builds.logs.open_record(failed[1].id)
        except Unavailable:
            return ()
        return await anyio.to_thread.run_sync(_last_lines, record) if record else ()


def _hidden(value: str, known: Sequence[str]) -> str:
    for secret in known:
        value = value.replace(secret, HIDDEN)
    return value


def _last_lines(record: Record) -> Sequence[str]:
    """The last lines of a log, without colours and the like, and without empty lines at its end."""
    lines, rest = deque[str](maxlen=messages.LINES), ""
    with record.file:
        for piece in log_text.without_escapes(log_text.text(record.array())):
            *whole, rest = (rest + piece).split("\n")
            lines.extend(map(_plain, filter(str.strip, whole)))
            rest = rest[-messages.LONGEST_LINE :]
    if rest.strip():
        lines.append(_plain(rest))
    return list(lines)


def _plain(line: str) -> str:
    """A line as a terminal leaves it, without what does not show."""
    last = line.rstrip("\r").rpartition("\r")[2]
    return "".join(char if char.isprintable() else " " for char in last)
