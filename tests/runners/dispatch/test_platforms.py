"""The platforms of the statistics: each stage counts once, each runner wherever it is of use."""

import pytest

from app.runners.dispatch.platforms import PLATFORMS, Load, Platform, table
from app.runners.manager import Filter


def counted(*platforms: Platform) -> dict[int, int]:
    """In which rows stages of these platforms count."""
    rows = table([], [Load(platform, 1, 0) for platform in platforms])
    return {place: row["pending"] for place, row in enumerate(rows) if row["pending"]}


def test_there_are_eight_as_recorded() -> None:
    assert [(row["os"], row["arch"], row["variant"], row["kernel"]) for row in table([], [])] == list(PLATFORMS)
    assert list(table([], [])[0]) == ["subscribers", "os", "arch", "variant", "kernel", "pending", "running"]


@pytest.mark.parametrize(
    ("platform", "place"),
    [
        (Platform("linux", "amd64"), 4),
        (Platform("linux", "amd64", "v1"), 4),
        (Platform("linux", "arm64"), 2),
        (Platform("linux", "arm64", "v8"), 2),
        (Platform("linux", "arm", "v7"), 1),
        (Platform("linux", "arm", "v9"), 3),
        (Platform("linux", "arm"), 0),
        (Platform("windows", "arm64", "", "1803"), 6),
        (Platform("windows", "arm64"), 5),
    ],
)
def test_a_stage_counts_in_one_row(platform: Platform, place: int) -> None:
    assert counted(platform) == {place: 1}


@pytest.mark.parametrize(
    "platform", [Platform("darwin", "arm64"), Platform("linux", "386"), Platform("windows", "amd64", "", "1809")]
)
def test_what_has_no_row_counts_in_none(platform: Platform) -> None:
    assert counted(platform) == {}


def test_what_waits_and_runs_adds_up() -> None:
    loads = [Load(Platform("linux", "amd64"), 2, 1), Load(Platform("linux", "amd64", "v3"), 3, 4)]

    row = table([], loads)[4]

    assert (row["pending"], row["running"]) == (5, 5)


@pytest.mark.parametrize(
    ("runner", "places"),
    [
        (Filter(os="linux", arch="amd64"), [4]),
        (Filter(os="linux", arch="arm64"), [2]),
        (Filter(os="linux", arch="arm", variant="v7"), [1]),
        (Filter(os="windows", arch="arm64", kernel="1809"), [7]),
        (Filter(os="darwin", arch="arm64"), []),
        (Filter(), list(range(8))),
    ],
)
def test_a_runner_counts_wherever_it_takes_stages(runner: Filter, places: list[int]) -> None:
    assert [place for place, row in enumerate(table([runner], [])) if row["subscribers"]] == places
