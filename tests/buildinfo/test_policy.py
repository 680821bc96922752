"""Which runs a policy of retention keeps."""

import pytest

from app.buildinfo import policy
from app.buildinfo.fields import Fields
from app.buildinfo.model import Run
from app.buildinfo.policy import Policy


def runs(*days: int) -> list[Run]:
    return [Run(day, 1, day, "app", str(day), day * 1000, "", day, "") for day in days]


@pytest.mark.parametrize(
    ("limits", "reasons", "discarded", "kept"),
    [
        pytest.param(Policy(), {}, "", "", id="no-limit"),
        pytest.param(Policy(3), {}, "2 1", "", id="the-newest-stay"),
        pytest.param(Policy(0), {}, "5 4 3 2 1", "", id="none"),
        pytest.param(Policy(9), {}, "", "", id="fewer-than-the-limit"),
        pytest.param(Policy(before=3000), {}, "2 1", "", id="strictly-before"),
        pytest.param(Policy(2, 3000), {}, "3 2 1", "", id="early-ones-go-first"),
        pytest.param(Policy(before=99000, spared=("3", "5")), {}, "4 2 1", "", id="spared-numbers"),
        pytest.param(Policy(3, spared=("5", "1")), {}, "2", "", id="spared-ones-count"),
        pytest.param(Policy(1), {4: "promoted", 5: "promoted"}, "3 2 1", "4", id="promoted-beyond-the-limit"),
        pytest.param(Policy(0, spared=("2",)), {1: "promoted", 2: "promoted"}, "5 4 3", "1", id="spared-and-promoted"),
        pytest.param(Policy(before=99000), {3: "promoted"}, "5 4 2 1", "3", id="promoted-and-early"),
    ],
)
def test_a_policy_decides(limits: Policy, reasons: dict[int, str], discarded: str, kept: str) -> None:
    decision = policy.decide(runs(2, 1, 3, 5, 4), limits, reasons)

    assert " ".join(run.number for run in decision.discarded) == discarded
    assert " ".join(run.number for run, _ in decision.kept) == kept


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({}, Policy()),
        ({"count": "3"}, Policy(3)),
        ({"count": 0, "deleteBuildArtifacts": True}, Policy(0, artifacts=True)),
        ({"count": -1, "minimumBuildDate": "2014-09-30T12:00:19.893+0300"}, Policy(-1, 1412067619893)),
        ({"minimumBuildDate": 1412067619893}, Policy(before=1412067619893)),
        ({"minimumBuildDate": "1412067619893"}, Policy(before=1412067619893)),
        ({"minimumBuildDate": "", "count": ""}, Policy()),
        ({"buildNumbersNotToBeDiscarded": ["1.0", 2]}, Policy(spared=("1.0", "2"))),
    ],
)
def test_each_form_that_clients_send_is_read(said: dict[str, object], found: Policy) -> None:
    fields = Fields(dict(said))

    assert policy.read(fields) == found
    assert fields.problems == []
    assert policy.read(Fields(dict(policy.as_json(found)))) == found


def test_a_header_names_a_few_runs_and_how_many_there_are() -> None:
    kept = [(run, "promoted to Größe") for run in runs(*range(1, 24))]

    text = policy.kept_header(kept)

    assert text.startswith("1 (promoted to Gr%C3%B6%C3%9Fe), 2 (")
    assert text.endswith("20 (promoted to Gr%C3%B6%C3%9Fe), and 3 more")
    text.encode("ascii")
