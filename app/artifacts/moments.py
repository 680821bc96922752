"""The moments of artifact repositories and of rights in them."""

from collections.abc import Iterator

from app.artifacts.configuration import Wanted
from app.artifacts.repositories import Repositories
from app.moments import Actor, Change, Facts

#: The fields of a repository that are recorded.
_FACTS = ("kind", "package_type", "project", "includes", "excludes", "environments", "immutable")


def facts(wanted: Wanted, known: Repositories) -> dict[str, object]:
    """The facts of a repository that are recorded: all that say what may be put where."""
    by_id = known.by_id
    found: dict[str, object] = {name: getattr(wanted.repo, name) for name in _FACTS}
    found["environments"] = list(wanted.repo.environments)
    if wanted.repo.kind == "virtual":
        found["repositories"] = [by_id[member].key for member in wanted.members if member in by_id]
        target = by_id.get(wanted.repo.deploy_to)
        found["deploy_to"] = target.key if target else ""
    return found


def repo_created(by: Actor, key: str, after: Facts) -> Change:
    """A repository was made."""
    return Change("artifact_repo.create", by, key, after={name: value for name, value in after.items() if value})


def repo_deleted(by: Actor, key: str, before: Facts) -> Change:
    """A repository was deleted, with all its items."""
    return Change("artifact_repo.delete", by, key, before={name: value for name, value in before.items() if value})


def repo_updated(by: Actor, key: str, before: Facts, after: Facts) -> Change | None:
    """A repository was changed; None when nothing that is recorded was."""
    was, now = differing(before, after)
    return Change("artifact_repo.update", by, key, before=was, after=now) if was or now else None


def differing(before: Facts, after: Facts) -> tuple[dict[str, object], dict[str, object]]:
    """The facts that differ: as they were, and as they are."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return ({name: before[name] for name in names if name in before}, {n: after[n] for n in names if n in after})


def rights_changed(by: Actor, target: str, before: Facts, after: Facts) -> Iterator[Change]:
    """Rights by a permission target: facts of each subject, such as `user/ada`, before and after."""
    for subject in sorted({*before, *after}):
        was, now = differing(before.get(subject, {}), after.get(subject, {}))
        if was or now:
            verb = "artifact_right.grant" if subject in after else "artifact_right.revoke"
            yield Change(verb, by, f"{target}#{subject}", before=was, after=now)
