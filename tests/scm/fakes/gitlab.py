"""GitLab's side: the calls of contract scm-api, and webhooks of contract scm-webhooks."""

import base64
import time
from typing import Any

from tests.scm.fakes.forge import Forge, split
from tests.scm.fakes.project import Entry, Project, Said, Shown, Talk
from tests.scm.fakes.serving import Asked, Problem, call

_STATES = {"pending", "running", "success", "failed", "canceled", "skipped"}
_ENDS = {"success", "failed", "canceled", "skipped"}
_EVENTS = {
    "Push Hook": "push_events",
    "Tag Push Hook": "tag_push_events",
    "Note Hook": "note_events",
    "Merge Request Hook": "merge_requests_events",
}


class GitLab(Forge):
    """A server. A token that a person has made is shown as `PRIVATE-TOKEN`; those of OAuth2 are not."""

    base = "/api/v4/"
    authorize_path, token_path = "/oauth/authorize", "/oauth/token"
    life = 7200
    page_size = 100
    #: The states of commits that this version knows.
    states = frozenset(_STATES)
    requests_at, request_event = "refs/merge-requests", "Merge Request Hook"

    def authenticate(self, asked: Asked) -> str:
        if token := asked.headers.get("private-token", ""):
            return self.known(token)
        return super().authenticate(asked)

    def error(self, status: int, message: str) -> Any:
        return {"message": f"{status} {message}"}

    def limit(self, seconds: float) -> Problem:
        reset = str(int(time.time() + seconds))
        headers = {"ratelimit-remaining": "0", "ratelimit-reset": reset, "retry-after": str(int(seconds))}
        return Problem(429, "Retry later", headers)

    # People.

    @call("GET", "user")
    def user(self, asked: Asked) -> Any:
        account = self.person(asked)
        avatar = f"{self.url}/avatars/{account.id}"
        return {
            "id": account.id,
            "username": account.login,
            "name": account.name,
            "email": account.email,
            "avatar_url": avatar,
        }

    @call("GET", "groups")
    def groups(self, asked: Asked) -> Any:
        return self.page(asked, [{"full_path": name, "id": 5} for name in self.person(asked).organisations])

    @call("GET", "groups/{group}/members/all/{id}")
    def member(self, asked: Asked) -> Any:
        person = next((one for one in self.people.values() if str(one.id) == asked.params["id"]), None)
        if person is None or asked.params["group"] not in person.organisations:
            raise Problem(404, "Not found")
        return {"id": person.id, "access_level": 40 if asked.params["group"] in person.administered else 30}

    @call("GET", "projects")
    def projects_of(self, asked: Asked) -> Any:
        return self.page(asked, [self.repository(project, asked.who) for project in self.visible(asked)])

    # Projects.

    def repository(self, project: Project, who: str) -> dict[str, Any]:
        level = self.level(project, who)
        return {
            "id": project.id,
            "path": project.name,
            "path_with_namespace": project.slug,
            "namespace": {"full_path": project.namespace},
            "visibility": "private" if project.private else "public",
            "archived": project.archived,
            "default_branch": project.default_branch if project.refs("refs/heads/") else None,
            "web_url": f"{self.url}/{project.slug}",
            "http_url_to_repo": self.clone_url(project),
            "ssh_url_to_repo": f"git@127.0.0.1:{project.slug}.git",
            "permissions": {"project_access": None, "group_access": {"access_level": level}},
        }

    @call("GET", "projects/{pid}")
    def one(self, asked: Asked) -> Any:
        return self.repository(self.project(asked), asked.who)

    def commit(self, shown: Shown) -> dict[str, Any]:
        return {
            "id": shown.sha,
            "short_id": shown.sha[:8],
            "title": shown.message.partition("\n")[0],
            "message": shown.message,
            "author_name": shown.author[0],
            "author_email": shown.author[1],
            "authored_date": shown.author[2],
            "committer_name": shown.committer[0],
            "committer_email": shown.committer[1],
            "committed_date": shown.committer[2],
            "parent_ids": shown.parents,
            "web_url": f"{self.url}/-/commit/{shown.sha}",
        }

    def found(self, shown: Shown | None, what: str = "Commit") -> Shown:
        if shown is None:
            raise Problem(404, f"{what} Not Found")
        return shown

    @call("GET", "projects/{pid}/repository/commits/{ref}")
    def commit_of(self, asked: Asked) -> Any:
        return self.commit(self.found(self.project(asked).commit(asked.params["ref"])))

    @call("GET", "projects/{pid}/repository/commits/{ref}/diff")
    def diff(self, asked: Asked) -> Any:
        project = self.project(asked)
        shown = self.found(project.commit(asked.params["ref"]))
        return self.page(asked, self.changes(project.changes(shown.sha)))

    def changes(self, changes: list[tuple[str, str, str]]) -> list[dict[str, Any]]:
        return [
            {
                "old_path": old,
                "new_path": new,
                "new_file": letter == "A",
                "renamed_file": letter == "R",
                "deleted_file": letter == "D",
            }
            for letter, old, new in changes
        ]

    @call("GET", "projects/{pid}/repository/branches/{branch}")
    def branch(self, asked: Asked) -> Any:
        shown = self.found(self.project(asked).commit(f"refs/heads/{asked.params['branch']}"), "Branch")
        return {"name": asked.params["branch"], "commit": self.commit(shown)}

    @call("GET", "projects/{pid}/repository/tags/{tag}")
    def tag(self, asked: Asked) -> Any:
        shown = self.found(self.project(asked).commit(f"refs/tags/{asked.params['tag']}"), "Tag")
        return {"name": asked.params["tag"], "commit": self.commit(shown)}

    @call("GET", "projects/{pid}/repository/tags")
    def tags(self, asked: Asked) -> Any:
        project = self.project(asked)
        found = project.refs("refs/tags/")
        commits = {name: self.commit(self.found(project.commit(name), "Tag")) for name in found}
        newest = sorted(found, key=lambda name: commits[name]["committed_date"], reverse=True)
        return self.page(
            asked,
            [{"name": name[10:], "target": found[name][1], "commit": commits[name]} for name in newest],
        )

    @call("GET", "projects/{pid}/repository/compare")
    def compare(self, asked: Asked) -> Any:
        project, before, after = self.project(asked), asked.query["from"], asked.query["to"]
        self.found(project.commit(before))
        self.found(project.commit(after))
        commits = [self.commit(shown) for shown in project.between(before, after)]
        return {"commits": commits, "diffs": self.changes(project.changes(after, before))}

    @call("GET", "projects/{pid}/repository/files/{path}")
    def file(self, asked: Asked) -> Any:
        """A file; a symbolic link's target is given as its content."""
        project = self.project(asked)
        shown = self.found(project.commit(asked.query["ref"]))
        entry = next(iter(project.entries(shown.sha, asked.params["path"])), None)
        if entry is None or entry.kind != "blob":
            raise Problem(404, "File Not Found")
        content = base64.b64encode(project.blob(entry.oid)).decode()
        told = {"file_name": entry.name, "file_path": entry.path, "size": entry.size, "blob_id": entry.oid}
        return told | {"encoding": "base64", "content": content, "commit_id": shown.sha}

    @call("GET", "projects/{pid}/repository/tree")
    def tree(self, asked: Asked) -> Any:
        project = self.project(asked)
        shown = self.found(project.commit(asked.query["ref"]), "Tree")
        folder = asked.query.get("path", "").strip("/")
        entries = project.entries(shown.sha, f"{folder}/" if folder else "")
        if not entries:
            raise Problem(404, "Tree Not Found")
        return self.page(asked, [self.entry(entry) for entry in entries])

    def entry(self, entry: Entry) -> dict[str, str]:
        return {"id": entry.oid, "name": entry.name, "type": entry.kind, "path": entry.path, "mode": entry.mode}

    # Statuses and deployments.

    @call("POST", "projects/{pid}/statuses/{sha}")
    def status(self, asked: Asked) -> Any:
        project, sha, body = self.project(asked, 30), asked.params["sha"], asked.json or asked.query
        if project.git("cat-file", "-t", sha) != "commit\n":
            raise Problem(404, "Commit Not Found")
        if body["state"] not in self.states:
            raise Problem(400, "state does not have a valid value")
        if len(body.get("target_url", "")) > 255:
            raise Problem(400, "target_url is too long (maximum is 255 characters)")
        last = next(
            (one for one in reversed(project.statuses) if (one["sha"], one["name"]) == (sha, body["name"])), None
        )
        now = last["state"] if last else ""
        if now == body["state"] or now in _ENDS or (now == "running" and body["state"] == "pending"):
            word = {"pending": "enqueue", "running": "run", "success": "success"}.get(body["state"], "drop")
            raise Problem(400, f"Cannot transition status via :{word} from :{now}")
        made = {"id": self.new_id(), "sha": sha, **body}
        project.statuses.append(made)
        return 201, made

    @call("POST", "projects/{pid}/deployments")
    def deployment(self, asked: Asked) -> Any:
        project, body = self.project(asked, 30), asked.json
        missing = [name for name in ("environment", "sha", "ref", "tag", "status") if name not in body]
        if missing or body["status"] not in {"running", "success", "failed", "canceled"}:
            raise Problem(400, f"{', '.join(missing) or 'status'} is missing or invalid")
        made = {"id": self.new_id(), **body, "statuses": [body["status"]]}
        project.deployments.insert(0, made)
        return 201, made

    @call("PUT", "projects/{pid}/deployments/{id}")
    def change_deployment(self, asked: Asked) -> Any:
        found = next((one for one in self.project(asked, 30).deployments if str(one["id"]) == asked.params["id"]), None)
        if found is None:
            raise Problem(404, "Not found")
        if found["status"] == asked.json["status"]:
            raise Problem(400, f"Cannot transition status via :run from :{found['status']}")
        found["status"] = asked.json["status"]
        found["statuses"].append(found["status"])
        return found

    # Comments.

    comment_event, new_comment = "Note Hook", "create"
    #: Whether a webhook about a comment says that the comment is new, as newer versions do.
    names_actions = True

    def person_of(self, login: str) -> dict[str, Any]:
        account = self.people[login]
        return {"id": account.id, "name": account.name, "username": account.login, "email": "[REDACTED]"}

    def note(self, said: Said) -> dict[str, Any]:
        """A comment, as it is shown."""
        author = self.person_of(said.who)
        return {"id": said.id, "body": said.text, "author": author, "created_at": said.written, "system": False}

    def requested(self, project: Project, talk: Talk) -> dict[str, Any]:
        """A merge request, as it is shown."""
        ends = {"source_project_id": talk.origin, "target_project_id": project.id}
        return {"iid": talk.number, "title": talk.title, "state": "closed" if talk.closed else "opened"} | ends

    @call("GET", "projects/{pid}/merge_requests/{number}")
    def request(self, asked: Asked) -> Any:
        project, talk = self.noteable(asked)
        return self.requested(project, talk) | {"sha": self.head(project, talk.number)}

    def noteable(self, asked: Asked) -> tuple[Project, Talk]:
        project, talk = self.talk(asked)
        if talk.is_request != ("/merge_requests/" in asked.path):
            raise Problem(404, "Not found")
        return project, talk

    @call("GET", "projects/{pid}/(merge_requests|issues)/{number}/notes")
    def notes(self, asked: Asked) -> Any:
        project, talk = self.noteable(asked)
        found = [self.note(one) for one in project.comments if one.number == talk.number]
        return self.page(asked, found[::-1] if asked.query.get("sort", "desc") == "desc" else found)

    @call("POST", "projects/{pid}/(merge_requests|issues)/{number}/notes")
    def new_note(self, asked: Asked) -> Any:
        project, talk = self.noteable(asked)
        return 201, self.note(self.say(project, talk.number, self.person(asked).login, asked.json["body"]))

    @call("PUT", "projects/{pid}/(merge_requests|issues)/{number}/notes/{id}")
    def change_note(self, asked: Asked) -> Any:
        self.noteable(asked)
        return self.note(self.changed(asked))

    @call("POST", "projects/{pid}/(merge_requests|issues)/{number}/notes/{id}/award_emoji")
    def award(self, asked: Asked) -> Any:
        self.noteable(asked)
        _, said = self.said(asked)
        if asked.json["name"] != "eyes" or asked.who in said.seen:
            raise Problem(404, "Award Emoji Name has already been taken Not Found")
        said.seen.append(self.person(asked).login)
        return 201, {"id": 1, "name": "eyes"}

    def commented(self, project: Project, talk: Talk, said: Said, action: str) -> dict[str, Any]:
        kind = "MergeRequest" if talk.is_request else "Issue"
        about: dict[str, Any] = {
            "id": said.id,
            "note": said.text,
            "noteable_type": kind,
            "author_id": self.people[said.who].id,
            "created_at": said.written.replace("T", " ").replace("Z", " UTC"),
            "system": False,
        }
        if self.names_actions:
            about["action"] = action
        told: dict[str, Any] = {"object_kind": "note", "event_type": "note", "user": self.person_of(said.who)}
        told |= {"project_id": project.id, "project": self.about(project), "object_attributes": about}
        if not talk.is_request:
            return told | {"issue": {"iid": talk.number, "state": "closed" if talk.closed else "opened"}}
        request = self.requested(project, talk) | {"last_commit": {"id": self.head(project, talk.number)}}
        return told | {"merge_request": request}

    # Webhooks.

    @call("GET", "projects/{pid}/hooks")
    def hooks(self, asked: Asked) -> Any:
        found = [{k: v for k, v in one.items() if k != "token"} for one in self.project(asked, 40).hooks]
        return self.page(asked, found)

    @call("POST", "projects/{pid}/hooks")
    def new_hook(self, asked: Asked) -> Any:
        project = self.project(asked, 40)
        made = {"id": self.new_id(), **(asked.json or asked.query)}
        project.hooks.append(made)
        return 201, {k: v for k, v in made.items() if k != "token"}

    @call("DELETE", "projects/{pid}/hooks/{id}")
    def delete_hook(self, asked: Asked) -> Any:
        hooks = self.project(asked, 40).hooks
        found = [one for one in hooks if str(one["id"]) == asked.params["id"]]
        if not found:
            raise Problem(404, "Not found")
        hooks.remove(found[0])
        return 204, None

    def wants(self, hook: dict[str, Any], event: str) -> bool:
        return bool(hook.get(_EVENTS[event]))

    def key(self, hook: dict[str, Any]) -> tuple[str, str]:
        return hook["url"], hook.get("token", "")

    def headers(self, event: str, body: bytes, key: str, delivery: str) -> dict[str, str]:
        return {
            "user-agent": "GitLab/17.5.0",
            "content-type": "application/json",
            "x-gitlab-event": event,
            "x-gitlab-event-uuid": delivery,
            "idempotency-key": delivery,
            "x-gitlab-instance": self.url,
            "x-gitlab-token": key,
        }

    def about(self, project: Project) -> dict[str, Any]:
        """A project, as webhooks tell of it."""
        return {
            "id": project.id,
            "name": project.name,
            "namespace": project.namespace,
            "path_with_namespace": project.slug,
            "default_branch": project.default_branch,
            "visibility_level": 0 if project.private else 20,
            "web_url": f"{self.url}/{project.slug}",
            "git_http_url": self.clone_url(project),
            "git_ssh_url": f"git@127.0.0.1:{project.slug}.git",
        }

    def opened(self, project: Project, number: int, branch: str, who: str, title: str) -> dict[str, Any]:
        account, about, head = self.people[who], self.about(project), project.resolve(f"refs/heads/{branch}")
        request = {
            "id": number,
            "iid": number,
            "action": "open",
            "state": "opened",
            "title": title,
            "description": "",
            "source_branch": branch,
            "target_branch": project.default_branch,
            "source": about,
            "target": about,
            "last_commit": {"id": head, "message": title, "author": {"name": account.name, "email": account.email}},
            "created_at": "2026-01-01 00:00:00 UTC",
            "url": f"{self.url}/{project.slug}/-/merge_requests/{number}",
        }
        user = {"id": account.id, "name": account.name, "username": account.login, "email": account.email}
        return {"object_kind": "merge_request", "user": user, "project": about, "object_attributes": request}

    def events(self, project: Project, before: str, after: str, ref: str) -> list[tuple[str, dict[str, Any]]]:
        tag = ref.startswith("refs/tags/")
        gone = not after.strip("0")
        account = self.people[project.pusher]
        commits = [self.pushed_commit(project, shown) for shown in self.moved(project, before, after)]
        payload = {
            "object_kind": "tag_push" if tag else "push",
            "event_name": "tag_push" if tag else "push",
            "before": before,
            "after": after,
            "ref": ref,
            "checkout_sha": None if gone else project.resolve(after),
            "message": None,
            "user_id": account.id,
            "user_name": account.name,
            "user_username": account.login,
            "user_email": account.email,
            "user_avatar": f"{self.url}/avatars/{account.id}",
            "project_id": project.id,
            "project": self.about(project),
            "commits": commits[-20:],
            "total_commits_count": len(commits),
        }
        return [("Tag Push Hook" if tag else "Push Hook", payload)]

    def pushed_commit(self, project: Project, shown: Shown) -> dict[str, Any]:
        return {
            "id": shown.sha,
            "message": shown.message,
            "title": shown.message.partition("\n")[0],
            "timestamp": shown.committer[2],
            "url": f"{self.url}/{project.slug}/-/commit/{shown.sha}",
            "author": {"name": shown.author[0], "email": shown.author[1]},
            **split(project.changes(shown.sha)),
        }
