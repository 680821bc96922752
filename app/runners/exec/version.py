"""The step variables of the version that a tag names (contract drone-env 1.4). Pure."""

import re

_IDENTIFIERS = re.compile(r"[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*")
_NUMBER = re.compile(r"[0-9]{1,18}")


def variables(tag: str) -> dict[str, str]:
    """DRONE_SEMVER… and DRONE_CALVER… of a tag; a tag that is not a semantic version gives DRONE_SEMVER_ERROR."""
    version = tag.removeprefix("v")
    return _semantic(version) | _calendar(version)


def _semantic(version: str) -> dict[str, str]:
    rest, _, build = version.partition("+")
    rest, _, prerelease = rest.partition("-")
    parts = rest.split(".", 2)
    if len(parts) != 3:
        return {"DRONE_SEMVER_ERROR": f"{version} is not in dotted-tri format"}
    for part in parts:
        if not _NUMBER.fullmatch(part):
            return {"DRONE_SEMVER_ERROR": f"{version}: {part!r} is not a number"}
    for name, suffix in (("pre-release", prerelease), ("build metadata", build)):
        if suffix and not _IDENTIFIERS.fullmatch(suffix):
            return {"DRONE_SEMVER_ERROR": f"{version}: {suffix!r} is not a valid {name}"}
    return _semver(*(str(int(part)) for part in parts), prerelease=prerelease, build=build)


def _semver(major: str, minor: str, patch: str, *, prerelease: str, build: str) -> dict[str, str]:
    short = f"{major}.{minor}.{patch}"
    found = {
        "DRONE_SEMVER": short + (prerelease and f"-{prerelease}") + (build and f"+{build}"),
        "DRONE_SEMVER_SHORT": short,
        "DRONE_SEMVER_MAJOR": major,
        "DRONE_SEMVER_MINOR": minor,
        "DRONE_SEMVER_PATCH": patch,
    }
    if prerelease:
        found["DRONE_SEMVER_PRERELEASE"] = prerelease
    if build:
        found["DRONE_SEMVER_BUILD"] = build
    return found


def _calendar(version: str) -> dict[str, str]:
    parts = version.split(".", 2)
    if len(parts) < 2 or not all(_NUMBER.fullmatch(part) for part in parts[:2]):
        return {}
    major, minor = parts[:2]
    if not (19 <= int(major) <= 99 or 2019 <= int(major) <= 9998):
        return {}
    micro, _, modifier = parts[2].partition("-") if len(parts) == 3 else ("", "", "")
    short = f"{major}.{minor}" + (micro and f".{micro}")
    found = {
        "DRONE_CALVER": short + (modifier and f"-{modifier}"),
        "DRONE_CALVER_SHORT": short,
        "DRONE_CALVER_MAJOR_MINOR": f"{major}.{minor}",
        "DRONE_CALVER_MAJOR": major,
        "DRONE_CALVER_MINOR": minor,
        "DRONE_CALVER_MICRO": micro,
    }
    if modifier:
        found["DRONE_CALVER_MODIFIER"] = modifier
    return found
