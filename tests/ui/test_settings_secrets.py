"""Secrets: names are shown, values only go in, and no page, record or log shows one."""

import pytest

from app.audit import store as audit
from app.db.tx import one
from app.moments import Actor, Change
from app.repos.secrets import store
from app.repos.secrets.store import DATA
from tests.builds.farside import SEAL, pipeline
from tests.ui.farside import NOW, attributes
from tests.ui.settings import Desk

HERE = "/octocat/hello/-/settings/secrets"
VALUE = "hunter2-and-a-half"


async def value(desk: Desk, name: str) -> str:
    row = await desk.scene.ports.db.read(one("SELECT data FROM secrets WHERE name = :name", name=name))
    assert row is not None
    return SEAL.open(row["data"], DATA)


async def test_a_secret_is_added_replaced_and_removed_and_never_shown(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    pages = [await desk.done(HERE, name="deploy_key", data=f"{VALUE}\r\nline", pull_request="true")]
    assert pages[0].text("main [role=status]") == "The secret is added: deploy_key."
    assert await value(desk, "deploy_key") == f"{VALUE}\nline"

    one_page = f"{HERE}/deploy_key"
    pages.append(await desk.page(one_page, "keeper"))
    assert "checked" in attributes(pages[-1].doc.query("#field-pull_request")[0])
    pages.append(await desk.done(one_page, data=""))
    assert pages[-1].text("main [role=status]") == "Saved; the value stays as it was: deploy_key."
    assert await value(desk, "deploy_key") == f"{VALUE}\nline"
    pages.append(await desk.done(one_page, data=VALUE))
    assert await value(desk, "deploy_key") == VALUE
    pages.append(await desk.done(f"{one_page}/remove"))

    assert desk.verbs == ["secret.create", "secret.update", "secret.update", "secret.delete"]
    assert not [page for page in pages if VALUE in page.html]
    assert VALUE not in repr(desk.moments) + caplog.text


async def test_a_value_does_not_come_back_after_an_error(desk: Desk) -> None:
    await desk.done(HERE, name="taken", data="x")

    for name, status in (("bad name", 400), ("Taken", 409), ("", 400)):
        page = await desk.refused(HERE, status, name=name, data=VALUE, pull_request="true")
        assert VALUE not in page.html
        assert "Type it once more" in page.text()
        assert attributes(page.doc.query("#field-name")[0])["value"] == name
        assert "checked" in attributes(page.doc.query("#field-pull_request")[0])
    page = await desk.refused(f"{HERE}/taken", 400, data=f"{VALUE}\0")
    assert VALUE not in page.html
    assert page.count("#problem-data") == 1


async def test_a_secret_that_is_gone_is_told(desk: Desk) -> None:
    for path in ("", "/remove"):
        page = await desk.refused(f"{HERE}/gone{path}", 404, data=VALUE)
        assert "secret gone not found" in page.text()
        assert VALUE not in page.html
    assert (await desk.get(f"{HERE}/gone", "keeper")).status_code == 404


async def test_secrets_of_the_namespace_are_inherited(desk: Desk) -> None:
    for name in ("shared", "Both"):
        sealed = SEAL.seal("x", "org_secrets.data")
        owner = store.of_namespace("octocat")
        await desk.scene.ports.db.write(store.create(owner, name, sealed, pull_request=False, pull_request_push=False))
    page = await desk.done(HERE, name="both", data="x")

    rows = [" ".join(node.to_text().split()) for node in page.doc.query("table")[1].query("tbody tr")]
    assert rows == [
        "Both no file was read yet not pull requests the secret of this repository counts instead",
        "shared no file was read yet not pull requests inherited",
    ]
    assert "gantry orgsecret ls octocat" in page.text()


async def test_the_last_change_is_told_with_who_made_it(desk: Desk) -> None:
    await desk.done(HERE, name="Key", data="x")
    await desk.done(HERE, name="old", data="x")
    for at, who in ((NOW - 7200, "ana"), (NOW - 60, "mara")):
        change = Change("secret.update", Actor("person", who), "octocat/hello#secrets/Key", desk.repo.id)
        await desk.scene.ports.db.write(audit.record(change, at))

    page = await desk.page(HERE, "keeper")

    rows = [" ".join(node.to_text().split()) for node in page.doc.query("tbody tr")]
    assert "1 min ago by mara" in rows[0]
    assert "not recorded" in rows[1]


async def test_each_secret_tells_which_steps_use_it(desk: Desk) -> None:
    for name in ("key", "idle"):
        await desk.post(HERE, name=name, data="x")
    assert "no file was read yet" in (await desk.page(HERE, "keeper")).text("tbody")

    step = {"commands": ["make"], "environment": {"A": {"from_secret": "KEY"}}}
    steps = [{"name": f"<s{number}>", **step} for number in range(5)]
    await desk.scene.push(pipeline("deploy", steps=steps))

    text = (await desk.page(HERE, "keeper")).text("tbody")
    assert "deploy / <s0>, deploy / <s1>, deploy / <s2> and 2 more" in text
    assert "not named in the file of build 1" in text
