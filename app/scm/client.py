"""HTTP calls to the APIs of hosts: limits of time and size, attempts, and errors that say what to do (contract
scm-api 8).

A call may raise Rejected (401), Forbids (403), Refused (another 4xx), Later (a limit of calls), TooMuch, or Unavailable
for all that may pass: no connection, silence, 5xx, a page of HTML. No message holds a credential.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2 as httpx
import orjson

from app.authorities import trusted
from app.backoff import pauses
from app.errors import AppError, Unavailable, Unreadable
from app.scm.forge import Forbids, Later, Refused, Rejected, TooMuch

#: Bytes of an answer that is read whole, and of an error's answer, whose rest is left.
MOST, MOST_OF_ERROR = 8 * 1024 * 1024, 64 * 1024
#: Characters of a host's words that a message shows.
SHOWN = 300
#: Redirects that one call follows.
REDIRECTS = 4
#: Seconds to wait at a limit of calls for which the host names no time, and the longest time that is believed.
SOME_TIME, LONGEST = 60, 86_400
#: Seconds without an answer after which a host that answers again was away.
OUTAGE = 30
#: Seconds in which a body that does not matter is read.
_SHORT = 1
#: Calls that may be sent twice without making a thing twice.
_REPEATABLE = frozenset({"GET", "PUT", "PATCH", "DELETE"})
_ADVICE = {
    401: "the token is over, revoked or wrong: log in again, or set a new token for the server",
    403: "the account of the token, or the scope of the token, does not allow this",
    404: "this is not there, or hidden from the account of the token",
}


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `form` is sent as a form, `json` as JSON; at most one of them is given."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, str] | None = field(default=None, repr=False)
    #: Texts that no message may hold, such as tokens.
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def path(self) -> str:
        """The method and the path, for messages."""
        return f"{self.method} {urlsplit(self.url).path}"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a call, of status 2xx. `content` is empty when it was not wanted."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Client:
    """Calls one host, whose `name` is in every message.

    `timeout` is in seconds and holds for each attempt as a whole. A call that fails by the network or with 5xx is sent
    up to `attempts` times, `pause` seconds apart at first; one that makes a thing only if no connection was made.
    """

    def __init__(
        self,
        name: str,
        *,
        skip_verify: bool = False,
        timeout: float = 10,
        attempts: int = 3,
        pause: float = 0.5,
        most: int = MOST,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.clock = clock
        #: Called when the host answers again after it was away.
        self.on_return: Callable[[], None] = lambda: None
        #: Since when the host has not answered; 0 while it answers.
        self._silent = 0.0
        self._timeout, self._attempts, self._pause, self._most = timeout, attempts, pause, most
        verify = False if skip_verify else trusted()
        self._http = httpx.AsyncClient(verify=verify, timeout=timeout, follow_redirects=False)
        #: Until when there are no more calls, by what their limit counts by, in Unix seconds.
        self._closed: dict[str, float] = {}

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send(self, call: Call, *, wanted: bool = True) -> Answer:
        """The answer to a call; without `wanted`, the body of a good answer is not read."""
        self._check_quota(call)
        for attempt, pause in enumerate(pauses(self._pause, 60), start=1):
            try:
                answer = await self._followed(call, wanted)
            except _Failed as failed:
                repeatable = call.method in _REPEATABLE or failed.unsent
                if attempt >= self._attempts or not repeatable:
                    self._silent = self._silent or self.clock()
                    raise self._clean(call, failed.error) from failed.__cause__
            except AppError as error:
                self._note_answer()
                raise self._clean(call, error) from None
            else:
                self._note_answer()
                return answer
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - no secret
        raise AssertionError("pauses have no end")

    async def _followed(self, call: Call, wanted: bool) -> Answer:
        """The answer after redirects, which stay with the same server and, for anything but GET, with the method."""
        url = call.url
        for _ in range(1 + REDIRECTS):
            answer, location = await self._once(call, url, wanted)
            if not location:
                return answer
            url = self._next(call, url, location, answer.status)
        raise Unreadable(f"{self.name} answers {call.path} with more than {REDIRECTS} redirects", code="host_redirects")

    def _next(self, call: Call, url: str, location: str, status: int) -> str:
        target = urljoin(url, location)
        if _origin(target) != _origin(url):
            message = (
                f"{self.name} redirects {call.path} to {_origin(target)}, which is not followed: "
                "if this is the new address of the host, set it in the settings"
            )
            raise Unreadable(message, code="host_redirects")
        if call.method != "GET" and status not in {307, 308}:
            message = f"{self.name} redirects {call.path}, which would lose the call: was the repository renamed?"
            raise Unreadable(message, code="host_redirects")
        return target

    async def _once(self, call: Call, url: str, wanted: bool) -> tuple[Answer, str]:
        """One attempt: the answer, and where it redirects to."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._exchange(call, url, wanted)
        except TimeoutError:
            error = self._unreachable(f"{self.name} did not answer {call.path} within {self._timeout:g} s")
            raise _Failed(error) from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            unsent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
            reason = str(error) or type(error).__name__
            failed = self._unreachable(f"{self.name} cannot be reached for {call.path}: {reason}")
            raise _Failed(failed, unsent=unsent) from error

    async def _exchange(self, call: Call, url: str, wanted: bool) -> tuple[Answer, str]:
        body = None if call.json is None else orjson.dumps(call.json)
        headers = {"user-agent": "Gantry", "accept": "application/json", "accept-encoding": "identity", **call.headers}
        if body is not None:
            headers["content-type"] = "application/json"
        query = {} if url != call.url else dict(call.query)
        url = str(httpx.URL(url).copy_merge_params(query)) if query else url
        async with self._http.stream(call.method, url, headers=headers, content=body, data=call.form) as answer:
            status, said = answer.status_code, answer.headers
            self._note_quota(call, status, said)
            if location := said.get("location", "") if 300 <= status < 400 else "":
                return Answer(status, said, b""), location
            if status < 200 or 300 <= status < 400:
                raise Unreadable(
                    f"{self.name} answered {status} to {call.path}, which is no answer", code="host_redirects"
                )
            if status >= 400:
                raise self._refusal(call, status, said, await _beginning(answer))
            if wanted:
                return Answer(status, said, await self._whole(call, answer)), ""
            await _drain(answer)
            return Answer(status, said, b""), ""

    async def _whole(self, call: Call, answer: httpx.Response) -> bytes:
        content = bytearray()
        async for chunk in answer.aiter_raw():
            content += chunk
            if len(content) > self._most:
                raise TooMuch(f"{self.name} answers {call.path} with more than {self._most} bytes")
        return bytes(content)

    def _refusal(self, call: Call, status: int, headers: Mapping[str, str], content: bytes) -> Exception:
        said = _words(content)
        message = f"{self.name} answered {status} to {call.path}" + (f": {said}" if said else "")
        if (seconds := self._wait(status, headers, said)) is not None:
            if status != 503:  # which may be over sooner than the host thinks
                self._close(call, seconds)
            return Later(f"{message}; the next call is made in {seconds:.0f} s", seconds)
        if status >= 500:
            return _Failed(Unavailable(message, code="host_failed"))
        if advice := _ADVICE.get(status):
            message += f"; {advice}"
        if status == 401:
            return Rejected(message)
        return Forbids(message) if status == 403 else Refused(message, status)

    def _wait(self, status: int, headers: Mapping[str, str], said: str) -> float | None:
        """Seconds until the host takes calls again; None when the answer is not about a limit of calls."""
        after = retry_after(headers, self.clock())
        if status == 429 or (status in {403, 503} and after is not None):
            return after if after is not None else self._until_reset(headers) or SOME_TIME
        if status != 403:
            return None
        if _remaining(headers) == 0:
            return self._until_reset(headers) or SOME_TIME
        return SOME_TIME if "rate limit" in said.lower() else None

    def _until_reset(self, headers: Mapping[str, str]) -> float | None:
        reset = _number(headers, "x-ratelimit-reset", "ratelimit-reset")
        return None if reset is None else min(max(reset - self.clock(), 1), LONGEST)

    def _note_quota(self, call: Call, status: int, headers: Mapping[str, str]) -> None:
        """Remember that no calls are left, so that the next call is not made in vain."""
        if _remaining(headers) != 0 or status == 401:
            return
        if (seconds := self._until_reset(headers)) is not None:
            self._close(call, seconds)

    def _close(self, call: Call, seconds: float) -> None:
        now = self.clock()
        self._closed = {shown: until for shown, until in self._closed.items() if until > now}
        self._closed[_counted_by(call)] = now + seconds

    def _check_quota(self, call: Call) -> None:
        seconds = self._closed.get(_counted_by(call), 0) - self.clock()
        if seconds > 0:
            message = f"{self.name} takes no more calls for {seconds:.0f} s, because the limit of calls is reached"
            raise Later(message, seconds)

    def _note_answer(self) -> None:
        silent, self._silent = self._silent, 0.0
        if silent and self.clock() - silent >= OUTAGE:
            self.on_return()

    def _unreachable(self, message: str) -> Unavailable:
        return Unavailable(message, code="host_unreachable")

    def _clean(self, call: Call, error: AppError) -> AppError:
        """The error, without the secrets of the call."""
        for secret in filter(None, call.secrets):
            error.message = error.message.replace(secret, "***")
        error.args = (error.message,)
        return error


