"""What a caller must be able to show: objects of the rooms that judge it, which rows name and ask."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from starlette.requests import Request

from app.db.tx import Tx
from app.web.path import Word

A_co = TypeVar("A_co", covariant=True)
A = TypeVar("A")


class Described(Protocol):
    """What the description of the API says of a row's callers."""

    @property
    def means(self) -> str:
        """Who may call, in words."""
        ...

    @property
    def refusals(self) -> Sequence[int]:
        """The statuses of the answers to those who may not."""
        ...

    @property
    def strangers(self) -> bool:
        """Whether somebody without an account may be let in."""
        ...

    @property
    def words(self) -> Sequence[Word]:
        """The words of the path that decide; every row with these needs must have them."""
        ...


class Needs(Described, Protocol[A_co]):
    """Needs that are asked for each request, before its handler runs."""

    async def granted(self, request: Request[Any]) -> A_co:
        """What the caller is granted, for the handler; an error is the refusal."""
        ...


class StoredNeeds(ABC, Generic[A_co]):
    """Needs that are judged by what the database holds. What a row reads may join their transaction."""

    def __init__(
        self,
        means: str,
        *,
        refusals: Sequence[int] = (401, 403),
        strangers: bool = False,
        words: Sequence[Word] = (),
    ) -> None:
        self.means = means
        self.refusals = refusals
        self.strangers = strangers
        self.words = words

    @abstractmethod
    async def asked(self, request: Request[Any]) -> Tx[A_co]:
        """The transaction that judges a request: what the caller is granted, or an error."""

    async def granted(self, request: Request[Any]) -> A_co:
        """What the caller is granted, by a transaction of its own."""
        granted: A_co = await request.state["db"].glance(await self.asked(request))
        return granted


class Nothing:
    """No needs: nobody is asked, and the handler is given the request alone."""

    means = "Anybody."
    refusals: Sequence[int] = ()
    strangers = True
    words: Sequence[Word] = ()


NOTHING = Nothing()


class Unless(StoredNeeds[A | None]):
    """Needs that a setting may lift: then nobody is asked, whatever a request shows, and None is granted."""

    def __init__(
        self, lifted: Callable[[Any], bool], needs: StoredNeeds[A], *, refusals: Sequence[int] | None = None
    ) -> None:
        super().__init__(
            needs.means,
            refusals=needs.refusals if refusals is None else refusals,
            strangers=needs.strangers,
            words=needs.words,
        )
        self._lifted = lifted
        self._needs = needs

    async def asked(self, request: Request[Any]) -> Tx[A | None]:
        """As the needs, or nothing. `lifted` is given the state of the request."""
        return _nobody() if self._lifted(request.state) else await self._needs.asked(request)


def _nobody() -> Tx[None]:
    yield from ()
