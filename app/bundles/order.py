"""What a promotion of a version is asked to do (contract release-bundle 6.1)."""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import Field

from app.artifacts import properties
from app.artifacts.lax import Storable
from app.bundles.selection import Order
from app.errors import Invalid, Problem
from app.web.body import Input

#: The most values of additional properties, and the most characters of the reason for an override.
VALUES, LONGEST_REASON = 1000, 1000
#: The field that properties of files stand in.
_ADDED = "artifact_additional_properties"


class PropertyInput(Input):
    """A property that every promoted file gets, in place of the values that the file has of the key."""

    key: Storable
    values: list[Storable]


class PromotionInput(Input):
    """Where a version is promoted to. A list that is empty says nothing."""

    environment: Storable = ""
    included_repository_keys: list[Storable] = Field(
        default_factory=list,
        description="The only repositories that take files, perhaps with `*`; then the excluded ones mean nothing.",
    )
    excluded_repository_keys: list[Storable] = Field(
        default_factory=list, description="Repositories that take no files, perhaps with `*`."
    )
    artifact_additional_properties: list[PropertyInput] = Field(default_factory=list)
    override_reason: Storable = Field(
        "", description="Why the version goes there although the order of environments says no; needs *manage*."
    )


def read(said: PromotionInput, operation: str, signing_key: str) -> Order:
    """The order of a request; Invalid lists what is wrong."""
    added = [(one.key, value) for one in said.artifact_additional_properties for value in one.values]
    problems = list(_problems(said, operation, len(added)))
    found: Mapping[str, Sequence[str]] = {}
    try:
        properties.check_keys({one.key: one.values for one in said.artifact_additional_properties})
        found = properties.of_pairs(added)
    except Invalid as error:
        problems += [
            Problem(_ADDED, one.code, f"{_ADDED}: {one.message.removeprefix('properties: ')}") for one in error.problems
        ]
    if problems:
        raise Invalid.of(problems)
    return Order(
        said.environment.strip(),
        "move" if operation == "move" else "copy",
        tuple(dict.fromkeys(said.included_repository_keys)),
        tuple(dict.fromkeys(said.excluded_repository_keys)),
        found,
        said.override_reason.strip(),
        signing_key,
    )


def _problems(said: PromotionInput, operation: str, values: int) -> Iterator[Problem]:
    if not said.environment.strip():
        words = "environment: is missing or blank; name the environment that the version is promoted to"
        yield Problem("environment", "missing_environment", words)
    if operation not in ("copy", "move"):
        yield Problem("operation", "bad_operation", f"operation: say copy or move, not {operation[:100]!r}")
    if values > VALUES:
        words = f"{_ADDED}: there are {values} values; at most {VALUES} are taken"
        yield Problem(_ADDED, "too_many_values", words)
    if len(said.override_reason) > LONGEST_REASON:
        words = f"override_reason: has more than {LONGEST_REASON} characters; say it in fewer"
        yield Problem("override_reason", "too_long", words)
