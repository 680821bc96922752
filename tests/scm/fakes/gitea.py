"""Gitea's side, and what Gogs shares with it: the calls of contract scm-api, and webhooks of contract scm-webhooks."""

from typing import Any

from starlette.responses import Response

from tests.scm.fakes.forge import signature, split
from tests.scm.fakes.github import GitHub
from tests.scm.fakes.project import Project, Said, Shown, Talk
from tests.scm.fakes.serving import Asked, Problem, call

_STATES = {"error", "failure", "pending", "success"}


class GiteaFamily(GitHub):
    """Their API began as GitHub's: what differs is here."""

    base = "/api/v1/"
    follows_links = False
    most_of_content = 10 * 1024 * 1024
    life = 3600
    page_size = 50
    page_parameter = "limit"

    def error(self, status: int, message: str) -> Any:
        return {"message": message, "url": f"{self.url}/api/swagger"}

    def limit(self, seconds: float) -> Problem:
        return Problem(429, "Too many requests", {"retry-after": str(int(seconds))})

    def shown(self, login: str) -> dict[str, Any]:
        account = self.people.get(login)
        full_name = account.name if account else ""
        email = account.email if account else ""
        shown = super().shown(login) | {"username": login, "full_name": full_name, "email": email}
        del shown["type"]
        return shown

    @call("GET", "user")
    def user(self, asked: Asked) -> Any:
        return self.shown(self.person(asked).login)

    @call("GET", "user/orgs")
    def organisations(self, asked: Asked) -> Any:
        return self.page(asked, [{"username": name, "id": 5} for name in self.person(asked).organisations])

    def repository(self, project: Project, who: str) -> dict[str, Any]:
        level = self.level(project, who)
        rights = {"admin": level >= 40, "push": level >= 30, "pull": True}
        shown = super().repository(project, who)
        del shown["visibility"]
        return shown | {"permissions": rights, "internal": False, "empty": not project.refs("refs/heads/")}

    @call("GET", "repos/{owner}/{name}/branches/{branch+}")
    def branch(self, asked: Asked) -> Any:
        project, branch = self.project(asked), asked.params["branch"]
        shown = project.commit(f"refs/heads/{branch}")
        if shown is None:
            raise Problem(404, "branch does not exist")
        return {"name": branch, "commit": self.pushed_commit(project, shown)}

    def pushed_commit(self, project: Project, shown: Shown) -> dict[str, Any]:
        author = {"name": shown.author[0], "email": shown.author[1], "username": self.login_of(shown.author[1])}
        return {
            "id": shown.sha,
            "message": shown.message,
            "url": f"{self.url}/{project.slug}/commit/{shown.sha}",
            "author": author,
            "committer": author,
            "timestamp": shown.committer[2],
            **split(project.changes(shown.sha)),
        }

    @call("POST", "repos/{owner}/{name}/hooks")
    def new_hook(self, asked: Asked) -> Any:
        project, body = self.project(asked, 40), asked.json
        if body["type"] not in self.types:
            raise Problem(422, "Invalid hook type")
        made = {"id": self.new_id(), "type": body["type"], **self.configured(body)}
        project.hooks.append(made)
        return 201, self.hook(made)

    #: The types of hooks that are taken.
    types = frozenset({"gitea", "forgejo", "gogs"})

    def hook(self, one: Any) -> dict[str, Any]:
        return {name: value for name, value in one.items() if name != "secret"}

    def events(self, project: Project, before: str, after: str, ref: str) -> list[tuple[str, dict[str, Any]]]:
        commits = [self.pushed_commit(project, shown) for shown in reversed(self.moved(project, before, after))]
        around = self.around(project, project.pusher)
        push = {
            "ref": ref,
            "before": before,
            "after": after,
            "compare_url": f"{self.url}/{project.slug}/compare/{before}...{after}",
            "commits": commits if ref.startswith("refs/heads/") else [],
            "total_commits": len(commits),
            "head_commit": commits[0] if commits else None,
            "pusher": self.shown(project.pusher),
        }
        kind = "branch" if ref.startswith("refs/heads/") else "tag"
        name = ref.split("/", 2)[2]
        if not after.strip("0"):
            return [("delete", {"ref": name, "ref_type": kind, "pusher_type": "user"} | around)]
        made = {"sha": after, "ref": name, "ref_type": kind, "default_branch": project.default_branch}
        return ([("create", made | around)] if not before.strip("0") else []) + [("push", push | around)]


