"""Cron jobs on a page: what an expression means before it is saved, and what promotes by the clock."""

import pytest

from app.builds.cron.pace import Pace
from app.db.connect import Database
from tests.builds.farside import laid
from tests.ui.farside import attributes
from tests.ui.settings import Desk, desk_of

HERE = "/octocat/hello/-/settings/cron"
JOB = {"name": "Nightly", "expr": "0 30 4 * * mon-fri", "zone": "Europe/Berlin", "branch": "main", "event": "push"}
PROMOTING = JOB | {"event": "promote", "target": "production"}


async def test_a_check_says_in_words_and_times_what_is_typed_and_saves_nothing(desk: Desk) -> None:
    answer = await desk.post(HERE, **JOB, do="check")
    assert answer.status_code == 200
    page = await desk.refused(HERE, 200, **PROMOTING, do="check")

    told = page.text("#checked")
    assert "at 04:30, Monday to Friday, on the clock of Europe/Berlin" in told
    assert "promotes the newest successful build of main to production" in told
    assert page.count("#checked li") == 5
    assert "2023-11-15T04:30:00+01:00" in told
    assert attributes(page.doc.query("#field-name")[0])["value"] == "Nightly"
    assert page.count("#problems") == 0
    assert desk.moments == []


async def test_a_job_is_added_and_told_with_its_next_five_times(desk: Desk) -> None:
    page = await desk.done(HERE, **JOB, do="add")

    assert page.text("main [role=status]") == "The job is added: nightly."
    assert page.count("tbody li") == 5
    assert "builds main" in page.text("tbody")
    assert "Europe/Berlin" in page.text("tbody")
    assert desk.verbs == ["cron.create"]


async def test_a_promotion_by_the_clock_must_be_confirmed(desk: Desk) -> None:
    page = await desk.refused(HERE, 400, **PROMOTING, do="add")
    assert "asks nobody" in page.text("#problem-confirmed")
    assert page.count("#checked") == 1

    await desk.refused(HERE, 400, **PROMOTING | {"target": ""}, do="add", confirmed="true")
    page = await desk.done(HERE, **PROMOTING, do="add", confirmed="true")
    assert "to production" in page.text("tbody")


async def test_five_fields_that_promote_must_be_meant(desk: Desk) -> None:
    short = PROMOTING | {"expr": "0 6 * * 1-5"}
    page = await desk.refused(HERE, 400, **short, do="add", confirmed="true")

    assert "every hour at :06, January to May" in page.text("#short")
    assert "0 0 6 * * 1-5" in page.text("#short")
    assert page.count("#problem-expr") == page.count("#field-seconds_first") == 1

    await desk.done(HERE, **short, do="add", confirmed="true", seconds_first="true")


async def test_a_build_may_have_five_fields(desk: Desk) -> None:
    await desk.done(HERE, **JOB | {"expr": "0 6 * * 1-5"})


@pytest.mark.parametrize("do", ["check", "add"])
async def test_what_is_wrong_comes_back_beside_its_field(desk: Desk, do: str) -> None:
    wrong = JOB | {"name": "", "expr": "61 * * * * *", "zone": "Europe/Berlln", "branch": "..", "event": "explode"}

    page = await desk.refused(HERE, 400, **wrong, do=do)

    assert {name for name in wrong if page.count(f"#problem-{name}") != 1} == set()
    assert "did you mean Europe/Berlin?" in page.text("#problem-zone")


async def test_a_job_that_is_too_often_is_refused_at_the_check(db: Database, tmp_path: object) -> None:
    async with desk_of(await laid(db, tmp_path), cron_pace=Pace(3600)) as desk:  # type: ignore[arg-type]
        page = await desk.refused(HERE, 400, **JOB | {"expr": "@every 1m"}, do="check")
        assert "GANTRY_CRON_MINIMUM" in page.text("#problem-expr")
        await desk.refused(HERE, 200, "root", **JOB | {"expr": "@every 1m"}, do="check")


async def test_a_job_is_switched_run_and_removed(desk: Desk) -> None:
    await desk.done(HERE, **JOB)
    await desk.scene.push()

    assert "disabled" in (await desk.done(f"{HERE}/nightly/disable")).text("tbody")
    assert "Disable nightly" in (await desk.done(f"{HERE}/nightly/enable")).text("tbody")
    page = await desk.done(f"{HERE}/nightly/run")
    assert "cron job nightly" in page.text()
    page = await desk.done(f"{HERE}/nightly/remove")
    assert "by the clock yet" in page.text()

    assert [verb for verb in desk.verbs if verb.startswith("cron")] == [
        *("cron.create", "cron.update", "cron.update", "cron.delete")
    ]


async def test_a_job_that_is_gone_or_has_nothing_to_promote_is_told(desk: Desk) -> None:
    for act in ("run", "enable", "disable"):
        page = await desk.refused(f"{HERE}/gone/{act}", 404)
        assert "cron job gone not found" in page.text("#problems")

    await desk.done(HERE, **PROMOTING, confirmed="true")
    page = await desk.refused(f"{HERE}/nightly/run", 422)
    assert "has no successful build yet" in page.text("#problems")
    await desk.refused(HERE, 409, **JOB)


async def test_an_expression_that_no_version_reads_breaks_nothing(desk: Desk) -> None:
    await desk.done(HERE, **JOB)
    await desk.set("crons WHERE id > 0", expr="<b>", zone="Mars/Base")

    page = await desk.page(HERE, "keeper")

    assert "cannot read" in page.text("tbody")
