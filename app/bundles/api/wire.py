"""What several answers about release bundles hold (contract release-bundle 1.2, 4)."""

from collections.abc import Mapping, Sequence
from typing import NotRequired

from typing_extensions import TypedDict

from app.artifacts.times import text_of
from app.bundles.model import Bundle, MessageJSON
from app.bundles.work import Work
from app.web.reply import JSON


class PropertyJSON(TypedDict):
    """A property: its key, and its values in their order."""

    key: str
    values: list[str]


class ProgressJSON(TypedDict):
    """How many files are done, of all."""

    done: int
    total: int


class StatusJSON(TypedDict):
    """How far work has come; `progress` while it is under way."""

    status: str
    messages: list[MessageJSON]
    progress: NotRequired[ProgressJSON]


class VersionKeyJSON(TypedDict):
    """Which version of a release bundle, and when the version was created."""

    repository_key: str
    release_bundle_name: str
    release_bundle_version: str
    created: str
    created_millis: int


def properties(of: Mapping[str, Sequence[str]]) -> list[PropertyJSON]:
    """The JSON of properties."""
    return [PropertyJSON(key=key, values=list(values)) for key, values in of.items()]


def version_key(key: str, bundle: Bundle) -> VersionKeyJSON:
    """The JSON that names a version."""
    return VersionKeyJSON(
        repository_key=key,
        release_bundle_name=bundle.name,
        release_bundle_version=bundle.version,
        created=text_of(bundle.created),
        created_millis=bundle.created,
    )


def status(of: str, messages: Sequence[MessageJSON], work: Work | None) -> JSON[StatusJSON]:
    """The answer that tells how far work has come; clients know the states of the contract only."""
    told = StatusJSON(status=of, messages=list(messages))
    if work is not None:
        told["progress"] = ProgressJSON(done=work.done, total=work.total)
    return JSON(told)
