"""Statements about versions of release bundles: in-toto Statement v1, whose subjects are the artifacts. Pure.

The predicate of each statement names the version, the place of the statement among all of the version, and the digest
of the envelope before. So nobody can take a statement away, or put it elsewhere, without a trace.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import orjson

from app.artifacts.times import text_of
from app.bundles.model import Artifact, Bundle, Promotion
from app.moments import Actor

Statement: TypeAlias = dict[str, Any]
#: What a statement tells: the version was created or imported; it was promoted; a promotion was deleted.
Kind: TypeAlias = Literal["create", "import", "promote", "delete_promotion"]
#: The properties of sets, by id.
Sets: TypeAlias = Mapping[int, Mapping[str, Sequence[str]]]

STATEMENT = "https://in-toto.io/Statement/v1"
#: The type of the predicate of each kind of statement.
PREDICATES: Mapping[Kind, str] = {
    "create": "urn:gantry:release-bundle:v1",
    "import": "urn:gantry:release-bundle-import:v1",
    "promote": "urn:gantry:promotion:v1",
    "delete_promotion": "urn:gantry:promotion-deletion:v1",
}
#: The version of the specification in a manifest (contract release-bundle 4.2).
SCHEMA = "1.0.0"


def manifest(key: str, bundle: Bundle, artifacts: Sequence[Artifact], properties: Sets) -> Statement:
    """The first statement: what is in a version of the repository of a key, what it was made from, when, by whom.

    `properties` has those of the artifacts' sets.
    """
    predicate = {
        **_about("create", key, bundle, 1, ""),
        "schema_version": SCHEMA,
        **of_bundle(bundle),
        "artifacts": described(artifacts, properties),
    }
    return _statement("create", artifacts, predicate)


def promotion(
    key: str, bundle: Bundle, done: Promotion, artifacts: Sequence[Artifact], *, at: int, seq: int, previous: str
) -> Statement:
    """A version was promoted at a time, Unix milliseconds. `seq` is the place of the statement, `previous` the digest
    of the one before."""
    predicate = {
        **_about("promote", key, bundle, seq, previous),
        **of_promotion(done),
        "promoted": text_of(at),
    }
    return _statement("promote", artifacts, predicate)


def deletion(
    key: str,
    bundle: Bundle,
    gone: Promotion,
    artifacts: Sequence[Artifact],
    *,
    by: Actor,
    at: int,
    seq: int,
    previous: str,
) -> Statement:
    """A promotion of a version was deleted at a time, Unix milliseconds."""
    predicate = {
        **_about("delete_promotion", key, bundle, seq, previous),
        "created_millis": gone.created,
        "environment": gone.environment,
        **_by("deleted", by.name, by.id),
        "deleted": text_of(at),
    }
    return _statement("delete_promotion", artifacts, predicate)


def imported(
    key: str, bundle: Bundle, artifacts: Sequence[Artifact], *, by: Actor, at: int, seq: int, previous: str
) -> Statement:
    """A version was imported from another server at a time, Unix milliseconds, with the statements before."""
    predicate = {
        **_about("import", key, bundle, seq, previous),
        **_by("imported", by.name, by.id),
        "imported": text_of(at),
    }
    return _statement("import", artifacts, predicate)


def of_bundle(bundle: Bundle) -> dict[str, Any]:
    """What a manifest says of the version, besides its artifacts."""
    return {
        **_by("created", bundle.by_name, bundle.by_id),
        "created": text_of(bundle.created),
        "created_millis": bundle.created,
        "source": dict(bundle.sources),
    }


def of_promotion(done: Promotion) -> dict[str, Any]:
    """What a statement says of a promotion, besides the time of its end."""
    return {
        "created_millis": done.created,
        "environment": done.environment,
        "source_environment": done.source_environment,
        **_by("promoted", done.by_name, done.by_id),
        "operation": done.operation,
        "target_repository_keys": list(done.targets),
        "artifact_additional_properties": _properties(done.properties),
        "override_reason": done.reason,
    }


def subjects(artifacts: Sequence[Artifact]) -> list[dict[str, Any]]:
    """Artifacts as the subjects of statements."""
    return [{"name": artifact.whole_path, "digest": {"sha256": artifact.sha256}} for artifact in artifacts]


def described(artifacts: Sequence[Artifact], properties: Sets) -> list[dict[str, Any]]:
    """Artifacts as a specification has them (contract release-bundle 4.2)."""
    shown = {set_id: _properties(found) for set_id, found in properties.items()}
    return [
        {
            "path": artifact.whole_path,
            "checksum": artifact.sha256,
            "source_repository_key": artifact.source,
            "package_type": artifact.package_type,
            "size": artifact.size,
            "properties": shown[artifact.set_id],
        }
        for artifact in artifacts
    ]


def beginning(shown: Sequence[Any]) -> bytes:
    """The bytes with which the payload of a statement with these subjects begins."""
    return orjson.dumps({"_type": STATEMENT, "subject": shown}).removesuffix(b"}") + b","


def _statement(kind: Kind, artifacts: Sequence[Artifact], predicate: Mapping[str, Any]) -> Statement:
    shown = subjects(artifacts)
    return {"_type": STATEMENT, "subject": shown, "predicateType": PREDICATES[kind], "predicate": predicate}


def _about(kind: Kind, key: str, bundle: Bundle, seq: int, previous: str) -> dict[str, Any]:
    version = {
        "repository_key": key,
        "release_bundle_name": bundle.name,
        "release_bundle_version": bundle.version,
    }
    return {"release_bundle": version, "kind": kind, "seq": seq, "previous": previous}


def _by(done: str, name: str, account: int) -> dict[str, Any]:
    """Who has done it; another account can get the name one day, but never the id."""
    return {f"{done}_by": name, f"{done}_by_id": account}


def _properties(found: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    return [{"key": key, "values": list(values)} for key, values in sorted(found.items())]
