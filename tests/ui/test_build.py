"""The page of a build in each state: what it is, why it waits, what failed, and which step is open."""

from dataclasses import replace

import pytest

from app.builds import flow, progress, purge
from app.builds.model import Status
from app.db.tx import Tx
from app.errors import Unavailable
from app.moments import Actor
from tests.builds.farside import OCTOCAT, RUNNER, ended, pipeline
from tests.ui.farside import Place, attributes
from tests.ui.hold import recorded

BUILD = "/octocat/hello/1"


async def test_a_build_that_waits_for_a_runner_says_why(place: Place) -> None:
    build = await place.scene.push()
    place.why[build.stages[0].id] = "no runner that is free serves type exec on linux/amd64"

    page = await place.page(BUILD)

    assert page.text("h1") == "Build 1 queued"
    assert page.text("title") == "… 1 octocat/hello · Gantry"
    assert "no runner that is free serves type exec" in page.text("#stages")
    assert "No step has begun." in page.text("#log")


async def test_stages_are_a_tree_with_reasons_and_a_graph_by_depth(place: Place) -> None:
    await place.scene.push(
        pipeline("build"),
        pipeline("test", depends_on=["build"]),
        pipeline("lint", depends_on=["build"]),
        pipeline("deploy", depends_on=["lint", "test"]),
    )

    page = await place.page(BUILD)

    assert [node.to_text(" ") for node in page.doc.query(".graph > li")] == [
        "build queued",
        "test waits lint waits",
        "deploy waits",
    ]
    assert "waits for lint and test" in page.text("#stage-4")
    assert page.links(".graph a") == ["#stage-1", "#stage-2", "#stage-3", "#stage-4"]


async def test_what_failed_is_open_and_named_on_top(place: Place) -> None:
    build = await place.scene.push(pipeline("build"), pipeline("deploy", depends_on=["build"]))
    stage = await place.ran(build, "clone", "http", "browser")
    await place.write_log(
        stage.steps[1], "+ curl https://shop.example || echo error\n", "HTTP 503\n", "error: it failed\n"
    )
    steps = (
        replace(stage.steps[0], status="success", started=1, stopped=2),
        replace(stage.steps[1], status="failure", exit_code=3, started=1, stopped=2),
        replace(stage.steps[2], status="skipped"),
    )
    for step in steps:
        await place.scene.ports.db.write(steps_set(step.id, step.status, step.exit_code))
    await flow_end(place, "failure")

    page = await place.page(BUILD)

    assert page.text("p.box") == "failed build / http: exit code 3 — first error at line 3"
    assert page.text("#log .tools").startswith("build / http failed exit code 3")
    assert page.links("p.box a") == ["/octocat/hello/1/1/2", "#L3"]
    assert page.text("li.here") == "3 error: it failed"
    assert "tab-failed.svg" in page.html
    assert page.text("title").startswith("✗ 1 octocat/hello")
    (current,) = page.doc.query("[aria-current=true]")
    assert "http" in current.to_text()


def steps_set(step_id: int, status: Status, code: int) -> Tx[None]:
    sql = "UPDATE steps SET status = :status, exit_code = :code, started = 5, stopped = 7 WHERE id = :id"
    yield sql, {"status": status, "code": code, "id": step_id}


async def flow_end(place: Place, status: Status) -> None:
    await place.set("stages WHERE number = 1", status=status, started=1, stopped=2)
    await place.set("builds WHERE number = 1", status=status, started=1, finished=2)


async def test_what_runs_is_open_before_what_is_over(place: Place) -> None:
    build = await place.scene.push()
    stage = await place.ran(build, "clone", "test", "last")
    await place.scene.step(stage.steps[0], "success", stopped=place.scene.clock())
    await place.scene.step(stage.steps[1], "running")

    page = await place.page(BUILD)

    assert page.text("#log h2") == "default / test"
    assert "This step has written nothing yet." in page.text("#log")
    assert page.text("h1") == "Build 1 running"


async def test_a_build_that_is_over_is_open_at_its_last_step(place: Place) -> None:
    build = await place.scene.push()
    stage = await place.ran(build, "clone", "test")
    await place.write_log(stage.steps[1], "fine\n")
    await progress.update_stage(place.scene.ports, ended(stage), RUNNER)
    for step in stage.steps:
        await place.scene.ports.db.write(steps_set(step.id, "success", 0))

    page = await place.page(BUILD)

    assert page.text("#log h2") == "default / test"
    assert page.text("#log ol") == "1 fine"


async def test_the_step_of_the_address_is_open_and_one_that_is_not_there_is_missing(place: Place) -> None:
    build = await place.scene.push()
    await place.ran(build, "clone", "test")

    assert (await place.page(f"{BUILD}/1/1")).text("#log h2") == "default / clone"
    assert "no step 9 in a stage 1" in (await place.page(f"{BUILD}/1/9", status=404)).text()
    assert "no step 1 in a stage 4" in (await place.page(f"{BUILD}/4/1", status=404)).text()
    assert "build 7 not found" in (await place.page("/octocat/hello/7", status=404)).text()


