"""Versions out of tags."""

import pytest

from app.runners.exec import version


def test_semantic_version_with_all_parts() -> None:
    assert version.variables("v1.2.3-rc.1+7") == {
        "DRONE_SEMVER": "1.2.3-rc.1+7",
        "DRONE_SEMVER_SHORT": "1.2.3",
        "DRONE_SEMVER_MAJOR": "1",
        "DRONE_SEMVER_MINOR": "2",
        "DRONE_SEMVER_PATCH": "3",
        "DRONE_SEMVER_PRERELEASE": "rc.1",
        "DRONE_SEMVER_BUILD": "7",
    }


def test_calendar_version_that_is_no_semantic_one() -> None:
    assert version.variables("2024.05") == {
        "DRONE_SEMVER_ERROR": "2024.05 is not in dotted-tri format",
        "DRONE_CALVER": "2024.05",
        "DRONE_CALVER_SHORT": "2024.05",
        "DRONE_CALVER_MAJOR_MINOR": "2024.05",
        "DRONE_CALVER_MAJOR": "2024",
        "DRONE_CALVER_MINOR": "05",
        "DRONE_CALVER_MICRO": "",
    }


def test_a_tag_may_be_both() -> None:
    found = version.variables("v24.1.0-b2")

    assert (found["DRONE_SEMVER"], found["DRONE_CALVER"]) == ("24.1.0-b2", "24.1.0-b2")
    assert (found["DRONE_CALVER_MODIFIER"], found["DRONE_CALVER_SHORT"]) == ("b2", "24.1.0")
    assert found["DRONE_CALVER_MICRO"] == "0"


@pytest.mark.parametrize(
    ("tag", "error"),
    [
        ("nightly", "nightly is not in dotted-tri format"),
        ("v1.2", "1.2 is not in dotted-tri format"),
        ("", " is not in dotted-tri format"),
        ("1.2.x", "1.2.x: 'x' is not a number"),
        ("1.2.3.4", "1.2.3.4: '3.4' is not a number"),
        ("1.2.³", "1.2.³: '³' is not a number"),
        ("1.2.3-a..b", "1.2.3-a..b: 'a..b' is not a valid pre-release"),
        ("1.2.3+ä", "1.2.3+ä: 'ä' is not a valid build metadata"),
        ("1.2." + "9" * 40, "1.2." + "9" * 40 + f": '{'9' * 40}' is not a number"),
    ],
)
def test_a_tag_that_is_no_version_says_why(tag: str, error: str) -> None:
    assert version.variables(tag) == {"DRONE_SEMVER_ERROR": error}


@pytest.mark.parametrize(
    ("tag", "calendar"),
    [
        ("18.1.0", False),
        ("19.1.0", True),
        ("99.1.0", True),
        ("100.1.0", False),
        ("2018.1.0", False),
        ("2019.1.0", True),
        ("9998.1.0", True),
        ("9999.1.0", False),
        ("24.x", False),
    ],
)
def test_calendar_versions_have_a_year(tag: str, calendar: bool) -> None:
    assert ("DRONE_CALVER" in version.variables(tag)) is calendar
