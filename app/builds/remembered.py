"""Builds as they were read before: at one version a build never changes, and the board shows hundreds of them."""

from collections.abc import Collection, Mapping

from app.builds import store
from app.builds.model import Build
from app.db.tx import Tx, many, rows_of

#: Builds that are remembered, and the characters of parameters with which a build is too large for that.
MOST, LARGE = 2000, 4000

#: An approval changes nothing but `blocked`, and gives the build no new version.
HEADS = """
    SELECT builds.id AS id, builds.version AS version, builds.blocked AS blocked
    FROM :rows(asked; id bigint) AS asked CROSS JOIN builds WHERE builds.id = asked.id
"""


class Remembered:
    """The builds that were read last. For transactions that only read: a change may be undone until it is committed."""

    def __init__(self) -> None:
        self._builds: dict[int, Build] = {}

    def by_ids(self, ids: Collection[int]) -> Tx[Mapping[int, Build]]:
        """As `store.by_ids`; reads only the versions of the builds that are remembered."""
        rows = yield from many(HEADS, asked=rows_of((one,) for one in ids))
        found: dict[int, Build] = {}
        changed: list[int] = []
        for build_id, version, blocked in rows:
            build = self._builds.get(build_id)
            if build is not None and (build.version, build.blocked) == (version, bool(blocked)):
                found[build_id] = build
            else:
                changed.append(build_id)
        if changed:
            fresh = yield from store.by_ids(changed)
            self._remember(fresh)
            found.update(fresh)
        return found

    def _remember(self, fresh: Mapping[int, Build]) -> None:
        """Remember builds in place of those that were remembered first. (Transactions run in several threads.)"""
        for build_id, build in fresh.items():
            if sum(map(len, build.params.values())) < LARGE:
                self._builds[build_id] = build
        for build_id in list(self._builds)[: max(len(self._builds) - MOST, 0)]:
            self._builds.pop(build_id, None)
