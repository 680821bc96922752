"""The general settings: what may be changed by whom, what a save tells, and what it does not overwrite."""

import pytest

from app.errors import Unavailable
from app.scm.host import Source
from tests.ui.farside import Page, attributes
from tests.ui.settings import Desk

HERE = "/octocat/hello/-/settings/general"


def fields(page: Page) -> dict[str, str]:
    """What a browser would send of the form that saves."""
    form = next(one for one in page.doc.query("form") if attributes(one).get("action") == HERE)
    sent = {}
    for node in form.query("input, textarea, select"):
        given = attributes(node)
        if given.get("type") == "checkbox" and "checked" not in given:
            continue
        if node.name == "textarea":
            sent[given["name"]] = node.to_text(separator="", strip=False)
        elif node.name == "select":
            (chosen,) = [one for one in node.query("option") if "selected" in attributes(one)]
            sent[given["name"]] = chosen.to_text()
        else:
            sent[given["name"]] = given.get("value", "")
    return sent


async def test_a_save_tells_which_settings_were_changed(desk: Desk) -> None:
    sent = fields(await desk.page(HERE, "keeper"))

    page = await desk.done(HERE, **sent | {"visibility": "internal", "protected": "true", "poll": "90"})

    assert page.text("main [role=status]") == "Saved: visibility, protected and poll."
    now = await desk.now()
    assert (now.visibility, now.protected, now.poll) == ("internal", True, 90)
    assert attributes(page.doc.query("#field-poll")[0])["value"] == "1m30s"
    (moment,) = desk.moments
    assert (moment.verb, moment.by.name, moment.by.way) == ("repo.update", "keeper", "session")
    assert moment.before == {"visibility": "private", "protected": False, "poll": 0}


async def test_equal_values_change_nothing_and_say_so(desk: Desk) -> None:
    before = await desk.now()

    page = await desk.done(HERE, "root", **fields(await desk.page(HERE, "root")))

    assert page.text("main [role=status]") == "Nothing was changed: these values are stored already."
    assert await desk.now() == before
    assert desk.moments == []


async def test_what_is_wrong_comes_back_beside_its_field(desk: Desk) -> None:
    sent = fields(await desk.page(HERE, "root"))
    wrong = {"timeout": "soon", "throttle": "-1", "config_path": "../x", "poll": "1s", "parameters": "A-B PATH"}

    page = await desk.refused(HERE, 400, "root", **sent | wrong)

    for name in wrong:
        assert page.count(f"#problem-{name}") == 1, page.text("#problems")
    assert attributes(page.doc.query("#field-timeout")[0])["value"] == "soon"
    assert "A-B PATH" in page.text("#field-parameters")


async def test_settings_of_the_server_are_shown_and_not_for_others(desk: Desk) -> None:
    page = await desk.page(HERE, "keeper")
    sent = fields(page) | {"timeout": "7", "trusted": "true", "throttle": "9"}

    assert "disabled" in attributes(page.doc.query("fieldset")[0])
    assert "ask an administrator of the server" in page.text("fieldset")
    await desk.done(HERE, **sent)
    assert (await desk.now()).timeout == 60

    await desk.done(HERE, "root", **fields(await desk.page(HERE, "root")) | {"timeout": "7", "trusted": "true"})
    assert ((await desk.now()).timeout, (await desk.now()).trusted) == (7, True)


async def test_a_counter_that_goes_back_is_refused_beside_its_field(desk: Desk) -> None:
    await desk.set("repos WHERE id = 1", counter=9)
    sent = fields(await desk.page(HERE, "root"))

    page = await desk.refused(HERE, 400, "root", **sent | {"counter": "3"})

    assert "none is given twice" in page.text("#problem-counter")


async def test_a_build_that_begins_meanwhile_is_no_change_of_settings(desk: Desk) -> None:
    sent = fields(await desk.page(HERE, "keeper")) | {"ignore_forks": "true"}
    await desk.scene.push()

    await desk.done(HERE, **sent)

    assert (await desk.now()).ignore_forks


async def test_settings_that_somebody_else_has_changed_are_shown_and_not_overwritten(desk: Desk) -> None:
    sent = fields(await desk.page(HERE, "keeper")) | {"ignore_forks": "true"}
    await desk.set("repos WHERE id = 1", visibility="public", protected=True)

    page = await desk.refused(HERE, 409, **sent)

    assert "somebody has changed the settings" in page.text("#problems")
    assert page.text("#problem-visibility") == "stored now: public"
    assert page.text("#problem-protected") == "stored now: yes"
    assert page.text("#problem-ignore_forks") == "stored now: no"
    assert not (await desk.now()).ignore_forks
    await desk.done(HERE, **fields(page))  # whoever has seen this may decide
    assert ((await desk.now()).visibility, (await desk.now()).ignore_forks) == ("private", True)


async def test_a_repository_is_disabled_enabled_repaired_and_taken(desk: Desk) -> None:
    page = await desk.done(f"{HERE}/disable")
    assert "is not built" in page.text("main [role=status]")
    assert not (await desk.now()).active

    page = await desk.done(f"{HERE}/enable")
    assert "gantry repo disable octocat/hello" in page.text()
    assert (await desk.now()).active
    assert "You are the owner" in page.text()

    await desk.done(f"{HERE}/chown", "root")
    await desk.done(f"{HERE}/repair")
    assert desk.verbs == ["repo.disable", "repo.enable", "repo.chown"]


async def test_a_host_that_does_not_answer_leaves_the_page_with_the_reason(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(_: Source) -> str:
        raise Unavailable("the host is away")

    monkeypatch.setattr(desk.scene.host, "default_branch", gone)
    await desk.set("repos WHERE id = 1", protected=True, visibility="internal", timeout=30)
    shown = fields(await desk.page(HERE, "root"))
    page = await desk.refused(f"{HERE}/repair", 503, "root")

    assert "the host is away" in page.text("#problems")
    assert fields(page) == shown
    assert (shown["visibility"], shown["protected"], shown["timeout"]) == ("internal", "true", "30")


async def test_settings_of_the_server_stay_beside_what_is_wrong(desk: Desk) -> None:
    await desk.set("repos WHERE id = 1", timeout=30)
    page = await desk.refused(HERE, 400, **fields(await desk.page(HERE, "keeper")) | {"poll": "1s"})

    assert attributes(page.doc.query("#field-timeout")[0])["value"] == "30"


@pytest.mark.parametrize("said", ["done=saved&name=<b>", "done=saved", "done=nothing", "done=%3Cb%3E&name=x"])
async def test_only_what_is_well_formed_is_said(desk: Desk, said: str) -> None:
    assert (await desk.page(f"{HERE}?{said}", "keeper")).count("main [role=status]") == 0


async def test_settings_of_a_host_are_those_of_its_repositories(desk: Desk) -> None:
    plain = await desk.page(HERE, "keeper")
    await desk.set("repos WHERE id = 1", scm="github")
    hosted = await desk.page(HERE, "keeper")

    assert (plain.count("#field-poll"), plain.count("#field-deployments")) == (1, 0)
    assert (hosted.count("#field-poll"), hosted.count("#field-deployments")) == (0, 1)
