"""The HTTP client of the commands: sends requests, and turns failures into errors."""

import json
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn, Self
from urllib.parse import urlsplit

import httpx2 as httpx

from app.authorities import trusted
from app.errors import AppError, Invalid, Problem

Json = dict[str, Any]

#: Seconds; an answer may take long, because a promote may fetch from the git repository first.
TIMEOUT = httpx.Timeout(10, read=120)

#: For what the server may work on for hours before it answers.
PATIENT = httpx.Timeout(10, read=None)


class Unreachable(AppError):
    """No answer came, or an incomplete one; the same call may work a little later."""

    code = "unreachable"
    #: As that of `Refused`.
    passing = True


class Refused(AppError):
    """The server answered with an error status; the code is that of the answer, if it has one."""

    code = "refused"

    def __init__(self, message: str, *, status: int, problems: tuple[Problem, ...] = (), code: str = "") -> None:
        super().__init__(message, code=code)
        self.status = status
        self.problems = problems

    @property
    def passing(self) -> bool:
        """Whether the same call may work a little later."""
        return self.status == 429 or self.status >= 500


@dataclass(frozen=True, slots=True)
class Connection:
    """A server's address without its trailing slash, and the token that is sent to it."""

    server: str
    token: str = field(repr=False)

    @classmethod
    def checked(cls, server: str, token: str) -> Self:
        """A connection of these values; `Invalid` if one is no address or no token. The error never shows the token."""
        server, token = server.strip().rstrip("/"), token.strip()
        if not is_address(server):
            raise Invalid(
                "the server's address must be http:// or https:// with a host, and without user, query or fragment, "
                "as in http://127.0.0.1:8080: check --server, GANTRY_SERVER or DRONE_SERVER"
            )
        if not (token.isascii() and token.isprintable() and " " not in token):
            raise Invalid("the token has a character that no token has: check --token, GANTRY_TOKEN or DRONE_TOKEN")
        return cls(server, token)

    def headers(self) -> dict[str, str]:
        """The headers of every request."""
        return {"Authorization": f"Bearer {self.token}", "User-Agent": "gantry", "Accept": "application/json"}

    def url(self, path: str) -> str:
        """The full URL of a path of the API."""
        return self.server + path

    def trust(self) -> ssl.SSLContext:
        """What TLS to the server is checked with; Invalid when the authorities cannot be read.

        No TLS is spoken to an http:// server, so nobody is trusted there. To read the authorities takes longer than
        most answers.
        """
        plain = urlsplit(self.server).scheme == "http"
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else _authorities()


def _authorities() -> ssl.SSLContext:
    """The authorities that the system trusts; Invalid."""
    try:
        return trusted()
    except OSError as error:
        raise Invalid(f"the certificates to trust cannot be read: {error}; check SSL_CERT_FILE") from error


def is_address(server: str) -> bool:
    """Whether this is an address that requests can be sent to: http:// or https:// with a host, and without secrets."""
    try:
        parts = urlsplit(server)
        _ = parts.port, httpx.URL(server)
    except (ValueError, httpx.InvalidURL):
        return False
    whole = parts.scheme in {"http", "https"} and bool(parts.hostname)
    return whole and "@" not in parts.netloc and "?" not in server and "#" not in server


