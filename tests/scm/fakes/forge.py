"""What all fake hosts share: people, their tokens and rights, OAuth2, webhooks, and pages of lists."""

import base64
import hashlib
import hmac
import os
import secrets
import subprocess
import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2 as httpx
import orjson
from starlette.responses import HTMLResponse, RedirectResponse, Response

from tests.scm.fakes.project import Project, Said, Shown, Talk, created
from tests.scm.fakes.serving import Asked, Far, Problem, call

NOTHING = "0" * 40


@dataclass
class Account:
    """A person at the host."""

    id: int
    login: str
    name: str
    email: str
    password: str = "correct horse"
    organisations: list[str] = field(default_factory=list)
    #: Those of the organisations that the person administers.
    administered: list[str] = field(default_factory=list)


@dataclass
class Sent:
    """A webhook that was sent, and the status of its answer; 0 for none."""

    url: str
    headers: dict[str, str]
    body: bytes
    status: int = 0


@dataclass
class _Code:
    login: str
    challenge: str
    redirect: str


class Forge(Far):
    """A host. `octocat` is there with the token `octocat-token`; more people and projects are added by the test."""

    #: The paths of OAuth2.
    authorize_path, token_path = "/login/oauth/authorize", "/login/oauth/access_token"
    #: Seconds that a token of OAuth2 lives; 0 for ever.
    life = 3600
    page_size = 30
    page_parameter = "per_page"

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root
        self.people: dict[str, Account] = {}
        self.tokens: dict[str, str] = {}
        self.projects: dict[str, Project] = {}
        self.client_id, self.client_secret = "gantry", "client-secret"
        #: Where a login returns to, if the call does not say.
        self.callback = ""
        #: Who consents at once; empty to show the page.
        self.consenting = ""
        self.deliveries: list[Sent] = []
        self._codes: dict[str, _Code] = {}
        self._refreshes: dict[str, str] = {}
        self._ids = iter(range(101, 10**9))
        self._lock = threading.Lock()
        self.add_person("octocat", "The Octocat")

    # What a test does.

    def add_person(self, login: str, name: str = "", **more: Any) -> Account:
        account = Account(self.new_id(), login, name or login, f"{login}@example.com", **more)
        self.people[login] = account
        self.tokens[f"{login}-token"] = login
        return account

    def add_project(self, slug: str, **more: Any) -> Project:
        """A project of octocat's; all other people may read it, unless it is private."""
        project = created(self.root, self.new_id(), slug, self.pushed_at)
        project.levels["octocat"] = 50
        for name, value in more.items():
            setattr(project, name, value)
        self.projects[slug] = project
        return project

    def rename(self, project: Project, slug: str) -> None:
        """Rename a project; its old name is free."""
        del self.projects[project.slug]
        project.move(self.root, slug, self.pushed_at)
        self.projects[slug] = project

    def remove(self, project: Project) -> None:
        """Remove a project; its name is free."""
        self.rename(project, f"removed/{project.id}")
        del self.projects[project.slug]

    def pushed_at(self, slug: str) -> str:
        """The address that hears of pushes to a project."""
        return f"{self.url}/-/pushed/{slug}"

    #: What is before the number of a request in its ref, and the event that tells of one.
    requests_at, request_event = "refs/pull", "pull_request"

    def open_request(self, project: Project, branch: str, who: str, title: str = "Please merge") -> int:
        """Ask that a branch be merged into the default branch; the number of the request."""
        number, head = self.new_id(), project.resolve(f"refs/heads/{branch}")
        assert head is not None
        project.git("update-ref", f"{self.requests_at}/{number}/head", head)
        project.talks[number] = Talk(number, title, is_request=True, origin=project.id)
        self.deliver(project, self.request_event, self.opened(project, number, branch, who, title))
        return number

    def opened(self, project: Project, number: int, branch: str, who: str, title: str) -> dict[str, Any]:
        """What a webhook tells of a new request."""
        raise NotImplementedError

    def head(self, project: Project, number: int) -> str | None:
        """The head of a pull request."""
        return project.resolve(f"{self.requests_at}/{number}/head")

    def open_issue(self, project: Project, title: str = "It does not work") -> int:
        """Open an issue; its number."""
        number = self.new_id()
        project.talks[number] = Talk(number, title, is_request=False, origin=None)
        return number

    #: The event that tells of a comment, and the action that tells of a new one.
    comment_event, new_comment = "issue_comment", "created"

    def say(self, project: Project, number: int, who: str, text: str) -> Said:
        """Write a comment; the host tells of it."""
        said = Said(self.new_id(), number, who, text, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
        project.comments.append(said)
        self.tell(project, said)
        return said

    def tell(self, project: Project, said: Said, action: str = "") -> list[Sent]:
        """Tell the hooks of a comment: that it is new, if the call names no other action."""
        told = self.commented(project, project.talks[said.number], said, action or self.new_comment)
        return self.deliver(project, self.comment_event, told)

    def commented(self, project: Project, talk: Talk, said: Said, action: str) -> dict[str, Any]:
        """What a webhook tells of a comment."""
        raise NotImplementedError

    def talk(self, asked: Asked) -> tuple[Project, Talk]:
        """The issue or the pull request of a call."""
        project = self.project(asked)
        if (talk := project.talks.get(int(asked.params["number"]))) is None:
            raise Problem(404, "Not Found")
        return project, talk

    def said(self, asked: Asked) -> tuple[Project, Said]:
        """The comment of a call."""
        project = self.project(asked)
        found = [one for one in project.comments if str(one.id) == asked.params["id"]]
        if not found:
            raise Problem(404, "Not Found")
        return project, found[0]

    def changed(self, asked: Asked) -> Said:
        """Change the text of a comment, as its author or whoever may write."""
        project, said = self.said(asked)
        if asked.who != said.who and self.level(project, asked.who) < 30:
            raise Problem(403, "Must have more rights to the repository")
        said.text = asked.json["body"]
        self.tell(project, said, "update" if self.new_comment == "create" else "edited")
        return said

    def clone_url(self, project: Project) -> str:
        return f"{self.url}/{project.slug}.git"

    def new_id(self) -> int:
        return next(self._ids)

    # Who asks.

    def authenticate(self, asked: Asked) -> str:
        kind, _, shown = asked.headers.get("authorization", "").partition(" ")
        if kind.lower() in {"bearer", "token"}:
            return self.known(shown)
        if kind == "Basic":
            login, _, password = base64.b64decode(shown).decode().partition(":")
            if login in self.tokens or password in self.tokens:  # git over https
                return self.tokens.get(login) or self.tokens[password]
            if login in self.people and self.people[login].password == password:
                return login
            if asked.path != self.token_path:
                raise Problem(401, "Bad credentials")
        return ""

    def known(self, token: str) -> str:
        if token not in self.tokens:
            raise Problem(401, "Bad credentials")
        return self.tokens[token]

    def person(self, asked: Asked) -> Account:
        if not asked.who:
            raise Problem(401, "Requires authentication")
        return self.people[asked.who]

    def project(self, asked: Asked, level: int = 10) -> Project:
        """The project of a call; hidden from those who may not read it."""
        slug = asked.params.get("pid") or f"{asked.params['owner']}/{asked.params['name']}"
        project = self.by_id(slug) if slug.isdecimal() else self.projects.get(slug)
        if project is None or self.level(project, asked.who) < 10:
            raise Problem(404, "Not Found")
        if self.level(project, asked.who) < level:
            raise Problem(403, "Must have more rights to the repository")
        return project

    def by_id(self, number: str) -> Project | None:
        """The project of an id."""
        return next((project for project in self.projects.values() if str(project.id) == number), None)

    def level(self, project: Project, who: str) -> int:
        return project.levels.get(who, 0 if project.private else 10)

    def visible(self, asked: Asked) -> list[Project]:
        who = self.person(asked).login
        return [project for project in self.projects.values() if who in project.levels]

    def page(self, asked: Asked, things: Sequence[Any]) -> Response:
        """One page of a list, with the header that names the next."""
        size = min(int(asked.query.get(self.page_parameter, self.page_size)), self.page_size)
        number = int(asked.query.get("page", "1"))
        part = things[(number - 1) * size : number * size]
        headers = {}
        if number * size < len(things):
            query = urlencode(asked.query | {"page": str(number + 1)})
            headers["link"] = f'<{self.url}{asked.path}?{query}>; rel="next", <{self.url}>; rel="last"'
        return Response(orjson.dumps(part), headers=headers, media_type="application/json")

    # OAuth2.

    @call("GET", "(login/oauth|oauth)/authorize")
    def authorize(self, asked: Asked) -> Response:
        if asked.query.get("client_id") != self.client_id or asked.query.get("response_type", "code") != "code":
            raise Problem(400, "invalid_client")
        redirect = asked.query.get("redirect_uri") or self.callback
        login = asked.query.get("as") or self.consenting
        if not login:
            addresses = {name: escape("?" + urlencode(asked.query | {"as": name})) for name in self.people}
            links = "".join(f'<p><a href="{to}">Continue as {name}</a></p>' for name, to in addresses.items())
            denied = urlencode({"error": "access_denied", "state": asked.query.get("state", "")})
            links += f'<p><a href="{escape(f"{redirect}?{denied}")}">Cancel</a></p>'
            return HTMLResponse(f"<!doctype html><title>Authorize</title><h1>Authorize Gantry</h1>{links}")
        code = secrets.token_hex(8)
        self._codes[code] = _Code(login, asked.query.get("code_challenge", ""), asked.query.get("redirect_uri", ""))
        return RedirectResponse(f"{redirect}?{urlencode({'code': code, 'state': asked.query.get('state', '')})}", 303)

    @call("POST", "(login/oauth/access_token|oauth/token)")
    def token(self, asked: Asked) -> Any:
        form = asked.form
        shown = (form.get("client_id", ""), form.get("client_secret", ""))
        if asked.headers.get("authorization", "").startswith("Basic "):
            login, _, password = base64.b64decode(asked.headers["authorization"][6:]).decode().partition(":")
            shown = (login, password)
        if shown != (self.client_id, self.client_secret):
            return self.no_token("invalid_client")
        if form.get("grant_type") == "refresh_token":
            login = self._refreshes.pop(form.get("refresh_token", ""), "")
            return self.grant(login) if login else self.no_token("invalid_grant")
        code = self._codes.pop(form.get("code", ""), None)
        if code is None or code.redirect != form.get("redirect_uri", ""):
            return self.no_token("invalid_grant")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if code.challenge and code.challenge != base64.urlsafe_b64encode(digest).decode().rstrip("="):
            return self.no_token("invalid_grant")
        return self.grant(code.login)

    def grant(self, login: str) -> dict[str, Any]:
        token = secrets.token_hex(20)
        self.tokens[token] = login
        told: dict[str, Any] = {"access_token": token, "token_type": "bearer"}
        if self.life:
            refresh = secrets.token_hex(20)
            self._refreshes[refresh] = login
            told |= {"expires_in": self.life, "refresh_token": refresh}
        return told

    def no_token(self, error: str) -> Any:
        return 400, {"error": error, "error_description": f"no token: {error}"}

    # git over http.

    @call("GET", r"(?P<slug>.+)\.git/info/refs")
    @call("POST", r"(?P<slug>.+)\.git/git-(upload|receive)-pack")
    def git(self, asked: Asked) -> Response:
        project = self.projects.get(asked.params["slug"])
        pushing = "receive-pack" in asked.path + asked.query.get("service", "")
        level = self.level(project, asked.who) if project else 0
        if project is None or level < (30 if pushing else 10):
            raise Problem(401 if not asked.who else 404, "", {"WWW-Authenticate": 'Basic realm="git"'})
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.root / "bare"),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": asked.headers.get("git-protocol", ""),
            "HTTP_CONTENT_ENCODING": asked.headers.get("content-encoding", ""),
            "REQUEST_METHOD": asked.method,
            "PATH_INFO": asked.path,
            "QUERY_STRING": urlencode(asked.query),
            "CONTENT_TYPE": asked.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(asked.body)),
            "REMOTE_USER": asked.who or "nobody",
        }
        project.pusher = asked.who or project.pusher
        command = ["git", "-c", "safe.directory=*", "http-backend"]
        out = subprocess.run(command, input=asked.body, env=environment, capture_output=True, check=False).stdout
        head, _, body = out.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        return Response(body, int(headers.pop("Status", "200")[:3]), headers)

    # Webhooks.

    @call("POST", "-/pushed/{slug+}")
    def pushed(self, asked: Asked) -> None:
        """What git's own hook tells after a push: lines of the old id, the new id, and the ref."""
        project = self.projects[asked.params["slug"]]
        for line in asked.body.decode().splitlines():
            before, after, ref = line.split(" ", 2)
            for event, payload in self.events(project, before, after, ref):
                self.deliver(project, event, payload)

    def events(self, project: Project, before: str, after: str, ref: str) -> list[tuple[str, dict[str, Any]]]:
        """The events that a moved ref makes, and their payloads."""
        raise NotImplementedError

    def wants(self, hook: dict[str, Any], event: str) -> bool:
        """Whether a hook is registered for an event."""
        return event in hook["events"]

    def key(self, hook: dict[str, Any]) -> tuple[str, str]:
        """The address and the secret of a hook."""
        return hook["config"]["url"], hook["secret"]

    def headers(self, event: str, body: bytes, key: str, delivery: str) -> dict[str, str]:
        """The headers of a webhook, with its signature."""
        raise NotImplementedError

    def deliver(self, project: Project, event: str, payload: dict[str, Any]) -> list[Sent]:
        """Send an event to all hooks that want it; what was sent."""
        sent = []
        for hook in project.hooks:
            if self.wants(hook, event):
                url, key = self.key(hook)
                body = orjson.dumps(payload)
                one = Sent(url, self.headers(event, body, key, str(uuid.uuid4())), body)
                sent.append(self.send(one))
        return sent

    def send(self, one: Sent) -> Sent:
        """Send a webhook, also a second time."""
        try:
            one.status = httpx.post(one.url, content=one.body, headers=one.headers, timeout=10).status_code
        except httpx.HTTPError:
            one.status = 0
        with self._lock:
            self.deliveries.append(one)
        return one

    def login_of(self, email: str) -> str:
        """The account of an e-mail address; empty if it is of none."""
        return next((one.login for one in self.people.values() if one.email == email), "")

    def moved(self, project: Project, before: str, after: str) -> list[Shown]:
        """The commits that a push has brought, the oldest first."""
        if not after.strip("0"):
            return []
        if before.strip("0"):
            return project.between(before, after)
        head = project.commit(after)
        return [head] if head else []


def signature(key: str, body: bytes, algorithm: str = "sha256") -> str:
    return hmac.new(key.encode(), body, algorithm).hexdigest()


def split(changes: Sequence[tuple[str, str, str]]) -> dict[str, list[str]]:
    """The paths of changes, as webhooks list them."""
    return {
        "added": [new for letter, _, new in changes if letter in "ACR"],
        "removed": [old for letter, old, _ in changes if letter in "DR"],
        "modified": [new for letter, _, new in changes if letter in "MT"],
    }
