"""What can be done with a build: in which state, for whom, and what the forms say."""

import pytest

from app.builds import approval, flow, stop
from app.builds.model import Build, Stage, Status
from app.repos.model import Repo
from app.ui.acts import acts
from tests.builds.farside import ADA, OCTOCAT, pipeline
from tests.ui.farside import Page, Place, attributes
from tests.ui.hold import FILE, held, recorded

REPO = Repo(1, "acme", "web")
BUILD = "/octocat/hello/1"
#: What each of the people may do beside looking.
MAY = {"": (), "reader": (), "writer": ("write",), "keeper": ("write", "admin"), "root": ("write", "admin")}


@pytest.mark.parametrize(
    ("status", "stages", "names"),
    [
        ("pending", ["pending"], ["cancel"]),
        ("pending", ["blocked"], ["approve", "cancel"]),
        ("running", ["success", "running"], ["cancel"]),
        ("running", ["running", "blocked"], ["approve", "cancel"]),
        ("success", ["success"], ["again", "promote"]),
        ("failure", ["failure", "skipped"], ["again"]),
        ("error", [], ["again"]),
        ("killed", ["killed"], ["again"]),
        ("skipped", ["skipped"], ["again"]),
        ("declined", ["declined"], []),
        ("declined", ["declined", "running"], ["cancel"]),
        ("declined", ["declined", "blocked"], ["approve", "cancel"]),
    ],
)
def test_a_state_allows_what_makes_sense(status: Status, stages: list[Status], names: list[str]) -> None:
    parts = tuple(Stage(at, 1, 1, at, str(at), status=one) for at, one in enumerate(stages, 1))

    found = acts(REPO, Build(1, 1, 42, status=status, stages=parts), None, lambda _: True)

    assert [act.name for act in found] == names


def test_what_runs_in_a_target_can_be_rolled_back_to_what_ran_before() -> None:
    build, earlier = Build(2, 1, 42, status="success", deploy_to="prod eu"), Build(1, 1, 31, deploy_to="prod eu")

    act = acts(REPO, build, earlier, lambda _: True)[-1]

    assert act.label == "Roll prod eu back to 31…"
    assert act.address == "/acme/web/31/-/rollback?target=prod+eu"
    assert act.command == "gantry build rollback acme/web 31 'prod eu'"


@pytest.mark.parametrize("who", MAY)
async def test_an_action_is_offered_to_who_may_and_else_names_the_right_that_is_lacking(place: Place, who: str) -> None:
    await place.set("repos WHERE id = 1", visibility="public")
    await held(place)
    may = MAY[who]

    page = await place.page(BUILD, who)

    offered = {attributes(node)["id"] for node in page.doc.query(".acts > a")}
    due = {"admin": "act-approve", "write": "act-cancel"}
    assert offered == {due[right] for right in may}
    barred = {attributes(node)["aria-describedby"] for node in page.doc.query(".acts > button")}
    assert barred == {f"needs-{right}" for right in due if right not in may}
    for right, words in {"admin": "Approve or reject: ", "write": "Cancel: "}.items():
        if right not in may:
            text = page.text(f"#needs-{right}")
            assert text.startswith(words)
            assert ("needs the right to" if who else "Sign in to an account with the right to") in text
    assert page.count(".wait form") == ("admin" in may)


@pytest.mark.parametrize("who", MAY)
@pytest.mark.parametrize(
    ("form", "right", "label"),
    [
        ("cancel", "write", "Cancel"),
        ("again", "write", "Run again"),
        ("approve", "admin", "Approve"),
        ("reject", "admin", "Reject"),
    ],
)
async def test_a_form_is_there_for_all_who_read_and_acts_for_who_may(
    place: Place, who: str, form: str, right: str, label: str
) -> None:
    await place.set("repos WHERE id = 1", visibility="public")
    if form == "again":
        await place.scene.run((await place.scene.push()).stages[0])
    else:
        await held(place)

    page = await place.page(f"{BUILD}/-/{form}", who)
    answer = await place.post(f"{BUILD}/-/{form}", who)

    allowed = right in MAY[who]
    assert page.count("main form") == allowed
    assert page.text("main button[disabled]") == ("" if allowed else label)
    assert answer.status_code == (303 if allowed else 403 if who else 401)
    assert (await place.get(f"{BUILD}/-/{form}", "nobody")).status_code == 200


