"""The hook of a repository: what came in, what became of it, and what is tried again."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from app.builds.deliveries import store
from app.builds.deliveries.model import Delivery
from app.db.connect import Database
from app.db.tx import each, run
from app.errors import Unreadable
from app.notify.webhooks import deliveries
from app.notify.webhooks import store as webhooks
from app.notify.webhooks.model import Answer, Attempt, Webhook
from app.outbox import lists
from app.outbox import store as outbox
from app.outbox.model import Entry, Message
from app.repos import keys
from app.repos import store as repos
from app.repos.model import SIGNER
from app.scm import hook
from app.scm.hook import Push
from app.scm.host import Source
from app.scm.hosts import Hosts
from tests.builds import farside as builds
from tests.builds.farside import HOOK, OCTOCAT, SEAL, file, pipeline
from tests.ui.farside import NOW, Page
from tests.ui.settings import Desk, desk_of

HERE = "/octocat/hello/-/settings/hooks"


async def came(desk: Desk, *names: str, sha: str = "a" * 40, **fields: object) -> None:
    """Deliveries that are over."""
    push = Push(ref="refs/heads/main", before="b" * 40, after=sha, sender="<grace>")
    told = [Delivery.of(desk.repo.id, hook.Delivery(), push, HOOK, NOW - 60, name=name) for name in names]
    await desk.scene.ports.db.write(
        each(store.end(replace(one, **fields), "no pipeline is for push") for one in told)  # type: ignore[arg-type]
    )


async def test_the_last_deliveries_are_told_ten_a_page(desk: Desk) -> None:
    await came(desk, *(f"d{number:02}" for number in range(14)))

    first = await desk.page(HERE, "keeper")
    second = await desk.page(first.links("a[rel=next]")[0], "keeper")

    assert (first.count("tbody tr"), second.count("tbody tr")) == (10, 4)
    assert "no pipeline is for push" in first.text("tbody")
    assert "<grace>" in first.text("tbody")
    assert "http://gantry.test/hook" in first.text()
    assert "gantry repo hook octocat/hello --install" in first.text()


async def test_a_delivery_is_tried_again_and_leads_to_its_build(desk: Desk) -> None:
    sha = desk.scene.host.add(file(pipeline()))
    await came(desk, "d1", sha=sha)

    page = await desk.done(f"{HERE}/d1/repeat")

    assert "push to main" in page.text()
    assert "delivery.repeat" in desk.verbs
    assert "build 1" in (await desk.page(HERE, "keeper")).text("tbody")
    page = await desk.refused(f"{HERE}/d1/repeat", 409)
    assert "has become build 1" in page.text("#problems")


@pytest.mark.parametrize(("name", "status"), [("gone", 404), ("a%20b", 404)])
async def test_a_delivery_that_nobody_knows_is_told(desk: Desk, name: str, status: int) -> None:
    page = await desk.refused(f"{HERE}/{name}/repeat", status)

    assert "no such delivery" in page.text("#problems")


async def test_what_a_delivery_still_fails_with_is_told(desk: Desk) -> None:
    sha = desk.scene.host.add(file(pipeline(trigger={"branch": "other"})))
    await came(desk, "d1", sha=sha)

    page = await desk.refused(f"{HERE}/d1/repeat", 422)

    assert page.count("#problems") == 1


async def test_a_disabled_repository_says_that_nothing_starts(desk: Desk) -> None:
    await came(desk, "d1")
    await desk.set("repos WHERE id = 1", active=False)

    assert "the repository is disabled" in (await desk.page(HERE, "keeper")).text("dl")
    page = await desk.refused(f"{HERE}/d1/repeat", 409)
    assert "gantry repo enable octocat/hello" in page.text("#problems")


async def test_a_repository_of_a_host_is_repaired_here(desk: Desk) -> None:
    await desk.set("repos WHERE id = 1", scm="github")

    page = await desk.page(HERE, "keeper")

    assert page.count('form[action="/octocat/hello/-/settings/general/repair"]') == 1
    assert "gantry repo repair octocat/hello" in page.text()


async def subscribed(desk: Desk, url: str, format_: str = "standard") -> Webhook:
    place = webhooks.of_repo(desk.repo.id, desk.repo.slug)
    given = {"url": url, "format": format_, "events": [], "targets": [], "statuses": [], "active": True}
    return (await desk.webhooks.create(place, given, OCTOCAT))[0]


async def sent(desk: Desk, webhook: Webhook, status: int = 200, error: str = "") -> int:
    """A delivery that was tried; its id."""
    made = await desk.webhooks.ping(webhook, OCTOCAT)
    attempt = Attempt(desk.webhooks.now_ms(), 5, None, Answer(status) if status else None)
    tried = deliveries.attempted(made.id, "failed" if error else "delivered", attempt, error)
    await desk.scene.ports.db.write(tried)
    return made.id


async def test_what_webhooks_were_told_is_shown_with_the_answer_and_without_secrets(desk: Desk) -> None:
    taken = await subscribed(desk, "https://ci.example.com/hooks?token=hush")
    chat = await subscribed(desk, "https://hooks.slack.com/services/T1/B2/hush", "slack")
    for _ in range(7):
        await sent(desk, taken)
    for _ in range(6):
        await sent(desk, chat, 500, "the endpoint answered 500: <b>no</b>")
    await desk.webhooks.ping(taken, OCTOCAT)

    page = await desk.page(HERE, "keeper")

    rows = page.doc.query("tbody tr")
    assert len(rows) == 10
    text = page.text("tbody")
    assert (text.count("delivered"), text.count("failed"), text.count("waiting")) == (3, 6, 1)
    assert "answer 500" in text
    assert "<b>no</b>" in text
    assert "https://ci.example.com/hooks, standard" in page.text("ul")
    assert "https://hooks.slack.com" in page.text("ul")
    assert "hush" not in page.html
    assert "gantry webhook redeliver octocat/hello ID DELIVERY" in page.text()


async def test_a_delivery_out_is_sent_again(desk: Desk) -> None:
    webhook = await subscribed(desk, "https://ci.example.com/hooks")
    one = await sent(desk, webhook, 500, "the endpoint answered 500")
    address = f"{HERE}/webhooks/{webhook.id}/deliveries/{one}/redeliver"
    assert (await desk.page(HERE, "keeper")).count(f'form[action="{address}"]') == 1

    page = await desk.done(address)

    assert f"Delivery {one} is sent once more" in page.text("[role=status]")
    assert "waiting" in page.text("tbody")
    assert page.text("tbody button") == "Send now"


async def test_a_delivery_that_was_deleted_meanwhile_is_told(desk: Desk) -> None:
    webhook = await subscribed(desk, "https://ci.example.com/hooks")
    one = await sent(desk, webhook)
    await desk.scene.ports.db.write(run("DELETE FROM webhook_deliveries WHERE id = :id", id=one))

    page = await desk.refused(f"{HERE}/webhooks/{webhook.id}/deliveries/{one}/redeliver", 404)

    assert "deliveries are kept for 14 days" in page.text("#problems")
    assert "Nothing was sent in the last 14 days" in page.text()


async def test_a_delivery_of_a_webhook_that_is_off_says_so(desk: Desk) -> None:
    webhook = await subscribed(desk, "https://ci.example.com/hooks")
    one = await sent(desk, webhook, 500, "the endpoint answered 500")
    await desk.scene.ports.db.write(webhooks.disable(webhook.id, "no delivery was taken", SEAL, 1))
    address = f"{HERE}/webhooks/{webhook.id}/deliveries/{one}/redeliver"

    page = await desk.page(HERE, "keeper")
    assert "off: no delivery was taken" in page.text("ul")
    assert (page.count(f'form[action="{address}"]'), page.count("button[disabled]")) == (0, 1)

    refused = await desk.refused(address, 409)

    assert "make it active first" in refused.text("#problems")


@pytest.mark.parametrize("webhook", ["99", "seven"])
async def test_a_webhook_that_is_not_of_this_repository_is_not_found(desk: Desk, webhook: str) -> None:
    page = await desk.refused(f"{HERE}/webhooks/{webhook}/deliveries/1/redeliver", 404)

    assert "webhook" in page.text("#problems")


async def test_a_repository_without_webhooks_says_how_one_is_added(desk: Desk) -> None:
    assert "gantry webhook add octocat/hello URL" in (await desk.page(HERE, "keeper")).text()


async def refused(desk: Desk, repo_id: int | None = None, error: str = "github answered 403: <b>no</b>") -> Entry:
    """A status that the host does not take."""
    sha, db = "a" * 39 + str(repo_id or 0), desk.scene.ports.db
    told = Message(repo_id or desk.repo.id, "status", "github", f"{sha} continuous-integration/drone/push", "", {})
    await db.write(outbox.add([told], NOW * 1000))
    (taken,) = await db.write(outbox.take("github", "a server", NOW * 1000, NOW * 1000, 1))
    await db.write(outbox.failed(taken, error, None, 1, NOW * 1000))
    return taken


async def test_what_the_host_did_not_take_is_shown_with_the_reason_and_the_way_out(desk: Desk) -> None:
    await desk.set("repos WHERE id = 1", scm="github")
    assert "Nothing that builds tell was refused" in (await desk.page(HERE, "keeper")).text()
    await refused(desk)

    page = await desk.page(HERE, "keeper")

    row = page.text("tbody")
    assert "status aaaaaaaa continuous-integration/drone/push" in row
    assert "failed github answered 403: <b>no</b>" in row
    assert "the owner must still be allowed to write there" in page.text()
    assert (page.count("tbody form"), page.count("tbody button[disabled]")) == (0, 1)
    assert "gantry outbox retry ID" in page.text()


async def test_an_administrator_of_the_server_has_it_sent_again(desk: Desk) -> None:
    one = await refused(desk)

    page = await desk.done(f"{HERE}/host/{one.id}/retry", "root")

    assert f"Entry {one.id} is sent to the host once more" in page.text("main [role=status]")
    assert "waiting" in page.text("tbody")
    assert desk.verbs == ["outbox.retry"]


async def test_others_do_not_and_entries_of_other_repositories_are_not_found(desk: Desk) -> None:
    other = await desk.scene.ports.db.write(repos.create(replace(desk.repo, id=0, name="other", uid="")))
    mine, theirs = await refused(desk), await refused(desk, other.id)

    assert "administrator of the server" in (await desk.refused(f"{HERE}/host/{mine.id}/retry", 403)).text("#problems")
    for entry in (theirs.id, "x"):
        assert "no such" in (await desk.refused(f"{HERE}/host/{entry}/retry", 404, "root")).text("#problems")
    (still,) = await desk.scene.ports.db.read(lists.refused(other.id, 10))
    assert (still.state, desk.verbs) == ("dead", [])


@dataclass
class Forge(builds.FakeHost):
    """A host at which webhooks are registered; `keys` are those of ours, the last is in use."""

    name: str = "github"
    keys: list[str] = field(default_factory=list)
    refuses: bool = False

    def serves(self, url: str) -> bool:
        return False

    async def install_hook(self, source: Source, url: str, key: str) -> None:
        if self.refuses:
            raise Unreadable("github refuses: not an administrator")
        self.keys.append(key)

    async def remove_hook(self, source: Source, url: str) -> None: ...


@pytest.fixture
async def forge() -> Forge:
    return Forge()


@pytest.fixture
async def hosted(db: Database, tmp_path: Path, forge: Forge) -> AsyncIterator[Desk]:
    """A repository at a host, whose webhook has the key `first`."""
    scene = await builds.laid(db, tmp_path)
    async with desk_of(scene, hosts=Hosts(scene.host, forge), new_key=lambda: "second") as desk:
        await desk.set("repos WHERE id = 1", scm="github", signer=SEAL.seal("first", SIGNER))
        yield desk


async def signers(desk: Desk) -> tuple[str, list[str]]:
    """The key of the repository, and those that count beside it."""
    beside = await desk.scene.ports.db.read(keys.beside([desk.repo.id], NOW))
    repo = await desk.now()
    return SEAL.open(repo.signer, SIGNER), [SEAL.open(one, keys.KEY) for one in beside[repo.id]]


async def test_a_new_key_is_at_the_host_and_the_one_before_counts_for_a_day(hosted: Desk, forge: Forge) -> None:
    page = await hosted.done(f"{HERE}/rotate")

    assert "The hook has a new key" in page.text("[role=status]")
    assert (forge.keys, await signers(hosted)) == (["second"], ("second", ["second", "first"]))
    assert hosted.verbs == ["repo.rotate_key"]
    assert "second" not in page.html + str(hosted.moments)
    assert "gantry repo rotate-key octocat/hello" in page.text()
    later = await hosted.scene.ports.db.read(keys.beside([hosted.repo.id], NOW + keys.OVERLAP))
    assert later == {}


async def test_a_host_that_refuses_a_new_key_leaves_the_key_as_it_is(hosted: Desk, forge: Forge) -> None:
    forge.refuses = True

    page = await hosted.refused(f"{HERE}/rotate", 422)

    assert "not an administrator" in page.text("#problems")
    assert (await signers(hosted))[0] == "first"
    assert hosted.verbs == []


async def test_the_host_of_a_disabled_repository_is_not_asked(hosted: Desk, forge: Forge) -> None:
    await hosted.set("repos WHERE id = 1", active=False)

    answer = await hosted.post(f"{HERE}/rotate")

    assert (answer.status_code, forge.keys) == (200, [])


async def test_a_new_key_that_no_host_has_is_shown_once(hosted: Desk) -> None:
    await hosted.set("repos WHERE id = 1", scm="")

    answer = await hosted.post(f"{HERE}/rotate")

    assert answer.headers["cache-control"] == "no-store"
    page = Page(answer)
    assert "second" in page.text("code")
    assert "gantry repo hook octocat/hello --install" in page.text()
    assert "second" not in (await hosted.page(HERE, "keeper")).html


async def test_of_two_who_exchange_the_key_one_is_told(hosted: Desk, forge: Forge) -> None:
    async def overtaken(source: Source, url: str, key: str) -> None:
        await hosted.set("repos WHERE id = 1", signer=SEAL.seal("of somebody else", SIGNER))

    forge.install_hook = overtaken  # type: ignore[method-assign]

    page = await hosted.refused(f"{HERE}/rotate", 409)

    assert "exchange it again" in page.text("#problems")