async def test_an_approval_that_is_due_names_who_may_and_how(place: Place) -> None:
    await place.set("repos WHERE id = 1", protected=True)
    object.__setattr__(place.scene, "repo", replace(place.repo, protected=True))
    build = await place.scene.push(pipeline("deploy"))
    place.why[build.stages[0].id] = "an administrator of the repository must approve it"

    texts = {who: (await place.page(BUILD, who)).text(".wait") for who in ("reader", "keeper", "root")}

    assert "Not begun: deploy." in texts["reader"]
    assert "Why: an administrator of the repository must approve it." in texts["reader"]
    assert "They are keeper and octocat." in texts["reader"]
    assert "This needs the right to administer octocat/hello" in texts["reader"]
    assert texts["keeper"].endswith("Approve Reject…")
    assert texts["root"].endswith("Approve Reject…")
    assert (await place.page(BUILD)).text("h1") == "Build 1 waits for approval"


async def test_parameters_tell_where_they_come_from(place: Place) -> None:
    await place.scene.push(pipeline(trigger={"event": ["push", "promote"]}), params={"REGION": "eu", "VERSION": "1.3"})
    old = await place.scene.build(1)
    await flow.promote(place.scene.ports, place.repo, old, target="staging", by=OCTOCAT, params={"VERSION": "1.4"})

    page = await place.page("/octocat/hello/2")

    assert page.text("main dl") == "REGION eu from build 1 VERSION 1.4 given"
    assert "promotion of build 1 to staging by octocat" in page.text("#head")


async def test_a_build_that_could_not_begin_shows_the_lines_of_its_file(place: Place) -> None:
    text = "kind: pipeline\ntype: exec\nname: x\nsteps:\n- name: a\n  commands: [b]\n- nome: <b>4</b>\n"
    await place.scene.push(text)

    page = await place.page(BUILD)

    assert page.text("h1") == "Build 1 error"
    assert "This build could not begin" in page.text(".bad")
    assert page.text("li.here") == "7 - nome: <b>4</b>"
    assert "This build has no stages" in page.text("#stages")


async def test_a_file_that_is_gone_still_tells_the_problems(place: Place) -> None:
    await place.scene.push("kind: pipeline\ntype: exec\nname: x\nsteps:\n- nome: 4\n")
    place.scene.host.files.clear()
    place.scene.ports.configs._files.clear()  # a server that was restarted
    place.scene.host.failure = Unavailable("the host is away")

    page = await place.page(BUILD)

    assert ".drone.yml:5" in page.text(".bad")
    assert page.count("li.here") == 0


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("skipped", "This step was skipped, so it wrote nothing."),
        ("pending", "This step has not begun."),
        ("killed", "There is no log: the step wrote none, the runner was lost"),
    ],
)
async def test_a_step_without_a_log_says_why(place: Place, status: Status, told: str) -> None:
    build = await place.scene.push()
    stage = await place.ran(build, "one")
    await place.set(f"steps WHERE id = {stage.steps[0].id}", status=status)

    assert told in (await place.page(f"{BUILD}/1/1")).text("#log")


@pytest.mark.parametrize("path", [BUILD, f"{BUILD}/1/1", f"{BUILD}/-/promote", f"{BUILD}/-/rollback"])
async def test_a_build_that_was_purged_says_so(place: Place, path: str) -> None:
    await place.scene.push()
    for table in ("builds", "stages"):
        await place.set(f"{table} WHERE number = 1", status="success")
    await purge.purge(place.scene.ports, place.repo, 2)

    told = (await place.page(path, "keeper", status=404)).text()

    assert "build 1 is gone: it was purged with its logs, or its number was never used" in told
    assert "gantry audit ls octocat/hello --verb builds.purge says by whom" in told
    assert "says by whom" not in (await place.page(path, status=404)).text()


async def test_a_log_that_was_deleted_says_when_and_by_whom(place: Place) -> None:
    recorded(place)
    build = await place.scene.push()
    stage = await place.ran(build, "one", "two")
    one, two = stage.steps
    for step in (one, two):
        await place.set(f"steps WHERE id = {step.id}", status="success")
        await place.write_log(step, "a line\n")
    await purge.delete_log(place.scene.ports, place.repo, 1, 1, one, Actor("person", "<b>ada", way="token"))
    place.scene.clock.time += 300

    page = await place.page(f"{BUILD}/1/1")
    other = await place.page(f"{BUILD}/1/2")
    await place.set("repos WHERE id = 1", visibility="public", name="renamed")
    stranger = await place.page("/octocat/renamed/1/1/1", "")

    assert page.text("#log > p") == "This log was deleted 5 min ago by <b>ada."
    assert stranger.text("#log > p") == "This log was deleted 5 min ago."
    assert "a line" in other.text("#log")


async def test_a_long_message_is_folded_and_whole(place: Place) -> None:
    await place.scene.push(title="", message="First line\n\nand <b>more</b>\n")

    page = await place.page(BUILD)

    assert "First line" in page.text("#head .facts")
    assert page.doc.query("pre.message")[0].to_text(strip=False) == "First line\n\nand <b>more</b>\n"


async def test_a_graph_of_many_stages_is_behind_a_button(place: Place) -> None:
    names = [f"s{number}" for number in range(20)]
    await place.scene.push(*(pipeline(name, depends_on=names[:at][-1:]) for at, name in enumerate(names)))

    page = await place.page(BUILD)

    (details,) = page.doc.query("#graph > details")
    assert "open" not in attributes(details)
    assert page.count(".graph > li") == 20
