"""Asking an extension: one request and one answer, within the timeout of its settings."""

import asyncio
import time
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx
import orjson

from app.authorities import trusted
from app.errors import Unavailable, Unreadable
from app.extensions.signature import digest, sign
from app.settings.values import Service

#: Bytes of an answer, characters of an error that are shown.
LIMIT, SHOWN = 8 * 1024 * 1024, 500
#: Bytes of the secret that are the key of encrypted answers, and bytes of the nonce before the encrypted text.
KEY, NONCE = 32, 12


class ExtensionFailed(Unreadable):
    """The extension answered with an error, or not as its kind must answer; `status` is the status of the answer."""

    code = "extension_failed"

    def __init__(self, message: str, *, status: int = 0, text: str = "") -> None:
        super().__init__(message)
        self.status = status
        #: The message in the extension's answer.
        self.text = text


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension. `kind` is its name in messages, `media_type` is the form of its answers."""

    kind: str
    media_type: str
    service: Service

    @property
    def name(self) -> str:
        """The extension's name in messages: its kind and its host, without the secret parts of its address."""
        return f"the {self.kind} extension at {urlsplit(self.service.url).hostname}"

    async def ask(self, question: Any) -> Any:
        """The extension's answer, read as JSON; None for an empty answer (204, or an empty body).

        Unavailable when the extension cannot be reached in time, ExtensionFailed for every other bad answer.
        """
        body = orjson.dumps(question)
        try:
            async with asyncio.timeout(self.service.timeout):
                status, encoding, content = await self._send(body)
        except (httpx.HTTPError, TimeoutError) as error:
            reason = "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
            raise Unavailable(f"{self.name} cannot be reached: {reason}") from error
        if status > 299:
            raise self._refused(status, content)
        if status == 204 or not content:
            return None
        return self._read(self._opened(content) if encoding == "aesgcm" else content)

    async def _send(self, body: bytes) -> tuple[int, str, bytes]:
        headers = {
            "accept": self.media_type,
            "accept-encoding": "identity",
            "content-type": "application/json",
            "date": formatdate(time.time(), usegmt=True),
            "digest": digest(body),
        }
        headers["signature"] = sign(headers, self.service.secret)
        async with (
            httpx.AsyncClient(
                verify=False if self.service.skip_verify else trusted(),
                timeout=self.service.timeout,
                follow_redirects=False,
            ) as client,
            client.stream("POST", self.service.url, content=body, headers=headers) as answer,
        ):
            content = b""
            async for chunk in answer.aiter_raw():
                content += chunk
                if len(content) > LIMIT:
                    raise ExtensionFailed(f"{self.name} answered with more than {LIMIT} bytes")
            return answer.status_code, answer.headers.get("content-encoding", ""), content

    def _refused(self, status: int, content: bytes) -> ExtensionFailed:
        text = _message(content)
        said = f": {text}" if text else ""
        return ExtensionFailed(f"{self.name} answered {status}{said}", status=status, text=text)

    def _opened(self, content: bytes) -> bytes:
        """The text of an encrypted answer (contract drone-webhooks 13).

        The library of the cipher takes 8 MB of memory, so it is imported only when an answer is encrypted.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = self.service.secret.encode()[:KEY]
        if len(key) < KEY:
            raise ExtensionFailed(f"{self.name} encrypts its answers, which takes a secret of {KEY} characters")
        try:
            return AESGCM(key).decrypt(content[:NONCE], content[NONCE:], None)
        except (InvalidTag, ValueError) as error:
            raise ExtensionFailed(f"{self.name} encrypts its answers with another secret") from error

    def _read(self, content: bytes) -> Any:
        try:
            return orjson.loads(content)
        except ValueError as error:
            raise ExtensionFailed(f"{self.name} answered with something that is not JSON") from error


def extension(kind: str, media_type: str, service: Service) -> Extension | None:
    """The extension of the settings; None when the settings name no address."""
    return Extension(kind, media_type, service) if service.url else None


def _message(content: bytes) -> str:
    """The message of an error's body: `message` of a JSON object, or else the body; at most `SHOWN` characters."""
    text = content[: 10 * SHOWN].decode("utf-8", "replace")
    try:
        said = orjson.loads(content)
        text = str(said["message"]) if isinstance(said, dict) and "message" in said else text
    except ValueError:
        pass
    return "".join(c if c.isprintable() else " " for c in text).strip()[:SHOWN]
