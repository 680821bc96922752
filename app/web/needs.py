"""The interface of needs: objects that decide whether a caller may call a row. Other packages implement them."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, Literal, Protocol, TypeAlias, TypeVar, get_args

from starlette.requests import Request

from app.db.tx import Tx
from app.errors import NotFound
from app.web.path import Word

A_co = TypeVar("A_co", covariant=True)
A = TypeVar("A")

#: What a row is for, and what a token is good for, from the least to the most. `read` changes nothing and shows nothing
#: that is secret, `promote` starts, stops and approves what was built before, `deploy` also puts and moves artifacts,
#: `admin` is everything.
Scope: TypeAlias = Literal["read", "promote", "deploy", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)


def covers(given: Scope, due: Scope) -> bool:
    """Whether a scope includes another: each scope includes those before it."""
    return SCOPES.index(given) >= SCOPES.index(due)


class Outdated(NotFound):
    """What needs would decide by is too old. `renew` brings it up to date; then the needs are asked once more.

    An error of `renew` is the refusal. Needs that find it too old again refuse with this error, as what is not there.
    """

    def __init__(self, renew: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self.renew = renew


async def renewing(decide: Callable[[], Awaitable[A]]) -> A:
    """What `decide` gives; when what it decides by is outdated, then after that was renewed."""
    try:
        return await decide()
    except Outdated as outdated:
        await outdated.renew()
    return await decide()


class Described(Protocol):
    """The parts of needs that the description of the API shows."""

    @property
    def means(self) -> str:
        """Who may call, in words."""
        ...

    @property
    def refusals(self) -> Sequence[int]:
        """The statuses of the answers to callers who may not call."""
        ...

    @property
    def strangers(self) -> bool:
        """Whether a caller without an account may be allowed to call."""
        ...

    @property
    def words(self) -> Sequence[Word]:
        """The words of the path that the decision uses; every row with these needs must have them."""
        ...

    @property
    def judges_scope(self) -> bool:
        """Whether the needs judge by themselves what a token must be good for; then the row says nothing of scopes."""
        ...


class Needs(Described, Protocol[A_co]):
    """Needs that decide on each request, before its handler runs."""

    async def granted(self, request: Request[Any]) -> A_co:
        """The value granted to the caller, which the handler gets; an error is the refusal."""
        ...

    def is_known(self, granted: Any) -> bool:
        """Whether a caller who was granted this value has shown an account or the runners' secret."""
        ...


class StoredNeeds(ABC, Generic[A_co]):
    """Needs that decide by the contents of the database. The reads of a row may run in the same transaction."""

    def __init__(
        self,
        means: str,
        *,
        refusals: Sequence[int] = (401, 403),
        strangers: bool = False,
        words: Sequence[Word] = (),
        judges_scope: bool = False,
    ) -> None:
        self.means = means
        self.refusals = refusals
        self.strangers = strangers
        self.words = words
        self.judges_scope = judges_scope

    @abstractmethod
    async def asked(self, request: Request[Any]) -> Tx[A_co]:
        """The transaction that decides on a request: its result is the granted value; an error is the refusal."""

    async def granted(self, request: Request[Any]) -> A_co:
        """The value granted to the caller, read in a separate transaction."""

        async def decide() -> A_co:
            granted: A_co = await request.state["db"].glance(await self.asked(request))
            return granted

        return await renewing(decide)

    def is_known(self, granted: Any) -> bool:
        """See Needs. True for every value but None, which is granted to callers without an account."""
        return granted is not None


class Nothing:
    """No needs: every caller may call, and the handler gets only the request."""

    means = "Anybody."
    refusals: Sequence[int] = ()
    strangers = True
    words: Sequence[Word] = ()
    judges_scope = False


NOTHING = Nothing()


class Unless(StoredNeeds[A | None]):
    """Needs that a setting may lift: then every caller may call, with any credentials, and None is granted."""

    def __init__(
        self, lifted: Callable[[Any], bool], needs: StoredNeeds[A], *, refusals: Sequence[int] | None = None
    ) -> None:
        super().__init__(
            needs.means,
            refusals=needs.refusals if refusals is None else refusals,
            strangers=needs.strangers,
            words=needs.words,
            judges_scope=needs.judges_scope,
        )
        self._lifted = lifted
        self._needs = needs

    async def asked(self, request: Request[Any]) -> Tx[A | None]:
        """The transaction of the needs; one that grants None if `lifted` is true for the request's state."""
        return _nobody() if self._lifted(request.state) else await self._needs.asked(request)

    def is_known(self, granted: Any) -> bool:
        """See Needs."""
        return granted is not None and self._needs.is_known(granted)


def _nobody() -> Tx[None]:
    yield from ()
