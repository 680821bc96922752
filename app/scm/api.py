"""The JSON API of one host: its address, the headers of credentials, pages, and answers that are read at once."""

import re
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import orjson

from app.errors import Unavailable
from app.scm.client import Answer, Call, Client
from app.scm.forge import Credential, TooMuch

T = TypeVar("T")
#: Makes a value of an answer's JSON.
Read = Callable[[Any], T]
_NEXT = re.compile(r'<([^>]*)>\s*;[^,]*\brel="?next\b')
#: Pages of one list at most: 100,000 things.
_PAGES = 1000


class Api:
    """The calls of one host. `base` ends with a slash; `shown` gives the headers for a credential.

    A path is below the base, with its parts quoted. Unavailable (`host_not_understood`) when an answer is not JSON, or
    not the JSON that the host's documentation describes: mostly a page of a proxy.
    """

    def __init__(self, client: Client, base: str, shown: Callable[[Credential], Mapping[str, str]]) -> None:
        self._client = client
        self._base = base
        self._shown = shown

    async def get(self, credential: Credential | None, path: str, read: Read[T], /, **query: str) -> T:
        """What an answer holds."""
        return (await self.answer(credential, path, read, **query))[0]

    async def answer(
        self, credential: Credential | None, path: str, read: Read[T], /, **query: str
    ) -> tuple[T, Answer]:
        """What an answer holds, and the answer."""
        call = self._call(credential, "GET", path, query=query)
        answer = await self._client.send(call)
        return self._read(call, answer, read), answer

    async def pages(
        self, credential: Credential | None, path: str, read: Read[list[T]], /, **query: str
    ) -> AsyncIterator[list[T]]:
        """What each page of a list holds. The page after a page is the one that the answer names.

        Only the query of the next page's address is used: behind a proxy, the host may not know its own address.
        """
        count, seen = 0, [query]
        while True:
            values, answer = await self.answer(credential, path, read, **query)
            yield values
            count += len(values)
            query = query | _next(answer.headers, query, count if values else None)
            if query in seen:
                return
            seen.append(query)
            if len(seen) > _PAGES:
                raise TooMuch(f"{self._client.name} answers {path} with more than {_PAGES} pages")

    async def text(self, credential: Credential | None, path: str, /, **headers: str) -> str:
        """An answer that is plain text."""
        call = self._call(credential, "GET", path, headers=headers)
        return (await self._client.send(call)).content.decode("utf-8", "replace").strip()

    async def make(
        self,
        credential: Credential | None,
        method: str,
        path: str,
        body: Any,
        read: Read[T],
        *,
        secrets: tuple[str, ...] = (),
    ) -> T:
        """What the answer to a call with a body holds; `secrets` are texts of the body that no message may hold."""
        call = self._call(credential, method, path, body=body, secrets=secrets)
        return self._read(call, await self._client.send(call), read)

    async def do(self, credential: Credential | None, method: str, path: str, body: Any = None, /, **query: str) -> int:
        """The status of the answer to a call, whose body does not matter."""
        call = self._call(credential, method, path, body=body, query=query)
        return (await self._client.send(call, wanted=False)).status

    def _call(
        self,
        credential: Credential | None,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        secrets: tuple[str, ...] = (),
    ) -> Call:
        shown = self._shown(credential) if credential else {}
        return Call(
            method,
            self._base + path,
            headers={**shown, **(headers or {})},
            query=query or {},
            json=body,
            secrets=(*secrets, credential.secret) if credential else secrets,
        )

    def _read(self, call: Call, answer: Answer, read: Read[T]) -> T:
        try:
            return read(orjson.loads(answer.content))
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            kind = answer.headers.get("content-type", "no content type")
            message = (
                f"{self._client.name} answered {call.path} with something else than its API does ({kind[:80]}): "
                "does a proxy answer, or is the address of the host in the settings wrong?"
            )
            raise Unavailable(message, code="host_not_understood") from None


def basic(login: str, password: str) -> str:
    """The value of the header `Authorization` for a password."""
    return "Basic " + b64encode(f"{login}:{password}".encode()).decode()


def _next(headers: Mapping[str, str], query: Mapping[str, str], count: int | None) -> dict[str, str]:
    """What the query of the next page changes; nothing at the last page.

    `count` is how many things were read, None if the last page was empty: for lists whose answers name no next page,
    and only how many things there are.
    """
    if found := _NEXT.search(headers.get("link", "")):
        return dict(parse_qsl(urlsplit(found[1]).query))
    if "link" in headers:
        return {}
    if page := headers.get("x-next-page", "").strip():
        return {"page": page}
    total = headers.get("x-total-count", "")
    if count is not None and total.isdecimal() and count < int(total[:9]):
        return {"page": str(int(query.get("page", "1")) + 1)}
    return {}
