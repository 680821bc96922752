"""What a promotion or a rollback of a chat starts from, and whether it may start (contract gantry-chatops 6.2)."""

from app.accounts.model import User
from app.builds import lists, named, store, targets
from app.builds.model import Build
from app.builds.ports import Ports
from app.chatops.command import Command, code
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.moments import Actor
from app.repos import access
from app.repos.model import Repo
from app.repos.store import RepoRights
from app.scm import refs


async def source_of(ports: Ports, found: RepoRights, command: Command, user: User, by: Actor) -> Build:
    """The build that a command promotes, or rolls back to; or the draft of a commit that has none.

    NotFound without one, Conflict when the build must not be deployed, Forbidden and Invalid for `--force`.
    """
    repo = found.repo
    if command.number:
        old = await ports.db.read(store.find(repo.id, command.number))
    elif command.verb == "rollback":
        return await _before(ports, repo, command.target)
    elif (passing := await _passing(ports, repo, command.ref)) is not None:
        old = passing
    else:
        words = f"no build of {code(command.ref)} has succeeded"
        _force(found, command, user, words)
        return await _commit(ports, repo, command.ref, by)
    if fault := _fault(repo, old):
        _force(found, command, user, fault)
    return old


async def _before(ports: Ports, repo: Repo, target: str) -> Build:
    now, before = await ports.db.read(targets.before(repo.id, target))
    if now is None:
        raise NotFound(f"nothing runs in {code(target)} that could be rolled back")
    if before is None:
        words = f"nothing else ran in {code(target)} before #{now.number}"
        raise NotFound(f"{words}: name the build, as in `rollback {repo.slug}#41 to {target}`")
    return before


def _fault(repo: Repo, old: Build) -> str:
    """Why a build must not be deployed; empty if it may."""
    if old.event == "pull_request" and old.source_repo and old.source_repo != repo.slug:
        return f"build #{old.number} is of a pull request from {code(old.source_repo)}"
    if old.status != "success":
        return f"build #{old.number} did not succeed: it is {old.state}"
    return ""


def _force(found: RepoRights, command: Command, user: User, fault: str) -> None:
    """Let an administrator deploy what must not be deployed; else say what is wrong with it."""
    if not command.force:
        raise Conflict(f"{fault}. An administrator of the repository may say `--force --reason=…`", code="not_passing")
    if access.refuse(user, found.repo, found.rights, "admin"):
        raise Forbidden(f"{fault}. Only an administrator of the repository may force that")
    if not command.reason:
        raise Invalid('`--force` needs a reason: `--reason="…"`', code="missing_reason")


async def _passing(ports: Ports, repo: Repo, ref: str) -> Build | None:
    """The newest build of a branch, a tag or a commit that succeeded; a branch goes before a tag of its name."""
    if refs.problem(ref):
        return None
    full = [ref] if ref.startswith("refs/") else [f"refs/heads/{ref}", f"refs/tags/{ref}"]
    for one in full:
        if (build := await ports.db.read(store.latest_success(repo.id, one))) is not None:
            return build
    digits = ref.lower()
    if not (refs.is_full_id(digits) or refs.is_short_id(digits)):
        return None
    sha = digits if refs.is_full_id(digits) else await ports.db.read(lists.commit(repo.id, digits))
    return await ports.db.read(store.success_of_commit(repo.id, sha)) if sha else None


async def _commit(ports: Ports, repo: Repo, ref: str, by: Actor) -> Build:
    """The draft of a commit that is no build's, by its branch, its tag or its id."""
    for kind in named.KINDS:
        try:
            return await named.draft(ports, repo, named.Name(kind, ref), by)
        except (NotFound, Invalid):
            continue
    raise NotFound(f"there is no branch, tag or commit {code(ref)}")
