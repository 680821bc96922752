"""Rows of Drone become rows of this server, with the same ids; or they are left out, and the reason is said.

Sealed columns hold their plain text here: the text is sealed when the row is written.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import Table

from app import names
from app.accounts import proofs
from app.builds.cron import expression
from app.builds.cron import model as cron
from app.builds.cron.pace import Pace
from app.builds.model import DONE, Status
from app.builds.store import Index
from app.db import accounts, schema
from app.migrate import values
from app.migrate.drone import Row
from app.migrate.sealed import Opening
from app.repos import store as repos
from app.repos.input import LONGEST
from app.repos.input import LONGEST_NAME as LONGEST_NAMESPACE
from app.repos.model import Repo
from app.repos.reserved import is_reserved
from app.repos.secrets.input import LONGEST_NAME as LONGEST_SECRET
from app.repos.templates.input import name_problem

#: The error of a build that Drone had not ended.
MOVED = "the build was not over when the server was moved: restart the build"
#: Drone's words for the kinds of newest builds.
_KINDS: dict[str, Index] = {"branch": "branch", "pull_request": "pull", "deployment": "deployment"}
_STATUSES = DONE | {"blocked", "waiting_on_dependencies", "pending", "running"}
#: Statuses of stages of a build that waits for an approval: the approval lets them go on.
_WAITING = frozenset({"blocked", "waiting_on_dependencies"})


class Left(Exception):
    """A row that is left out: the reason, and a name for the row."""

    def __init__(self, reason: str, example: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.example = example


class Made(NamedTuple):
    """A row of one of our tables, by the names of its columns."""

    table: Table
    values: dict[str, Any]


@dataclass(slots=True)
class Known:
    """What converting a row needs: the settings of the move, and the facts of the rows before."""

    opening: Opening
    #: Name of the host of the repositories and of people's logins; empty for plain git.
    host: str = ""
    #: Words that no namespace may begin with.
    reserved: Collection[str] = ()
    pace: Pace = field(default_factory=Pace)
    users: set[int] = field(default_factory=set)
    logins: set[str] = field(default_factory=set)
    #: Accounts whose token at the host is left out, and accounts without a token.
    host_tokens: int = 0
    tokenless: list[str] = field(default_factory=list)
    #: Slugs by id, and ids by what the host calls the repositories.
    repos: dict[int, str] = field(default_factory=dict)
    uids: dict[str, int] = field(default_factory=dict)
    namespaces: dict[str, set[str]] = field(default_factory=dict)
    taken: set[tuple[object, ...]] = field(default_factory=set)
    #: Builds by id, and whether they are ended by the move.
    builds: dict[int, bool] = field(default_factory=dict)
    #: Builds by id whose parameters could not be read.
    unreadable: list[str] = field(default_factory=list)
    stages: set[int] = field(default_factory=set)
    steps: set[int] = field(default_factory=set)
    #: Steps that have run, so that they should have a log.
    ran: set[int] = field(default_factory=set)

    def take(self, *key: object) -> bool:
        """Whether a name that only one may have was free; it is taken now."""
        if key in self.taken:
            return False
        self.taken.add(key)
        return True

    def namespace(self, name: str) -> str:
        """The namespace of repositories that Drone means by a name: it does not heed the case of letters here."""
        found = self.namespaces.get(name.lower(), set())
        return name if name in found or len(found) != 1 else next(iter(found))

    def stopped(self) -> int:
        """How many builds the move ends."""
        return sum(self.builds.values())


Convert: TypeAlias = Callable[[Row, Known], list[Made]]


def _columns(prefix: str, same: str, **renamed: str) -> dict[str, str]:
    return {name: prefix + name for name in same.split()} | {ours: prefix + name for ours, name in renamed.items()}


_USER = _columns("user_", "id login email avatar machine admin active synced created updated last_login")


def user(row: Row, known: Known) -> list[Made]:
    """An account, and its token as the hash that is kept of it.

    The source has no ids of people at the host, so their logins must do until they first log in.
    """
    made = values.plain(accounts.users, _USER, row)
    made["expected_from"] = "" if made["machine"] else known.host
    login = made["login"]
    if not names.is_name(login, names.LONGEST_LOGIN):
        raise Left(f"a login must have {names.rule(names.LONGEST_LOGIN)}", login)
    if login.lower() in known.logins:
        raise Left("another login differs only in the case of letters", login)
    known.logins.add(login.lower())
    known.users.add(made["id"])
    known.host_tokens += bool(row["user_oauth_token"])
    account = Made(accounts.users, made)
    token = values.text(row["user_hash"])
    if not token or not known.take("token", token):
        known.tokenless.append(login)
        return [account]
    return [
        account,
        Made(
            accounts.tokens,
            {
                "user_id": made["id"],
                "name": proofs.DEFAULT,
                "scope": "admin",
                "repos": proofs.ALL,
                "created": made["created"],
                "expires": 0,
                "used": 0,
                "hash": proofs.hash_token(token),
            },
        ),
    ]


_REPO = _columns(
    "repo_",
    "id namespace name uid user_id visibility active trusted protected timeout throttle counter synced created "
    "updated version signer secret",
    git_http_url="clone_url",
    git_ssh_url="ssh_url",
    link="html_url",
    default_branch="branch",
    config_path="config",
    ignore_forks="no_forks",
    ignore_pull_requests="no_pulls",
    auto_cancel_pull_requests="cancel_pulls",
    auto_cancel_pushes="cancel_push",
    auto_cancel_running="cancel_running",
)


def repo(row: Row, known: Known) -> list[Made]:
    """A repository with its settings, its counter and its keys."""
    made = values.plain(schema.repos, _REPO, row)
    slug = f"{made['namespace']}/{made['name']}"
    if not all(names.is_name(made[part], LONGEST_NAMESPACE) for part in ("namespace", "name")):
        raise Left(f"namespace and name must have {names.rule(LONGEST_NAMESPACE)} each", slug)
    if is_reserved(made["namespace"], known.reserved):
        raise Left("addresses of this server begin with the namespace: rename it at the host and in the source", slug)
    if not known.take("repo", slug):
        raise Left("another repository has the same name", slug)
    if (uid := values.text(row["repo_uid"])) in known.uids:
        raise Left("another repository has the same id at the host", slug)
    if made["visibility"] not in ("public", "private", "internal"):
        made["visibility"] = "private" if values.flag(row["repo_private"]) else "public"
    made["user_id"] = made["user_id"] if made["user_id"] in known.users else 0
    made["timeout"] = min(made["timeout"], LONGEST) if made["timeout"] > 0 else Repo.timeout
    made["config_path"] = made["config_path"] or Repo.config_path
    made["throttle"] = max(made["throttle"], 0)
    known.repos[made["id"]] = slug
    known.uids[uid] = made["id"]
    known.namespaces.setdefault(made["namespace"].lower(), set()).add(made["namespace"])
    return [Made(schema.repos, repos.values(Repo(0, "", "")) | made | {"scm": known.host})]


_RIGHT = _columns("perm_", "user_id created updated", can_read="read", can_write="write", can_admin="admin")


def right(row: Row, known: Known) -> list[Made]:
    """The rights of an account in a repository."""
    repo_id = known.uids.get(values.text(row["perm_repo_uid"]))
    if repo_id is None:
        raise Left("of repositories that are not there, or were left out")
    made = values.plain(schema.permissions, _RIGHT, row)
    return [Made(schema.permissions, made | {"repo_id": repo_id, "synced": 0})]  # until the person logs in at the host


_SECRET = _columns("secret_", "id repo_id name pull_request pull_request_push")


def secret(row: Row, known: Known) -> list[Made]:
    """A secret of a repository."""
    made = values.plain(schema.secrets, _SECRET, row)
    slug = _slug_of(made, known)
    return [Made(schema.secrets, made | {"data": _data(row, known, slug, made["name"])})]


_ORG_SECRET = _columns("secret_", "id namespace name pull_request pull_request_push")


def org_secret(row: Row, known: Known) -> list[Made]:
    """A secret of all repositories of a namespace."""
    made = values.plain(schema.org_secrets, _ORG_SECRET, row)
    made["namespace"] = known.namespace(made["namespace"])
    return [Made(schema.org_secrets, made | {"data": _data(row, known, made["namespace"], made["name"])})]


def _data(row: Row, known: Known, owner: str, name: str) -> str:
    example = f"{name} of {owner}"
    if not names.is_name(name, LONGEST_SECRET):
        raise Left(f"a secret's name must have {names.rule(LONGEST_SECRET)}", example)
    data = known.opening.text(row["secret_data"])
    if data is None:
        raise Left("the value is sealed with another key", example)
    if not data or "\0" in data:
        raise Left("the value is empty or holds a NUL, which no variable of a step can", example)
    if not known.take("secret", owner, name.lower()):
        raise Left("another secret's name differs only in the case of letters", example)
    return data


_CRON = _columns("cron_", "id repo_id name expr next prev event branch target disabled created updated version")


def job(row: Row, known: Known) -> list[Made]:
    """A cron job, due when Drone would have run the job."""
    made = values.plain(schema.crons, _CRON, row)
    example = f"{made['name']} of {_slug_of(made, known)}"
    made["event"] = made["event"] or "push"
    if made["event"] != "push":
        raise Left("the event is not push", example)
    if cron.slug(made["name"]) != made["name"] or not known.take("cron", made["repo_id"], made["name"]):
        raise Left("the name cannot stand in an address, or is taken", example)
    try:
        hurried = expression.closest(made["expr"]) < known.pace.minimum
        made["next"] = made["next"] or expression.next_after(made["expr"], max(made["prev"], made["updated"]))
    except expression.BadExpression as error:
        raise Left(f"the expression cannot be used: {error}", example) from None
    return [Made(schema.crons, made | {"target": "", "parent": "", "hurried": hurried, "zone": ""})]


_TEMPLATE = _columns("template_", "id namespace name data created updated")


def template(row: Row, known: Known) -> list[Made]:
    """A template of a namespace."""
    made = values.plain(schema.templates, _TEMPLATE, row)
    made["namespace"] = known.namespace(made["namespace"])
    example = f"{made['namespace']}/{made['name']}"
    if problem := name_problem(made["name"]):
        raise Left(f"the name cannot be used: {problem.message}", example)
    if not known.take("template", made["namespace"], made["name"]):
        raise Left("another template differs only in the case of letters", example)
    return [Made(schema.templates, made)]


_BUILD = _columns(
    "build_",
    "id repo_id number parent status error event action link timestamp title message ref source_repo source target "
    "author_name author_email author_avatar sender cron deploy_id debug started finished created updated version",
    trigger_by="trigger",
    before_sha="before",
    after_sha="after",
    author_login="author",
    deploy_to="deploy",
)


def build(row: Row, known: Known) -> list[Made]:
    """A build. One that is not over, and does not wait for an approval, is over with the move."""
    made = values.plain(schema.builds, _BUILD, row)
    slug = _slug_of(made, known)
    if made["status"] not in _STATUSES:
        raise Left(f"the status {made['status']!r} is not known", f"{slug}#{made['number']}")
    if not values.is_mapping(row["build_params"]):
        known.unreadable.append(f"{slug}#{made['number']}")
    stopped = made["status"] not in DONE and made["status"] != "blocked"
    if stopped:
        ended = max(made["started"], made["updated"])
        made |= {"status": "killed", "error": MOVED, "started": made["started"] or ended, "finished": ended}
    known.builds[made["id"]] = stopped
    ours = {"found_late": False, "blocked": made["status"] == "blocked", "via": ""}
    return [Made(schema.builds, made | {"params": values.mapping(row["build_params"])} | ours)]


_STAGE = _columns(
    "stage_",
    "id repo_id build_id number name kind type status error errignore exit_code machine os arch variant kernel "
    "started stopped created updated version on_success on_failure",
    limit_count="limit",
    throttle="limit_repo",
)
_NOBODY = {"runner": "", "offered": 0, "peer": "", "seen": 0}


def stage(row: Row, known: Known) -> list[Made]:
    """A stage of a build."""
    made = values.plain(schema.stages, _STAGE, row)
    if (stopped := known.builds.get(made["build_id"])) is None:
        raise Left("of builds that are not there, or were left out")
    if made["status"] not in (DONE if stopped else DONE | _WAITING):
        made |= _over(made)
    known.stages.add(made["id"])
    lists = {"depends_on": values.names(row["stage_depends_on"]), "labels": values.mapping(row["stage_labels"])}
    return [Made(schema.stages, made | lists | _NOBODY)]


_STEP = _columns(
    "step_",
    "id stage_id number name status error errignore exit_code started stopped version image detached",
    card_schema="schema",
)


def step(row: Row, known: Known) -> list[Made]:
    """A step of a stage."""
    made = values.plain(schema.steps, _STEP, row)
    if made["stage_id"] not in known.stages:
        raise Left("of stages that are not there, or were left out")
    if made["status"] not in DONE:
        made |= _over(made)
    known.steps.add(made["id"])
    if made["started"] and made["status"] != "skipped":
        known.ran.add(made["id"])
    return [Made(schema.steps, made | {"depends_on": values.names(row["step_depends_on"])})]


def _over(made: Mapping[str, Any]) -> dict[str, Any]:
    """The end of a stage or a step that was not over (contract drone-rpc 11.1)."""
    status: Status = "killed" if made["started"] else "skipped"
    return {"status": status, "stopped": max(made["started"], made["stopped"]), "exit_code": 130}


def card(row: Row, known: Known) -> list[Made]:
    """What a step shows beside its log."""
    step_id = values.number(row["card_id"])
    if step_id not in known.steps:
        raise Left("of steps that are not there, or were left out")
    if not values.is_json(data := values.text(row["card_data"])):
        raise Left("the card is no JSON", str(step_id))
    return [Made(schema.cards, {"step_id": step_id, "data": data})]


def latest(row: Row, known: Known) -> list[Made]:
    """The newest build of a branch, a pull request or a target."""
    build_id, kind = values.number(row["latest_build_id"]), values.text(row["latest_type"])
    if build_id not in known.builds:
        raise Left("of builds that are not there, or were left out")
    if kind not in _KINDS:
        raise Left(f"of the kind {kind!r}, which is not used")
    made = {
        "repo_id": values.number(row["latest_repo_id"]),
        "kind": _KINDS[kind],
        "name": values.text(row["latest_name"]),
        "build_id": build_id,
        "first_number": 0,
    }
    return [Made(schema.latest, made)]


def _slug_of(made: Mapping[str, Any], known: Known) -> str:
    if (slug := known.repos.get(made["repo_id"])) is None:
        raise Left("of repositories that are not there, or were left out")
    return slug
