"""Gogs' side, after what a real Gogs 0.13 answers (fixtures/gogs/api.json)."""

import secrets
from typing import Any

from starlette.responses import Response

from tests.scm.fakes.forge import signature
from tests.scm.fakes.gitea import GiteaFamily
from tests.scm.fakes.project import Project, Shown
from tests.scm.fakes.serving import Asked, Problem, call


class Gogs(GiteaFamily):
    """No OAuth2, statuses, deployments, comparisons, or pages; what is absent has an empty answer."""

    types = frozenset({"gogs", "slack", "discord", "dingtalk"})
    by_ids = ""

    def authenticate(self, asked: Asked) -> str:
        """A password is taken for the tokens of an account alone."""
        who = super().authenticate(asked)
        basic = asked.headers.get("authorization", "").startswith("Basic ")
        if basic and asked.path.startswith("/api/") and "/users/" not in asked.path:
            return ""
        return who

    def error(self, status: int, message: str) -> Any:
        return {"message": message, "url": "https://github.com/gogs/docs-api"}

    def repository(self, project: Project, who: str) -> dict[str, Any]:
        unknown = {"archived", "internal"}
        return {name: value for name, value in super().repository(project, who).items() if name not in unknown}

    def page(self, asked: Asked, things: Any) -> Any:
        return list(things)

    def project(self, asked: Asked, level: int = 10) -> Project:
        try:
            return super().project(asked, level)
        except Problem as problem:
            raise Problem(problem.status, b"") from None

    @call("GET", "users/{login}")
    def account(self, asked: Asked) -> Any:
        if asked.params["login"] not in self.people:
            raise Problem(404, b"")
        return self.shown(asked.params["login"])

    @call("GET", "users/{login}/tokens")
    def shown_tokens(self, asked: Asked) -> Any:
        self.with_password(asked)
        return []

    @call("POST", "users/{login}/tokens")
    def new_token(self, asked: Asked) -> Any:
        login = self.with_password(asked)
        token = secrets.token_hex(20)
        self.tokens[token] = login
        return 201, {"name": asked.json["name"], "sha1": token}

    def with_password(self, asked: Asked) -> str:
        if not asked.headers.get("authorization", "").startswith("Basic ") or not asked.who:
            raise Problem(401, b"")
        return asked.who

    @call("GET", "repos/{owner}/{name}/commits/{ref+}")
    def commit_of(self, asked: Asked) -> Any:
        """The commit of an id, with the first line of its message; or the id of the commit of a ref, as text."""
        project, ref = self.project(asked), asked.params["ref"]
        if ref.startswith(("refs/heads/", "refs/tags/")):
            if (sha := project.resolve(ref)) is None:
                raise Problem(404, b"")
            return Response(sha, media_type="text/plain")
        shown = project.commit(ref) if "/" not in ref else None
        if shown is None:
            raise Problem(404, b"")
        return self.commit(self.brief(shown))

    def brief(self, shown: Shown) -> Shown:
        subject = shown.message.partition("\n")[0]
        return Shown(shown.sha, shown.author, shown.committer, shown.tree, shown.parents, subject)

    @call("POST", "repos/{owner}/{name}/statuses/{sha}")
    def status(self, asked: Asked) -> Any:
        raise Problem(404, b"<!DOCTYPE html>")

    @call("POST", "repos/{owner}/{name}/deployments")
    def deployment(self, asked: Asked) -> Any:
        raise Problem(404, b"<!DOCTYPE html>")

    def opened(self, project: Project, number: int, branch: str, who: str, title: str) -> dict[str, Any]:
        """The commits are not told, and the API does not know the ref of a request."""
        told = super().opened(project, number, branch, who, title)
        request = told["pull_request"]
        base, head = request.pop("base"), request.pop("head")
        request |= {"head_branch": head["ref"], "head_repo": head["repo"]}
        request |= {"base_branch": base["ref"], "base_repo": base["repo"]}
        return told

    def headers(self, event: str, body: bytes, key: str, delivery: str) -> dict[str, str]:
        return {
            "user-agent": "GogsServer",
            "content-type": "application/json",
            "x-gogs-event": event,
            "x-gogs-delivery": delivery,
            "x-gogs-signature": signature(key, body),
            "x-github-event": event,
            "x-github-delivery": delivery,
        }