@pytest.mark.parametrize("form", ["cancel", "again", "approve", "reject"])
async def test_what_one_may_not_read_is_missing(place: Place, form: str) -> None:
    await place.set("repos WHERE id = 1", visibility="private")
    await held(place)

    for path in (f"{BUILD}/-/{form}", f"/octocat/hello/7/-/{form}"):
        who = "nobody" if path.startswith(BUILD) else "keeper"
        assert (await place.get(path, who)).status_code == 404
        assert (await place.post(path, who)).status_code == 404


async def test_a_page_of_another_server_acts_on_nothing(place: Place) -> None:
    await held(place)

    answer = await place.client.post(
        f"{BUILD}/-/approve",
        headers={"Cookie": f"_session_={place.cookies['keeper']}", "Sec-Fetch-Site": "cross-site"},
    )

    assert answer.status_code == 403
    assert (await place.scene.statuses(1))["deploy"] == "blocked"


async def test_a_cancel_says_what_it_stops_and_leads_back(place: Place) -> None:
    build = await place.scene.push(pipeline("build"), pipeline("deploy", depends_on=["build"]))
    await place.ran(build, "one")

    page = await place.page(f"{BUILD}/-/cancel", "writer")
    answer = await place.post(f"{BUILD}/-/cancel")

    assert "Stopped where it is: build." in page.text()
    assert "Never begins: deploy." in page.text()
    assert "gantry build cancel octocat/hello 1" in page.text()
    assert (answer.status_code, answer.headers["location"]) == (303, BUILD)
    assert await place.scene.statuses(1) == {"": "killed", "build": "killed", "deploy": "skipped"}


async def test_a_build_that_is_over_is_not_cancelled(place: Place) -> None:
    await place.scene.run((await place.scene.push()).stages[0])

    page = await place.page(f"{BUILD}/-/cancel", "writer")
    answer = await place.post(f"{BUILD}/-/cancel")

    assert "This build is over, so there is nothing to stop." in page.text()
    assert answer.status_code == 409
    refusal = Page(answer)
    assert "Build 1 is over: success. Nothing was stopped." in refusal.text("[role=alert]")
    assert refusal.count("main form") == 0


async def test_of_two_who_cancel_the_second_learns_that_it_is_over(place: Place) -> None:
    await place.scene.push()
    await stop.cancel(place.scene.ports, place.repo, 1, ADA)

    answer = await place.post(f"{BUILD}/-/cancel")

    assert answer.status_code == 409
    assert "Build 1 is over: stopped." in Page(answer).text()


async def test_a_build_runs_again_with_its_parameters_and_with_debug(place: Place) -> None:
    build = await place.scene.push(params={"REGION": "eu"})
    await place.scene.run(build.stages[0])

    page = await place.page(f"{BUILD}/-/again", "writer")
    plain, debug = await place.post(f"{BUILD}/-/again"), await place.post(f"{BUILD}/-/again", debug="true")

    assert page.text("main dl") == "REGION eu given"
    assert "gantry build restart octocat/hello 1" in page.text()
    assert [one.headers["location"] for one in (plain, debug)] == ["/octocat/hello/2", "/octocat/hello/3"]
    second, third = await place.scene.build(2), await place.scene.build(3)
    assert (second.params, second.parent, second.debug, second.trigger) == ({"REGION": "eu"}, 1, False, "writer")
    assert third.debug