class Gitea(GiteaFamily):
    """A server of Gitea; of Forgejo if `forgejo` is set."""

    forgejo = False
    #: Whether a webhook about a comment tells of the pull request, as newer versions do.
    tells_requests = False
    by_ids = r"repositories/(\d+)()"

    @call("GET", "users/{login}/orgs/{org}/permissions")
    def permissions(self, asked: Asked) -> Any:
        person, org = self.people[asked.params["login"]], asked.params["org"]
        if org not in person.organisations:
            raise Problem(404, "user redirect does not exist")
        return {"is_owner": False, "is_admin": org in person.administered, "can_read": True}

    @call("GET", "user/memberships/orgs/{org}")
    def membership(self, asked: Asked) -> Any:
        raise Problem(404, "Not Found")

    @call("GET", "repos/{owner}/{name}/hooks")
    def hooks(self, asked: Asked) -> Any:
        """The list names no next page, and only how many hooks there are."""
        found = [self.hook(one) for one in self.project(asked, 40).hooks]
        page = self.page(asked, found)
        total = {"x-total-count": str(len(found))}
        return Response(bytes(page.body), headers=total, media_type="application/json")

    @call("GET", "repos/{owner}/{name}/commits/{ref+}")
    def commit_of(self, asked: Asked) -> Any:
        raise Problem(404, "Not Found")

    @call("GET", "repos/{owner}/{name}/git/commits/{sha}")
    def git_commit(self, asked: Asked) -> Any:
        project = self.project(asked)
        shown = project.commit(asked.params["sha"])
        if shown is None:
            raise Problem(404, "object does not exist")
        told = self.commit(shown)
        if asked.query.get("files", "true") == "true":
            told["files"] = self.paths(project, shown)
        return told

    def paths(self, project: Project, shown: Shown) -> list[dict[str, str]]:
        return [
            {"filename": path, "status": "modified"}
            for _, old, new in project.changes(shown.sha)
            for path in sorted({old, new})
        ]

    @call("GET", "repos/{owner}/{name}/tags/{tag+}")
    def tag_of(self, asked: Asked) -> Any:
        project, tag = self.project(asked), asked.params["tag"]
        shown = project.commit(f"refs/tags/{tag}")
        if shown is None:
            raise Problem(404, "tag does not exist")
        return {"name": tag, "id": project.refs("refs/tags/")[f"refs/tags/{tag}"][1], "commit": {"sha": shown.sha}}

    @call("GET", "repos/{owner}/{name}/git/refs/{ref+}")
    def refs(self, asked: Asked) -> Any:
        wanted = f"refs/{asked.params['ref']}"
        project = self.project(asked)
        found = {name: one for name, one in project.refs("refs/").items() if name.startswith(wanted)}
        if not found:
            raise Problem(404, "reference does not exist")
        return [{"ref": name, "object": {"type": kind, "sha": oid}} for name, (kind, oid) in found.items()]

    @call("GET", "repos/{owner}/{name}/compare/{before}[.][.][.]{after}")
    def compare(self, asked: Asked) -> Any:
        project = self.project(asked)
        before, after = asked.params["before"], asked.params["after"]
        if not project.resolve(before) or not project.resolve(after):
            raise Problem(404, "object does not exist")
        between = project.between(before, after)
        commits = [self.commit(shown) | {"files": self.paths(project, shown)} for shown in reversed(between)]
        return {"total_commits": len(commits), "commits": commits}

    @call("POST", "repos/{owner}/{name}/statuses/{sha}")
    def status(self, asked: Asked) -> Any:
        project, body = self.project(asked, 30), asked.json
        if project.git("cat-file", "-t", asked.params["sha"]) != "commit\n" or body["state"] not in _STATES:
            raise Problem(400, "object does not exist")
        made = {"id": self.new_id(), "sha": asked.params["sha"], **body}
        project.statuses.append(made)
        return 201, {"id": made["id"], "status": body["state"], "context": body["context"]}

    def commented(self, project: Project, talk: Talk, said: Said, action: str) -> dict[str, Any]:
        told = super().commented(project, talk, said, action) | {"is_pull": talk.is_request}
        if talk.is_request and self.tells_requests:
            told["pull_request"] = self.pulled(project, talk)
        return told

    @call("POST", "repos/{owner}/{name}/deployments")
    def deployment(self, asked: Asked) -> Any:
        raise Problem(404, "Not Found")

    def headers(self, event: str, body: bytes, key: str, delivery: str) -> dict[str, str]:
        signed = signature(key, body) if key else ""
        headers = {
            "content-type": "application/json",
            "x-gitea-event": event,
            "x-gitea-event-type": event,
            "x-gitea-delivery": delivery,
            "x-gitea-signature": signed,
            "x-gogs-event": event,
            "x-gogs-delivery": delivery,
            "x-gogs-signature": signed,
            "x-github-event": event,
            "x-github-delivery": delivery,
            "x-hub-signature-256": f"sha256={signed}",
        }
        if self.forgejo:
            own = {name: value for name, value in headers.items() if name.startswith("x-gitea")}
            headers |= {name.replace("gitea", "forgejo"): value for name, value in own.items()}
        return headers