class _Failed(Exception):
    """An attempt that may be repeated; `unsent` when the host cannot have seen the call."""

    def __init__(self, error: AppError, *, unsent: bool = False) -> None:
        super().__init__(error.message)
        self.error = error
        self.unsent = unsent


async def _drain(answer: httpx.Response) -> None:
    """Read a short body to its end, so that the connection can be used again; a long one costs the connection."""
    with suppress(httpx.HTTPError, TimeoutError):  # the connection is not used again
        async with asyncio.timeout(_SHORT):
            await _beginning(answer)


async def _beginning(answer: httpx.Response) -> bytes:
    content = b""
    async for chunk in answer.aiter_raw():
        content += chunk
        if len(content) > MOST_OF_ERROR:
            break
    return content[:MOST_OF_ERROR]


def _words(content: bytes) -> str:
    """What an error's body says, on one line: the message of JSON, or nothing, for pages of HTML tell nothing."""
    try:
        said = orjson.loads(content)
    except ValueError:
        return ""
    parts = []
    if isinstance(said, dict):
        names = ("message", "error", "error_description", "errors")
        parts = [_plain(said[name]) for name in names if said.get(name)]
    text = " ".join(dict.fromkeys(parts))
    return "".join(char if char.isprintable() else " " for char in text).strip()[:SHOWN]


def _plain(said: Any) -> str:
    return said if isinstance(said, str) else orjson.dumps(said).decode()


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()


def _counted_by(call: Call) -> str:
    """What a limit of calls counts by: the credential. Log-ins, which show none, are not counted with other calls."""
    shown = call.headers.get("authorization") or call.headers.get("private-token")
    return shown or ("" if call.form is None else "form")


def _number(headers: Mapping[str, str], *names: str) -> float | None:
    for name in names:
        text = headers.get(name, "")
        if text.isascii() and text.isdecimal():
            return float(text[:15])
    return None


def _remaining(headers: Mapping[str, str]) -> float | None:
    return _number(headers, "x-ratelimit-remaining", "ratelimit-remaining")


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds from a header that holds seconds or a date; None without one."""
    if (seconds := _number(headers, "retry-after")) is None:
        try:
            seconds = parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - now
        except (ValueError, TypeError):
            return None
    return min(max(seconds, 1), LONGEST)
