"""Asking the host of a namespace whether an account administers the namespace (contract drone-rest 1.2).

Who administers every repository of the namespace that is known here may be one of many members of an organisation: the
other repositories may not be known here, or not yet.
"""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from app.accounts.hosted import store as hosted
from app.accounts.hosted.tokens import Tokens
from app.accounts.model import User
from app.db.connect import Database
from app.errors import AppError, Forbidden
from app.scm.forge import Organisations

#: Seconds that a host gets: somebody waits.
PATIENCE = 10.0
#: Seconds for which an answer is good, and answers that are kept at most.
GOOD, KEPT = 300.0, 10_000


@dataclass(slots=True)
class Owners:
    """What hosts have told of accounts and namespaces."""

    db: Database
    tokens: Tokens
    #: By account, host and namespace: until when an answer is good, on the monotonic clock, and the answer.
    _told: OrderedDict[tuple[int, str, str], tuple[float, bool]] = field(default_factory=OrderedDict, init=False)

    def known(self, user: User, host: str, namespace: str) -> bool | None:
        """Whether the account administers the namespace at its host; None when the host must be asked.

        True for hosts that know no roles, or that the settings do not name: there the rights in repositories decide.
        """
        if self._asked(host) is None:
            return True
        until, told = self._told.get((user.id, host, namespace), (0.0, False))
        return told if time.monotonic() < until else None

    async def ask(self, user: User, host: str, namespace: str) -> None:
        """Ask the host; Forbidden when it does not tell."""
        account, asked, told = await self.db.glance(hosted.of(user.id, host)), self._asked(host), False
        if account is not None and asked is not None:
            try:
                async with asyncio.timeout(PATIENCE):
                    told = await self.tokens.call(account, lambda shown: asked.administers(shown, namespace))
            except (AppError, TimeoutError) as error:
                reason = error.message if isinstance(error, AppError) else f"no answer within {PATIENCE:g} s"
                message = f"{host} does not tell at present whether you administer {namespace}: {reason}"
                raise Forbidden(message) from error
        key = user.id, host, namespace
        self._told[key] = time.monotonic() + GOOD, told
        self._told.move_to_end(key)
        if len(self._told) > KEPT:
            self._told.popitem(last=False)

    def _asked(self, host: str) -> Organisations | None:
        directory = self.tokens.directory(host)
        return directory if isinstance(directory, Organisations) else None
