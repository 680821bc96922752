"""GitHub's side: the calls of contract scm-api, and webhooks of contract scm-webhooks."""

import base64
import re
import time
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from tests.scm.fakes.forge import Forge, signature, split
from tests.scm.fakes.project import KINDS, Entry, Project, Said, Shown, Talk
from tests.scm.fakes.serving import Asked, Problem, call

_STATES = {"error", "failure", "pending", "success"}
_DEPLOYMENT_STATES = {"error", "failure", "inactive", "in_progress", "queued", "pending", "success"}


class GitHub(Forge):
    """Tokens live for ever, as those of OAuth apps do. A second webhook to the same address is refused."""

    base = "/api/v3/"
    follows_links = True
    #: Bytes of a file whose content is shown.
    most_of_content = 1_000_000
    life = 0
    page_size = 100

    def error(self, status: int, message: str) -> Any:
        return {"message": message, "documentation_url": "https://docs.example.com/rest"}

    def limit(self, seconds: float) -> Problem:
        reset = str(int(time.time() + seconds))
        headers = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset}
        return Problem(403, "API rate limit exceeded for user ID 1.", headers)

    def no_token(self, error: str) -> Any:
        names = {"invalid_grant": "bad_verification_code", "invalid_client": "incorrect_client_credentials"}
        return 200, {"error": names[error], "error_description": "The code passed is incorrect or expired."}

    # People.

    def shown(self, login: str) -> dict[str, Any]:
        account = self.people.get(login)
        number = account.id if account else 9
        return {"login": login, "id": number, "avatar_url": f"{self.url}/avatars/{number}", "type": "User"}

    @call("GET", "user")
    def user(self, asked: Asked) -> Any:
        account = self.person(asked)
        return self.shown(account.login) | {"name": account.name, "email": None}

    @call("GET", "user/emails")
    def emails(self, asked: Asked) -> Any:
        return [
            {"email": "other@example.com", "primary": False, "verified": True},
            {"email": self.person(asked).email, "primary": True, "verified": True},
        ]

    @call("GET", "user/orgs")
    def organisations(self, asked: Asked) -> Any:
        return self.page(asked, [{"login": name, "id": 5} for name in self.person(asked).organisations])

    @call("GET", "user/memberships/orgs/{org}")
    def membership(self, asked: Asked) -> Any:
        person, org = self.person(asked), asked.params["org"]
        if org not in person.organisations:
            raise Problem(404, "Not Found")
        return {"state": "active", "role": "admin" if org in person.administered else "member"}

    @call("GET", "user/repos")
    def repositories(self, asked: Asked) -> Any:
        return self.page(asked, [self.repository(project, asked.who) for project in self.visible(asked)])

    # Repositories.

    #: The paths about a repository that may have its id instead of its slug.
    by_ids = r"repositories/(\d+)(/.+)?"

    def _handled(self, asked: Asked) -> Any:
        path = asked.path.removeprefix(self.base)
        if (found := re.fullmatch(self.by_ids, path)) and (project := self.by_id(found[1])):
            asked.path = f"{self.base}repos/{project.slug}{found[2] or ''}"
            try:
                return super()._handled(asked)
            finally:
                asked.path = f"{self.base}{path}"
        return super()._handled(asked)

    def repository(self, project: Project, who: str) -> dict[str, Any]:
        level = self.level(project, who)
        return {
            "id": project.id,
            "name": project.name,
            "full_name": project.slug,
            "owner": self.shown(project.namespace),
            "private": project.private,
            "visibility": "private" if project.private else "public",
            "archived": project.archived,
            "default_branch": project.default_branch,
            "html_url": f"{self.url}/{project.slug}",
            "clone_url": self.clone_url(project),
            "ssh_url": f"git@127.0.0.1:{project.slug}.git",
            "permissions": {
                "admin": level >= 40,
                "maintain": level >= 40,
                "push": level >= 30,
                "triage": level >= 30,
                "pull": True,
            },
        }

    @call("GET", "repos/{owner}/{name}")
    def one(self, asked: Asked) -> Any:
        return self.repository(self.project(asked), asked.who)

    def actor(self, person: tuple[str, str, str]) -> dict[str, str]:
        return {"name": person[0], "email": person[1], "date": person[2]}

    def commit(self, shown: Shown) -> dict[str, Any]:
        login = self.login_of(shown.author[1])
        return {
            "sha": shown.sha,
            "html_url": f"{self.url}/commit/{shown.sha}",
            "commit": {
                "message": shown.message.removesuffix("\n"),
                "author": self.actor(shown.author),
                "committer": self.actor(shown.committer),
                "tree": {"sha": shown.tree},
            },
            "author": self.shown(login) if login else None,
            "committer": None,
            "parents": [{"sha": parent} for parent in shown.parents],
        }

    def files(self, changes: list[tuple[str, str, str]]) -> list[dict[str, Any]]:
        words = {"A": "added", "D": "removed", "M": "modified", "R": "renamed"}
        return [
            {"filename": new, "status": words.get(letter, "changed")}
            | ({"previous_filename": old} if letter == "R" else {})
            for letter, old, new in changes
        ]

    @call("GET", "repos/{owner}/{name}/commits/{ref+}")
    def commit_of(self, asked: Asked) -> Any:
        project, ref = self.project(asked), asked.params["ref"]
        if not project.refs("refs/"):
            raise Problem(409, "Git Repository is empty.")
        shown = project.commit(ref) if project.git("cat-file", "-t", ref) != "tag\n" else None
        if shown is None:
            raise Problem(422, f"No commit found for SHA: {ref}")
        found = self.files(project.changes(shown.sha))
        size, number = int(asked.query.get("per_page", "300")), int(asked.query.get("page", "1"))
        return self.commit(shown) | {"files": found[(number - 1) * size : number * size]}

    @call("GET", "repos/{owner}/{name}/branches/{branch+}")
    def branch(self, asked: Asked) -> Any:
        project, branch = self.project(asked), asked.params["branch"]
        shown = project.commit(f"refs/heads/{branch}")
        if shown is None:
            raise Problem(404, "Branch not found")
        return {"name": branch, "commit": self.commit(shown), "protected": False}

    @call("GET", "repos/{owner}/{name}/git/ref/{ref+}")
    def ref(self, asked: Asked) -> Any:
        ref = f"refs/{asked.params['ref']}"
        found = self.project(asked).refs(ref).get(ref)
        if found is None:
            raise Problem(404, "Not Found")
        return {"ref": ref, "object": {"type": found[0], "sha": found[1]}}

    @call("GET", "repos/{owner}/{name}/git/matching-refs/{ref+}")
    def matching(self, asked: Asked) -> Any:
        found = self.project(asked).refs(f"refs/{asked.params['ref']}")
        return [{"ref": name, "object": {"type": kind, "sha": oid}} for name, (kind, oid) in found.items()]

    @call("GET", "repos/{owner}/{name}/git/tags/{sha}")
    def tag(self, asked: Asked) -> Any:
        text = self.project(asked).git("cat-file", "tag", asked.params["sha"])
        if text is None:
            raise Problem(404, "Not Found")
        fields = dict(line.split(" ", 1) for line in text.partition("\n\n")[0].splitlines())
        return {"tag": fields["tag"], "object": {"type": fields["type"], "sha": fields["object"]}}

    @call("GET", "repos/{owner}/{name}/compare/{before}[.][.][.]{after}")
    def compare(self, asked: Asked) -> Any:
        project = self.project(asked)
        before, after = asked.params["before"], asked.params["after"]
        if not project.resolve(before) or not project.resolve(after):
            raise Problem(404, "Not Found")
        commits = [self.commit(shown) for shown in project.between(before, after)]
        return {
            "total_commits": len(commits),
            "commits": commits[-250:],
            "files": self.files(project.changes(after, before)),
        }

    @call("GET", "repos/{owner}/{name}/contents/{path+}")
    def contents(self, asked: Asked) -> Any:
        project, path = self.project(asked), asked.params["path"]
        sha = project.resolve(asked.query.get("ref", project.default_branch))
        if sha is None:
            raise Problem(404, f"No commit found for the ref {asked.query.get('ref')}")
        entries = project.entries(sha, path)
        if not entries:
            raise Problem(404, "Not Found")
        if entries[0].mode == "040000":
            return [self.entry(entry) for entry in project.entries(sha, f"{path}/")]
        return self.content(project, sha, entries[0])

    def entry(self, entry: Entry) -> dict[str, Any]:
        kind = KINDS[entry.mode]
        return {"type": kind, "size": entry.size, "name": entry.name, "path": entry.path, "sha": entry.oid}

    def content(self, project: Project, sha: str, entry: Entry) -> dict[str, Any]:
        """What is at a path. GitHub follows a link to a file of the repository in silence."""
        if entry.mode == "160000":
            return self.entry(entry)
        if entry.mode == "120000":
            target = project.blob(entry.oid).decode()
            found = project.entries(sha, str(PurePosixPath(entry.path).parent / target))
            if not self.follows_links or not found or KINDS[found[0].mode] != "file":
                return self.entry(entry) | {"target": target}
            entry = Entry("100644", "blob", found[0].oid, found[0].size, entry.path)
        if entry.size > self.most_of_content:
            return self.entry(entry) | {"encoding": "none", "content": ""}
        text = base64.encodebytes(project.blob(entry.oid)).decode()
        return self.entry(entry) | {"encoding": "base64", "content": text}

    # Statuses and deployments.

    @call("POST", "repos/{owner}/{name}/statuses/{sha}")
    def status(self, asked: Asked) -> Any:
        project, body = self.project(asked, 30), asked.json
        if project.git("cat-file", "-t", asked.params["sha"]) != "commit\n":
            raise Problem(422, f"No commit found for SHA: {asked.params['sha']}")
        if body["state"] not in _STATES or len(body.get("description") or "") > 140:
            raise Problem(422, "Validation Failed")
        made = {"id": self.new_id(), "sha": asked.params["sha"], **body}
        project.statuses.append(made)
        return 201, made

    @call("POST", "repos/{owner}/{name}/deployments")
    def deployment(self, asked: Asked) -> Any:
        project, body = self.project(asked, 30), asked.json
        sha = project.resolve(body["ref"])
        if sha is None:
            raise Problem(422, f"No ref found for: {body['ref']}")
        if body.get("auto_merge", True):
            return 202, {"message": "Auto-merged main into the ref on deployment."}
        if body.get("required_contexts") != []:
            raise Problem(409, "Conflict: Commit status checks failed for the ref")
        made = {
            "id": self.new_id(),
            "sha": sha,
            "ref": body["ref"],
            "task": body.get("task", "deploy"),
            "payload": body.get("payload", {}),
            "environment": body.get("environment", "production"),
            "description": body.get("description"),
            "creator": self.shown(asked.who),
            "statuses": [],
        }
        project.deployments.insert(0, made)
        told = {"action": "created", "deployment": made, "workflow_run": None}
        self.deliver(project, "deployment", told | self.around(project, asked.who))
        return 201, made

    @call("GET", "repos/{owner}/{name}/deployments")
    def deployments(self, asked: Asked) -> Any:
        wanted = {name: asked.query[name] for name in ("sha", "ref", "task", "environment") if name in asked.query}
        found = self.project(asked).deployments
        return self.page(asked, [one for one in found if wanted.items() <= one.items()])

    @call("POST", "repos/{owner}/{name}/deployments/{id}/statuses")
    def deployment_status(self, asked: Asked) -> Any:
        found = [one for one in self.project(asked, 30).deployments if str(one["id"]) == asked.params["id"]]
        if not found:
            raise Problem(404, "Not Found")
        body = asked.json
        if body["state"] not in _DEPLOYMENT_STATES or len(body.get("description") or "") > 140:
            raise Problem(422, "Validation Failed")
        found[0]["statuses"].append(body)
        return 201, {"id": self.new_id(), **body}

    # Comments.

    @call("GET", "repos/{owner}/{name}/pulls/{number}")
    def pull(self, asked: Asked) -> Any:
        project, talk = self.talk(asked)
        if not talk.is_request:
            raise Problem(404, "Not Found")
        return self.pulled(project, talk)

    def pulled(self, project: Project, talk: Talk) -> dict[str, Any]:
        """A pull request, as it is shown."""
        head = {"sha": self.head(project, talk.number), "repo": {"id": talk.origin} if talk.origin else None}
        base = {"sha": project.resolve("HEAD"), "repo": {"id": project.id}}
        state = "closed" if talk.closed else "open"
        return {"number": talk.number, "state": state, "title": talk.title, "head": head, "base": base}

    @call("GET", "repos/{owner}/{name}/issues/{number}/comments")
    def comments(self, asked: Asked) -> Any:
        project, talk = self.talk(asked)
        of_talk = [one for one in project.comments if one.number == talk.number]
        return self.page(asked, [self.comment(one) for one in of_talk if one.written >= asked.query.get("since", "")])

    @call("POST", "repos/{owner}/{name}/issues/{number}/comments")
    def add_comment(self, asked: Asked) -> Any:
        project, talk = self.talk(asked)
        return 201, self.comment(self.say(project, talk.number, self.person(asked).login, asked.json["body"]))

    @call("PATCH", "repos/{owner}/{name}/issues/comments/{id}")
    def change_comment(self, asked: Asked) -> Any:
        return self.comment(self.changed(asked))

    @call("POST", "repos/{owner}/{name}/issues/comments/{id}/reactions")
    def react(self, asked: Asked) -> Any:
        _, said = self.said(asked)
        if asked.json["content"] != "eyes":
            raise Problem(422, "Validation Failed")
        known = asked.who in said.seen
        said.seen += [] if known else [self.person(asked).login]
        return 200 if known else 201, {"id": 1, "content": "eyes"}

    def comment(self, said: Said) -> dict[str, Any]:
        """A comment, as it is shown."""
        author = self.shown(said.who)
        times = {"created_at": said.written, "updated_at": said.written}
        return {"id": said.id, "body": said.text, "user": author, "html_url": f"{self.url}/c/{said.id}"} | times

    def commented(self, project: Project, talk: Talk, said: Said, action: str) -> dict[str, Any]:
        issue: dict[str, Any] = {"number": talk.number, "title": talk.title, "body": None}
        issue |= {"state": "closed" if talk.closed else "open", "user": self.shown("octocat")}
        if talk.is_request:
            issue["pull_request"] = {"url": f"{self.url}/pulls/{talk.number}", "merged_at": None}
        return {"action": action, "issue": issue, "comment": self.comment(said)} | self.around(project, said.who)

    # Webhooks.

    @call("GET", "repos/{owner}/{name}/hooks")
    def hooks(self, asked: Asked) -> Any:
        return self.page(asked, [self.hook(one) for one in self.project(asked, 40).hooks])

    def hook(self, one: Mapping[str, Any]) -> dict[str, Any]:
        """A hook as it is shown: with its secret masked."""
        shown = {name: value for name, value in one.items() if name != "secret"}
        return shown | {"config": one["config"] | ({"secret": "********"} if one["secret"] else {})}

    @call("POST", "repos/{owner}/{name}/hooks")
    def new_hook(self, asked: Asked) -> Any:
        project, body = self.project(asked, 40), asked.json
        if any(one["config"]["url"] == body["config"]["url"] for one in project.hooks):
            raise Problem(422, "Hook already exists on this repository")
        made = {"id": self.new_id(), **self.configured(body)}
        project.hooks.append(made)
        return 201, self.hook(made)

    @call("PATCH", "repos/{owner}/{name}/hooks/{id}")
    def change_hook(self, asked: Asked) -> Any:
        found = self.found_hook(asked)
        found |= self.configured(asked.json)
        return self.hook(found)

    @call("DELETE", "repos/{owner}/{name}/hooks/{id}")
    def delete_hook(self, asked: Asked) -> Any:
        found = self.found_hook(asked)
        self.project(asked, 40).hooks.remove(found)
        return 204, None

    def found_hook(self, asked: Asked) -> dict[str, Any]:
        found = [one for one in self.project(asked, 40).hooks if str(one["id"]) == asked.params["id"]]
        if not found:
            raise Problem(404, "Not Found")
        return found[0]

    def configured(self, body: dict[str, Any]) -> dict[str, Any]:
        config = {name: value for name, value in body["config"].items() if name != "secret"}
        named = {"name": body.get("name", "web"), "active": body["active"], "events": list(body["events"])}
        return named | {"config": config, "secret": body["config"].get("secret", "")}

    def headers(self, event: str, body: bytes, key: str, delivery: str) -> dict[str, str]:
        return {
            "user-agent": "GitHub-Hookshot/0000000",
            "content-type": "application/json",
            "x-github-event": event,
            "x-github-delivery": delivery,
            "x-github-hook-id": "1",
            "x-hub-signature": f"sha1={signature(key, body, 'sha1')}",
            "x-hub-signature-256": f"sha256={signature(key, body)}",
        }

    def around(self, project: Project, who: str) -> dict[str, Any]:
        return {"repository": self.repository(project, who), "sender": self.shown(who)}

    def events(self, project: Project, before: str, after: str, ref: str) -> list[tuple[str, dict[str, Any]]]:
        commits = [self.pushed_commit(project, shown) for shown in self.moved(project, before, after)]
        push = {
            "ref": ref,
            "before": before,
            "after": after,
            "base_ref": None,
            "created": not before.strip("0"),
            "deleted": not after.strip("0"),
            "forced": False,
            "compare": f"{self.url}/{project.slug}/compare/{before[:12]}...{after[:12]}",
            "commits": commits if ref.startswith("refs/heads/") else [],
            "head_commit": commits[-1] if commits else None,
            "pusher": {"name": project.pusher, "email": f"{project.pusher}@example.com"},
        }
        return [("push", push | self.around(project, project.pusher))]

    def opened(self, project: Project, number: int, branch: str, who: str, title: str) -> dict[str, Any]:
        around = self.around(project, who)
        base = {"ref": project.default_branch, "sha": project.resolve(f"refs/heads/{project.default_branch}")}
        head = {"ref": branch, "sha": project.resolve(f"refs/heads/{branch}"), "repo": around["repository"]}
        request = {
            "number": number,
            "title": title,
            "body": None,
            "html_url": f"{self.url}/{project.slug}/pull/{number}",
            "created_at": "2026-01-01T00:00:00Z",
            "user": self.shown(who),
            "draft": False,
            "merged": False,
            "base": base | {"repo": around["repository"]},
            "head": head,
        }
        return {"action": "opened", "number": number, "pull_request": request} | around

    def pushed_commit(self, project: Project, shown: Shown) -> dict[str, Any]:
        login = self.login_of(shown.author[1])
        author = {"name": shown.author[0], "email": shown.author[1]} | ({"username": login} if login else {})
        return {
            "id": shown.sha,
            "tree_id": shown.tree,
            "distinct": True,
            "message": shown.message.removesuffix("\n"),
            "timestamp": shown.committer[2],
            "url": f"{self.url}/{project.slug}/commit/{shown.sha}",
            "author": author,
            "committer": author,
            **split(project.changes(shown.sha)),
        }
