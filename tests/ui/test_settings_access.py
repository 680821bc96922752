"""Who may do what: where each right comes from, and rights that are given and taken on a page."""

from app.accounts import store as accounts
from app.db.tx import each
from app.repos import store as repos
from app.repos.model import Permissions
from tests.ui.farside import NOW
from tests.ui.settings import Desk

HERE = "/octocat/hello/-/settings/access"
DAY = 24 * 3600


async def test_each_right_is_shown_with_where_it_comes_from(desk: Desk) -> None:
    await desk.set("repos WHERE id = 1", scm="github", visibility="internal")
    told = {"reader": NOW - 60, "writer": NOW - 2 * DAY}
    for login, when in told.items():
        user = await desk.scene.ports.db.read(accounts.find(login))
        await desk.set(f"permissions WHERE user_id = {user.id}", synced=when)

    page = await desk.page(HERE, "keeper")

    rows = {row.split()[0]: row for row in (node.to_text() for node in page.doc.query("tbody tr"))}
    assert "told by github" in rows["reader"]
    assert "too long ago" not in rows["reader"]
    assert "too long ago" in rows["writer"]
    assert "given here" in rows["keeper"]
    assert "you" in rows["keeper"]
    assert "owner" in rows["octocat"]
    assert "every account may read" in page.text()
    assert "octocat, root." in page.text()


async def test_a_right_is_given_changed_and_taken_with_a_record(desk: Desk) -> None:
    page = await desk.done(HERE, login="NOBODY", right="write")
    assert page.text("main [role=status]") == "The right was set: nobody and write."

    await desk.done(HERE, login="nobody", right="read", seen="write")
    page = await desk.done(f"{HERE}/remove", login="nobody", seen="read")
    assert page.text("main [role=status]") == "All rights are taken away: nobody."

    assert desk.verbs == ["right.grant", "right.grant", "right.revoke"]
    assert {moment.subject for moment in desk.moments} == {"octocat/hello#collaborators/nobody"}
    assert desk.moments[1].after == {"write": False}


async def test_a_right_that_was_changed_meanwhile_stays(desk: Desk) -> None:
    await desk.done(HERE, login="writer", right="admin")

    for path in (HERE, f"{HERE}/remove"):
        page = await desk.refused(path, 409, login="writer", right="read", seen="write")
        assert "somebody has changed the rights of writer" in page.text("#problems")

    assert desk.verbs == ["right.grant"]


async def test_what_is_wrong_comes_back_with_what_was_typed(desk: Desk) -> None:
    page = await desk.refused(HERE, 400, login="", right="everything")
    assert page.count("#problem-login") == page.count("#problem-right") == 1

    page = await desk.refused(HERE, 404, login="<b>who", right="write")
    assert "user <b>who not found" in page.text("#problems")


async def test_who_takes_their_own_right_does_not_see_the_settings_any_more(desk: Desk) -> None:
    answer = await desk.post(HERE, login="keeper", right="read", seen="admin")

    assert answer.status_code == 303
    assert (await desk.get(answer.headers["location"], "keeper")).status_code == 403


async def test_many_people_are_shown_page_by_page(desk: Desk) -> None:
    made = await desk.scene.ports.db.write(
        each(accounts.create(f"user{number:03}", token=f"t{number}", now=NOW) for number in range(150))
    )
    await desk.scene.ports.db.write(each(repos.grant(desk.repo.id, user.id, Permissions(True), NOW) for user in made))

    first = await desk.page(HERE, "root")
    second = await desk.page(first.links("a[rel=next]")[0], "root")
    back = await desk.page(second.links("a[rel=prev]")[0], "root")

    assert (first.count("tbody tr"), second.count("tbody tr")) == (100, 54)
    assert back.text("tbody") == first.text("tbody")
    failed = await desk.refused(f"{HERE}/remove", 404, "root", login="gone")
    assert failed.links("a[rel=next]") == first.links("a[rel=next]")
