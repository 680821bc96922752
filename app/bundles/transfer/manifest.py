"""What a signed manifest says that a version holds, checked before anything is made of it.

The manifest is that of another server, perhaps of another version of this program: a signature that is right does not
make its fields right.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.artifacts import properties
from app.artifacts.address import check_length, check_name
from app.artifacts.lax import Storable
from app.artifacts.placing import folders_of
from app.bundles import names
from app.bundles.signing.statements import PREDICATES
from app.bundles.transfer.contents import MANIFEST
from app.bundles.transfer.tar import LARGEST, refuse
from app.errors import Invalid

#: The most artifacts of a version.
MOST = 100_000
_SHA256 = r"^[0-9a-f]{64}$"


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class Property(_Part):
    """A property, with its values in their order."""

    key: Storable
    values: list[Storable] = Field(min_length=1)


class Described(_Part):
    """A file of the version, as the manifest describes it."""

    path: Storable
    checksum: str = Field(pattern=_SHA256)
    source_repository_key: Annotated[Storable, Field(max_length=64)]
    package_type: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    size: int = Field(ge=0, lt=LARGEST)
    properties: list[Property]

    def said(self) -> dict[str, list[str]]:
        """The properties, by key."""
        return {each.key: each.values for each in self.properties}


class _Version(_Part):
    release_bundle_name: str
    release_bundle_version: str


class Manifest(_Part):
    """The content of a version."""

    release_bundle: _Version
    source: dict[str, Any]
    artifacts: list[Described] = Field(min_length=1, max_length=MOST)

    @property
    def name(self) -> str:
        """The name of the bundle."""
        return self.release_bundle.release_bundle_name

    @property
    def version(self) -> str:
        """The version of the bundle."""
        return self.release_bundle.release_bundle_version

    def blobs(self) -> dict[str, int]:
        """The sizes of the blobs, by SHA-256."""
        return {artifact.checksum: artifact.size for artifact in self.artifacts}


def read(statement: Mapping[str, Any]) -> Manifest:
    """The manifest that a verified statement is; Invalid."""
    if statement.get("predicateType") != PREDICATES["create"]:
        refuse(f"{MANIFEST} is no manifest of a release bundle: its predicate is {statement.get('predicateType')!r}")
    try:
        manifest = Manifest.model_validate(statement.get("predicate"))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        refuse(f"{MANIFEST} cannot be read: {where}: {first['msg']}")
    for problem in _problems(manifest):
        refuse(f"{MANIFEST}: {problem}")
    if not _same(statement.get("subject"), manifest.artifacts):
        refuse(f"{MANIFEST}: its subjects are not its artifacts")
    return manifest


def _problems(manifest: Manifest) -> Iterator[str]:
    yield from (problem.message for problem in names.problems(manifest.name, manifest.version))
    try:
        orjson.dumps(manifest.source)
    except TypeError:  # it could not be stored
        yield "source: nests too deep"
    seen = set[tuple[str, str]]()
    sizes = dict[str, int]()
    for artifact in manifest.artifacts:
        where = (artifact.package_type, artifact.path)
        if where in seen:
            yield f"it has two artifacts of the type {where[0]} at {where[1][:200]!r}"
        seen.add(where)
        if sizes.setdefault(artifact.checksum, artifact.size) != artifact.size:
            yield f"it says two sizes of the bytes {artifact.checksum}"
        if len(artifact.said()) != len(artifact.properties):
            yield f"it says a property of {artifact.path[:200]!r} twice"
        try:
            _check_path(artifact.path)
            properties.check_keys(artifact.said())
        except Invalid as error:
            yield f"the artifact {artifact.path[:200]!r}: {error.message}"
    for kind, path in seen:
        if above := next((folder for folder in folders_of(path) if (kind, folder) in seen), None):
            yield f"the artifact {path[:200]!r} is below the artifact {above[:200]!r}, which is a file"


def _check_path(path: str) -> None:
    parts = path.split("/")
    if "" in parts:
        refuse("its path has a name without characters, or a slash around it")
    for part in parts:
        check_name(part)
    check_length(path)


def _same(subjects: Any, artifacts: Iterable[Described]) -> bool:
    """Whether the signed subjects are the artifacts that the predicate describes."""
    try:
        said = {(subject["name"], subject["digest"]["sha256"]) for subject in subjects}
    except (KeyError, TypeError):
        return False
    return said == {(artifact.path, artifact.checksum) for artifact in artifacts}