class Client:
    """Sends requests and returns the JSON of their answers; raises `Refused`, `Unreachable` or `Invalid`."""

    def __init__(self, connection: Connection, *, timeout: httpx.Timeout = TIMEOUT) -> None:
        self.connection = connection
        try:
            self._http = httpx.Client(headers=connection.headers(), timeout=timeout, verify=connection.trust())
        except (ImportError, ValueError, httpx.InvalidURL) as error:
            raise unusable_proxy() from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Send a request; the decoded answer, None when it has no body."""
        with self._reaching():
            response = self._http.request(method, self.connection.url(path), params=query, json=body, headers=headers)
        return decode(self.connection, response)

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | Iterable[bytes] | None = None,
    ) -> httpx.Response:
        """Send a request with any body; the whole answer, whatever its status."""
        with self._reaching():
            return self._http.request(method, self.connection.url(path), params=query, headers=headers, content=content)

    @contextmanager
    def reading(
        self, path: str, headers: Mapping[str, str], *, query: Mapping[str, str] | None = None
    ) -> Iterator[httpx.Response]:
        """Get a path while the block reads the answer; `Refused` for an error status."""
        url, accept = self.connection.url(path), {"Accept": "*/*", "Accept-Encoding": "identity", **headers}
        with self._reaching(), self._http.stream("GET", url, params=query, headers=accept) as response:
            if not response.is_success:
                response.read()
                raise refusal(response)
            yield response

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except UnicodeEncodeError as error:
            raise Invalid("an argument is not valid UTF-8") from error
        except httpx.RequestError as error:
            raise unreachable(self.connection, error) from error
        except httpx.InvalidURL as error:
            raise Invalid(f"the address of the request is not possible: {error}") from error

    def text(self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Any = None) -> str:
        """The text of an answer that is no JSON."""
        with self._reaching():
            response = self._http.request(method, self.connection.url(path), params=query, json=body)
        if not response.is_success:
            raise refusal(response)
        return response.text

    def lines(self, method: str, path: str) -> Iterator[Json]:
        """The JSON objects of an answer that has one a line, each as it comes."""
        with self._reaching(), self._http.stream(method, self.connection.url(path)) as response:
            if not response.is_success:
                response.read()
                raise refusal(response)
            for line in response.iter_lines():
                found = _parsed(line)
                yield found if isinstance(found, dict) else unexpected(self.connection, path)

    def record(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        """An answer that must be one JSON object."""
        answer = self.call(method, path, query=query, body=body, headers=headers)
        return answer if isinstance(answer, dict) else unexpected(self.connection, path)

    def records(self, path: str, *, query: Mapping[str, str] | None = None) -> list[Json]:
        """An answer that must be a list of JSON objects; `null` counts as an empty list."""
        return self.sent("GET", path, query=query)

    def sent(self, method: str, path: str, *, query: Mapping[str, str] | None = None) -> list[Json]:
        """The same, for another method."""
        answer = self.call(method, path, query=query)
        if answer is None:
            return []
        if not isinstance(answer, list) or not all(isinstance(item, dict) for item in answer):
            unexpected(self.connection, path)
        return list(answer)


def decode(connection: Connection, response: httpx.Response) -> Any:
    """The JSON of a whole answer; raises `Refused` for a redirect or an error status."""
    if not response.is_success:
        raise refusal(response)
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError:
        return unexpected(connection, response.request.url.path)


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def unreachable(connection: Connection, error: httpx.RequestError) -> Unreachable:
    """The error for a failed transport, with a message that names the server."""
    match error:
        case httpx.ConnectTimeout():
            reason = "it did not accept a connection in time"
        case httpx.TimeoutException():
            reason = "no answer in time; what was asked may be done all the same"
        case httpx.ProxyError():
            reason = "the proxy of HTTP_PROXY, HTTPS_PROXY or ALL_PROXY refused"
        case _:
            reason = str(error) or type(error).__name__
    return Unreachable(f"cannot reach {connection.server}: {reason}")


def unusable_proxy() -> Invalid:
    """The error for a wrong address of a proxy; the message does not show the address, as it may hold a password."""
    return Invalid("the proxy that HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names cannot be used")


def refusal(response: httpx.Response) -> Refused:
    """The error for an answer whose status is no success; the answer's body must have been read."""
    asked = f"{response.status_code}: {response.request.method} {response.request.url.path}"
    if response.is_redirect:
        return Refused(_redirected(response, asked), status=response.status_code)
    message, code, problems = _told(response)
    if response.status_code == 401:
        message += "; is the token (GANTRY_TOKEN, or of gantry context ls) that of an account of this server?"
    if wait := response.headers.get("Retry-After"):
        message += f"; try again in {wait} s"
    return Refused(f"{message} ({asked})", status=response.status_code, problems=problems, code=code)


def _redirected(response: httpx.Response, asked: str) -> str:
    target = urlsplit(response.headers.get("Location", ""))
    where = f"{target.scheme}://{target.hostname}" if target.hostname else target.path
    return f"the server redirects to {where}, which is not followed: set GANTRY_SERVER to its final address ({asked})"


def _told(response: httpx.Response) -> tuple[str, str, tuple[Problem, ...]]:
    """The message, the code and the problems of an error; the code is empty where the answer has none."""
    try:
        body = response.json()
    except ValueError:
        body = None
    errors = body.get("errors") if isinstance(body, dict) else None
    listed = [e for e in errors if isinstance(e, dict)] if isinstance(errors, list) else []
    problems = tuple(
        Problem(str(e.get("field", "")), str(e.get("code", "")), str(e.get("message", ""))) for e in listed
    )
    if isinstance(body, dict) and isinstance(body.get("message"), str):
        code = body.get("code")
        return body["message"], code if isinstance(code, str) else "", problems
    if problems:  # the form of Artifactory has no message for all
        return "; ".join(problem.message for problem in problems), "", problems
    return f"the server answered {response.reason_phrase or 'an error'} without saying why", "", ()


def unexpected(connection: Connection, path: str) -> NoReturn:
    """Raise the error for an answer that neither Gantry nor Drone gives: another kind of server has answered."""
    raise AppError(f"the answer to {path} is not what a Gantry or Drone server sends: is {connection.server} one?")
