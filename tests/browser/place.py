"""A server with what pages show: repositories, builds that succeeded, failed and wait, and people with their rights."""

import hashlib
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import StorageState

from tests.acceptance.server import TOKEN, Server
from tests.scm.repository import Repository

#: The repository of the builds, one whose builds wait for an approval, and one without builds.
SHOP, VAULT, EMPTY = "acme/shop", "acme/vault", "acme/empty"
#: Builds of SHOP: its push, what runs on staging and in production, and the promotion whose step smoke/http failed.
PUSHED, STAGED, CURRENT, FAILED = 1, 2, 3, 4
#: What builds made: a file in an artifact repository, the run that made it, and a release bundle with it.
STORED, RUN, BUNDLE = "libs-dev/org/shop.zip", "shop/41", "shop/1.4.0"
#: The build of VAULT that waits.
WAITS = 2
#: The version whose promotion to production fails.
BROKEN = "1.5.0-broken"
#: People and their rights in every repository; the administrators `octocat` and `root` need none.
RIGHTS = {"reader": {"read": True}, "writer": {"write": True}, "keeper": {"admin": True}}

PIPELINE = textwrap.dedent("""\
    kind: pipeline
    type: exec
    name: test
    steps:
    - name: unit
      commands:
      - echo "all tests pass"
    trigger: {event: [push]}
    ---
    kind: pipeline
    type: exec
    name: deploy
    clone: {disable: true}
    steps:
    - name: release
      commands:
      - echo "releasing $VERSION to $DRONE_DEPLOY_TO"
    trigger: {event: [promote, rollback], target: [staging, production]}
    ---
    kind: pipeline
    type: exec
    name: smoke
    clone: {disable: true}
    steps:
    - name: http
      commands:
      - |
        printf '\\033[32masking %s\\033[0m\\n' "$VERSION"
        for colour in $(seq 30 37) $(seq 90 97); do
          printf '\\033[%sm%s \\033[1mbold \\033[22;2mfaint\\033[22m \\033[7minverse\\033[0m\\n' $colour $colour
        done
        for page in $(seq 60); do echo "page $page answers 200"; done
        word=error
        case "$VERSION" in *broken) echo "$word: the basket answers 503" >&2; exit 1;; esac
    depends_on: [deploy]
    trigger: {event: [promote, rollback], target: [production]}
    ---
    kind: pipeline
    type: exec
    name: announce
    clone: {disable: true}
    steps:
    - name: say
      commands:
      - echo "$VERSION is on $DRONE_DEPLOY_TO"
    depends_on: [smoke]
    trigger: {event: [promote, rollback], target: [production]}
    """)


@dataclass
class Place:
    """The server, the git repository that all its repositories are read from, and what people sign in with."""

    server: Server
    repository: Repository
    tokens: dict[str, str]
    #: What browsers keep of those who have signed in.
    sessions: dict[str, StorageState] = field(default_factory=dict)

    def promote(self, version: str, target: str = "production", slug: str = SHOP) -> int:
        """Promote the push with parameters; the number of the new build."""
        made = self.server.promote(slug, PUSHED, target, VERSION=version, REGION="eu")
        return int(made["number"])


def furnish(folder: Path) -> Place:
    """Start a server below a folder and fill it; the caller ends it."""
    repository = Repository(folder / "shop")
    sha = repository.commit({".drone.yml": PIPELINE}, "Second change: the basket")
    server = Server(folder / "server", git_roots=str(folder), runner_capacity="4")
    server.start()
    place = Place(server, repository, {"octocat": TOKEN})
    for slug in (SHOP, VAULT, EMPTY):
        server.register(repository.url, slug, visibility="private")
    for login in (*RIGHTS, "root"):
        made = server.json("POST", "/api/users", json={"login": login, "admin": login == "root"})
        place.tokens[login] = made["token"]
    for login, rights in RIGHTS.items():
        for slug in (SHOP, VAULT, EMPTY):
            server.json("PUT", f"/api/repos/{slug}/collaborators/{login}", json=rights)
    for slug in (SHOP, VAULT):
        assert server.push(slug, sha).json()["number"] == PUSHED
    for slug in (SHOP, VAULT):
        server.finished(slug, PUSHED)
    assert place.promote("1.4.0", "staging") == STAGED
    assert place.promote("1.4.0") == CURRENT
    server.json("PATCH", f"/api/repos/{VAULT}", json={"protected": True})
    assert place.promote("2.0.0", slug=VAULT) == WAITS
    server.finished(SHOP, CURRENT)
    assert place.promote(BROKEN) == FAILED
    for number in (STAGED, FAILED):
        server.finished(SHOP, number)
    _stock(server)
    return place


def _stock(server: Server) -> None:
    """Publish a file with its run, promote the run, and make a release bundle of the file."""
    content, (name, number) = b"the basket", RUN.split("/")
    shelf, _, path = STORED.partition("/")
    for key, environment in ((shelf, "DEV"), ("libs-prod", "PROD")):
        shelved = {"key": key, "rclass": "local", "environments": [environment]}
        assert server.ask("PUT", f"/artifactory/api/repositories/{key}", json=shelved).status_code == 200
    stored = f"{STORED};build.name={name};build.number={number};quality=released,signed"
    assert server.ask("PUT", f"/artifactory/{stored}", content=content).status_code == 201
    sums = {kind: hashlib.new(kind, content).hexdigest() for kind in ("sha1", "md5", "sha256")}
    modules = [{"id": "org:shop", "artifacts": [{"name": "shop.zip", "path": path, **sums}]}]
    info = {"name": name, "number": number, "started": "2024-03-01T14:05:06.700+0000", "modules": modules}
    assert server.ask("PUT", "/artifactory/api/build", json=info).status_code == 204
    order = {"status": "released", "comment": "well done", "sourceRepo": shelf, "targetRepo": "libs-prod", "copy": True}
    server.json("POST", f"/artifactory/api/build/promote/{RUN}", json=order)
    bundle, version = BUNDLE.split("/")
    named: dict[str, object] = {
        "release_bundle_name": bundle,
        "release_bundle_version": version,
        "source_type": "artifacts",
    }
    made = {**named, "source": {"artifacts": [{"path": STORED}]}}
    assert server.ask("POST", "/lifecycle/api/v2/release_bundle?async=false", json=made).status_code == 201
    to = {"environment": "PROD", "included_repository_keys": ["libs-prod"]}
    assert server.ask("POST", f"/lifecycle/api/v2/promotion/records/{BUNDLE}?async=false", json=to).status_code < 300
