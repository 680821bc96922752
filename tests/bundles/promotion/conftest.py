"""What tests of promotions share."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from app.bundles import stating


@dataclass
class Gate:
    """Keeps promotions waiting between their checks and their work."""

    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _waiting: asyncio.Event = field(default_factory=asyncio.Event)

    async def passed(self) -> None:
        """Wait until the gate is open."""
        self._waiting.set()
        await self._open.wait()

    async def reached(self) -> None:
        """Wait until a promotion waits here."""
        await self._waiting.wait()

    def open(self) -> None:
        """Let all go on."""
        self._open.set()


@pytest.fixture
async def gate(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gate]:
    """A gate that is closed: promotions wait before their statements are signed."""
    gate, sign = Gate(), stating.promoted

    async def promoted(*arguments: Any) -> Any:
        await gate.passed()
        return await sign(*arguments)

    monkeypatch.setattr(stating, "promoted", promoted)
    yield gate
    gate.open()
