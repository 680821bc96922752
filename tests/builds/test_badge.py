"""Badges and CCMenu's XML, as recorded."""

import json
import re
from pathlib import Path
from typing import get_args
from xml.etree import ElementTree

import pytest

from app.builds import badge
from app.builds.model import Build, Status
from app.repos.model import Repo

RECORDED = {
    exchange["name"]: exchange["text"]
    for exchange in json.loads((Path(__file__).parents[2] / "fixtures/drone/builds.json").read_text())["exchanges"]
    if "text" in exchange
}
REPO = Repo(1, "octocat", "hello-world")
LOOKS = {
    "started": ("#dfb317", 87),
    "blocked": ("#dfb317", 89),
    "success": ("#4c1", 91),
    "error": ("#9f9f9f", 76),
    "failure": ("#e05d44", 83),
}
#: What each status shows, and what CCMenu is told of it.
STATUSES: dict[Status, tuple[str, str, str]] = {
    "pending": ("started", "Building", "Unknown"),
    "running": ("started", "Building", "Unknown"),
    "blocked": ("blocked", "Building", "Unknown"),
    "success": ("success", "Sleeping", "Success"),
    "failure": ("failure", "Sleeping", "Failure"),
    "killed": ("failure", "Sleeping", "Exception"),
    "declined": ("failure", "Sleeping", "Exception"),
    "error": ("error", "Sleeping", "Exception"),
    "skipped": ("failure", "Sleeping", "Unknown"),
    "waiting_on_dependencies": ("failure", "Sleeping", "Unknown"),
}


def build(status: Status, started: int = 0) -> Build:
    return Build(1, 1, 8, status=status, started=started)


def test_a_success_looks_as_recorded() -> None:
    assert badge.svg(build("success")) == RECORDED["badge"]


def test_a_pending_build_that_waits_for_approval_says_blocked() -> None:
    assert ">blocked<" in badge.svg(Build(1, 1, 8, status="pending", blocked=True))
    assert ">started<" in badge.svg(Build(1, 1, 8, status="running", blocked=True))


def test_without_a_build_it_looks_as_recorded() -> None:
    assert badge.svg(None) == RECORDED["badge of a repository that is unknown"]


def test_the_xml_is_as_recorded() -> None:
    text = badge.cc_xml(REPO, build("success", started=1_795_411_850), "http://drone.example.com")

    assert text == RECORDED["cc.xml"]


def test_every_status_has_a_look() -> None:
    assert set(STATUSES) == set(get_args(Status))


@pytest.mark.parametrize("status", STATUSES)
def test_a_badge_says_the_status_in_its_colour_and_width(status: Status) -> None:
    word, _, _ = STATUSES[status]
    colour, width = LOOKS[word]

    picture = ElementTree.fromstring(badge.svg(build(status)))

    texts = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["build", "build", word, word]
    assert picture.get("width") == str(width)
    assert colour in badge.svg(build(status))


@pytest.mark.parametrize("status", STATUSES)
def test_the_xml_says_the_activity_and_the_status(status: Status) -> None:
    project = ElementTree.fromstring(badge.cc_xml(REPO, build(status), "https://ci.example.com/sub"))[0]

    assert (project.get("activity"), project.get("lastBuildStatus")) == STATUSES[status][1:]
    assert project.get("webUrl") == "https://ci.example.com/sub/octocat/hello-world/8"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", project.get("lastBuildTime", ""))


def test_what_stands_in_the_xml_is_escaped() -> None:
    odd = Repo(1, "a&b", 'c"<d>')

    project = ElementTree.fromstring(badge.cc_xml(odd, build("success"), "https://ci.example.com/?a&b"))[0]

    assert project.get("name") == 'a&b/c"<d>'
