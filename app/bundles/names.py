"""Names of release bundles, their versions and their repositories. Pure.

Contract release-bundle 1.
"""

import re
from collections.abc import Iterator

from app.bundles.model import BUNDLES, MANIFEST
from app.errors import Invalid, Problem

LONGEST_NAME, LONGEST_VERSION = 128, 32
_NAME = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.-]{{0,{LONGEST_NAME - 1}}}")
_VERSION = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.+-]{{0,{LONGEST_VERSION - 1}}}")
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,50}")
_SUFFIX = f"-{BUNDLES}"


def problems(name: str, version: str) -> Iterator[Problem]:
    """What is wrong with the name and the version of a bundle."""
    rule = "its first character is a letter, a digit or _, the rest are letters, digits and"
    if not _NAME.fullmatch(name):
        words = f"release_bundle_name: {name[:200]!r} is no name of 1 to {LONGEST_NAME} characters: {rule} _ . -"
        yield Problem("release_bundle_name", "bad_name", words)
    if not _VERSION.fullmatch(version):
        words = f"release_bundle_version: {version[:200]!r} is no version of 1 to {LONGEST_VERSION} characters"
        yield Problem("release_bundle_version", "bad_version", f"{words}: {rule} _ . - +")


def repository_key(project: str = "", key: str = "") -> str:
    """The key of the repository that a project and a key name. Invalid for what no such repository can have.

    Command lines send `default` for the project of all who have none, and some build a key of that word.
    """
    if key:
        if key == BUNDLES or key == f"default{_SUFFIX}":
            return BUNDLES
        if not key.endswith(_SUFFIX) or not _PROJECT.fullmatch(key.removesuffix(_SUFFIX)):
            words = f"repository_key: {key[:200]!r} is no repository of release bundles: say {BUNDLES} or"
            raise Invalid.of([Problem("repository_key", "bad_repository", f"{words} PROJECT{_SUFFIX}")])
        return key
    if project in ("", "default"):
        return BUNDLES
    if not _PROJECT.fullmatch(project):
        words = f"project: {project[:200]!r} is no key of a project, which has letters, digits, dots, _ and -"
        raise Invalid.of([Problem("project", "bad_project", words)])
    return f"{project}{_SUFFIX}"


def project_of(key: str) -> str:
    """The key of the project that a repository of bundles belongs to; empty for none."""
    return key.removesuffix(_SUFFIX) if key != BUNDLES else ""


def folder(name: str, version: str) -> str:
    """The folder of a version in its repository. Rights are judged by this path."""
    return f"{name}/{version}"


def manifest(name: str, version: str) -> str:
    """The path of a version's manifest in its repository."""
    return f"{folder(name, version)}/{MANIFEST}"


def artifacts(name: str, version: str, package_type: str) -> str:
    """The folder of a version's artifacts of a type in its repository (contract release-bundle 3.5)."""
    return f"{folder(name, version)}/artifacts/{package_type}"