async def test_a_form_that_is_sent_twice_runs_the_build_once(place: Place) -> None:
    await place.scene.run((await place.scene.push()).stages[0])
    (key,) = (await place.page(f"{BUILD}/-/again", "writer")).doc.query("[name=key]")
    fields = {"key": attributes(key)["value"]}

    answers = [await place.post(f"{BUILD}/-/again", **fields) for _ in range(2)]
    other = await place.post(f"{BUILD}/-/again", **fields, debug="true")

    assert [answer.headers["location"] for answer in answers] == ["/octocat/hello/2"] * 2
    assert other.status_code == 409
    assert attributes(Page(other).doc.query("[name=key]")[0])["value"] != fields["key"]
    assert await place.scene.counter() == 2


@pytest.mark.parametrize("key", ["é", "x" * 300])
async def test_a_key_that_is_none_runs_nothing(place: Place, key: str) -> None:
    await place.scene.run((await place.scene.push()).stages[0])

    answer = await place.post(f"{BUILD}/-/again", key=key)

    assert answer.status_code == 400
    assert "printable characters of ASCII" in answer.text


async def test_a_build_that_was_declined_does_not_run_again(place: Place) -> None:
    await held(place)
    await approval.decline(place.scene.ports, place.repo, 1, ADA)

    page = await place.page(f"{BUILD}/-/again", "writer")
    answer = await place.post(f"{BUILD}/-/again")

    assert "This build cannot be run again: it was declined." in page.text()
    assert answer.status_code == 400
    assert "cannot start a declined build" in Page(answer).text("[role=alert]")


async def test_what_no_pipeline_wants_any_more_comes_back_with_each_reason(place: Place) -> None:
    build = await place.scene.push(pipeline("a"))
    await place.scene.run(build.stages[0])
    sha = place.scene.host.add(pipeline("a", trigger={"event": ["tag"]}))
    await place.set("builds WHERE number = 1", after_sha=sha)

    answer = await place.post(f"{BUILD}/-/again", debug="true")

    assert answer.status_code == 422
    page = Page(answer)
    assert page.count("#problems p") >= 1
    assert page.count("#field-debug[checked]") == 1
    assert await place.scene.counter() == 1


async def test_a_promotion_tells_what_ran_before_it_and_offers_the_way_back(place: Place) -> None:
    first = await place.scene.push(FILE)
    await place.scene.push(FILE)
    for number in (1, 2):
        old = await place.scene.build(number)
        made = await flow.promote(place.scene.ports, place.repo, old, target="prod", by=OCTOCAT, params={})
        await place.set(
            f"builds WHERE number = {made.number}", status="success", started=number * 10, finished=number * 10
        )
        await place.set(f"stages WHERE build_id = {made.id}", status="success", started=1, stopped=2)

    page, before = await place.page("/octocat/hello/4", "writer"), await place.page("/octocat/hello/3", "writer")

    assert first.number == 1
    assert "/octocat/hello/-/compare/3...4" in page.links("#head a")
    assert "/octocat/hello/3/-/rollback?target=prod" in page.links(".acts a")
    assert page.text("#act-rollback") == "Roll prod back to 3…"
    assert before.count("#act-rollback") == 0
    assert "/octocat/hello/3/-/promote" in before.links(".acts a")


async def test_a_decline_is_told_with_who_and_why_to_those_who_may_know(place: Place) -> None:
    recorded(place)
    await place.set("repos WHERE id = 1", visibility="public")
    await held(place)
    await approval.decline(place.scene.ports, place.repo, 1, ADA, reason="not <b>before</b> Monday")

    texts = {who: (await place.page(BUILD, who)).text() for who in ("", "reader")}

    assert "ada declined it" in texts["reader"]
    assert "An administrator declined it" in texts[""]
    assert "ada" not in texts[""].replace("by ada", "").replace("asked for by ada", "").replace("Ada", "")
    for text in texts.values():
        assert ": not <b>before</b> Monday" in text
