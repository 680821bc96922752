"""Where a query searches: the local repositories that it may look at, and what tests on keys mean for them.

The key of a virtual repository stands for its members. Repositories that the server keeps for itself are searched only
when the query names them, those of release bundles also when it asks for a release bundle (contract artifactory-storage
7.2).
"""

from collections.abc import Callable

from app.artifacts.repositories import Repositories
from app.artifacts.search.model import (
    All,
    Any,
    Compare,
    Condition,
    Operator,
    Release,
    Test,
    comparisons,
    leaves,
    matches,
)
from app.artifacts.visible import Visible

_RULES: dict[Operator, Callable[[str, str], bool]] = {
    "$eq": lambda key, value: key == value,
    "$match": matches,
    "$gt": lambda key, value: key > value,
    "$gte": lambda key, value: key >= value,
    "$lt": lambda key, value: key < value,
    "$lte": lambda key, value: key <= value,
}


class Scope:
    """The repositories that a query searches, which are some of those that the caller may read."""

    def __init__(self, condition: Condition, repositories: Repositories, visible: Visible) -> None:
        self.visible = visible
        self._repositories = repositories
        #: Ids of the local repositories that keep runs of build-info, and that the caller may read.
        self.of_runs = frozenset(
            repo.id for repo in repositories.by_key.values() if repo.system == "buildinfo" and repo.id in visible.ids
        )
        #: Ids of those that keep versions of release bundles.
        self.of_releases = frozenset(
            repo.id for repo in repositories.by_key.values() if repo.system == "bundles" and repo.id in visible.ids
        )
        named = self._named(condition)
        if any(isinstance(leaf, Release) for leaf in leaves(condition)):
            named |= self.of_releases
        self._searched = frozenset(
            repo.id
            for repo in repositories.by_key.values()
            if repo.id in visible.ids and (not repo.system or repo.id in named)
        )
        #: Those of them in which anything can be found.
        self.ids = self.possible(condition)

    def possible(self, condition: Condition) -> frozenset[int]:
        """The searched repositories in which a condition can hold."""
        match condition:
            case All(members):
                return self._searched.intersection(*map(self.possible, members))
            case Any(members):
                return frozenset[int]().union(*map(self.possible, members))
            case Compare("repo", test):
                return self.passing(test)
            case Release():
                return self._searched & self.of_releases
        return self._searched

    def passing(self, test: Test) -> frozenset[int]:
        """The searched repositories whose key passes a test, or of which a virtual one does."""
        if test.negative:
            return self._searched - self._of_keys(test.opposite)
        return self._searched & self._of_keys(test)

    def _of_keys(self, test: Test) -> frozenset[int]:
        repositories, rule, value = self._repositories, _RULES[test.operator], str(test.value)
        found = [repositories.by_key.get(value)] if test.operator == "$eq" else repositories.by_key.values()
        passing = [repo for repo in found if repo is not None and rule(repo.key, value)]
        return frozenset(member.id for repo in passing for member in repositories.locals_of(repo))

    def _named(self, condition: Condition) -> frozenset[int]:
        """What is named by a key, or by a pattern that is not only of characters that stand for others."""
        return frozenset(
            repo_id
            for compare in comparisons(condition)
            if compare.field == "repo" and compare.test.operator in ("$eq", "$match")
            if str(compare.test.value).strip("*?")
            for repo_id in self._of_keys(compare.test)
        )
