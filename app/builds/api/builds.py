"""Routes of builds (contract drone-rest 3.4)."""

from collections.abc import Callable, Mapping

from starlette.requests import Request

from app.accounts.auth import Caller
from app.builds import approval, badge, filters, lists, paths, stop, store
from app.builds.api import (
    approvals,
    compare,
    feed,
    goto,
    history,
    hook,
    incomplete,
    metrics,
    removal,
    starting,
    targets,
)
from app.builds.api.request import State
from app.builds.model import Build
from app.builds.paths import BUILD, BUILDS, STAGE
from app.builds.wire import BuildJSON, build_json
from app.db.tx import Tx
from app.db.window import Part
from app.repos import store as repos
from app.repos.access import ADMIN, ADMITTED_TO, READ, WRITE, Access
from app.repos.model import Repo
from app.repos.paths import NAME, OWNER
from app.web import body, paging
from app.web.needs import Unless
from app.web.path import Path, Word
from app.web.reply import JSON, SVG, Empty, Encoded, Text
from app.web.route import PAGE, Endpoint, Param


async def list_builds(request: Request[State], _: Access, part: Part[lists.Head]) -> Encoded[list[BuildJSON]]:
    """The builds of a repository, newest first."""
    links = paging.links(request, part, lambda head: str(head.number))
    return Encoded(await request.state["rendered"].array(part.items), links)


def _page(request: Request[State], found: Access) -> Tx[Part[lists.Head]]:
    return filters.page(found.repo, body.query(request), paging.window(request, filters.NUMBERS))


async def show(request: Request[State], _: Access, versions: store.Versions) -> Encoded[BuildJSON]:
    """A build with stages and steps, and why a stage still waits."""
    return await _whole(request, versions)


def _numbered(request: Request[State], found: Access) -> Tx[store.Versions]:
    return store.versions(found.repo.id, paths.number(request))


async def show_latest(request: Request[State], _: Access, versions: store.Versions) -> Encoded[BuildJSON]:
    """The newest build of a branch or ref, by default the default branch's, with stages and steps."""
    return await _whole(request, versions)


def _latest(request: Request[State], found: Access) -> Tx[store.Versions]:
    return store.latest_versions(found.repo.id, _ref(found.repo, body.query(request)))


def _ref(repo: Repo, query: Mapping[str, str]) -> str:
    branch = query.get("branch", "")
    return f"refs/heads/{branch}" if branch else query.get("ref") or f"refs/heads/{repo.default_branch}"


async def _whole(request: Request[State], versions: store.Versions) -> Encoded[BuildJSON]:
    whole = await request.state["rendered"].whole(versions)
    return Encoded(whole.text(await request.state["why_pending"](whole.build.stages)))


async def list_branches(request: Request[State], _: Access, heads: list[lists.Head]) -> Encoded[list[BuildJSON]]:
    """The newest push of each branch."""
    return Encoded(await request.state["rendered"].array(heads))


async def list_pulls(request: Request[State], _: Access, heads: list[lists.Head]) -> Encoded[list[BuildJSON]]:
    """The newest build of each pull request."""
    return Encoded(await request.state["rendered"].array(heads))


async def list_deployments(request: Request[State], _: Access, heads: list[lists.Head]) -> Encoded[list[BuildJSON]]:
    """The newest promotion or rollback of each target."""
    return Encoded(await request.state["rendered"].array(heads))


def _remembered(kind: store.Index) -> Callable[[Request[State], Access], Tx[list[lists.Head]]]:
    return lambda _, found: lists.remembered(found.repo.id, kind)


async def cancel(request: Request[State], found: Access) -> JSON[BuildJSON]:
    """Cancel a build; one that is over stays as it is."""
    build = await stop.cancel(request.state["ports"], found.repo, paths.number(request), found.by)
    return JSON(build_json(build, stages=True))


async def approve(request: Request[State], found: Access) -> Empty:
    """Approve a blocked stage: it may run."""
    number, stage = paths.number(request), paths.stage(request)
    await approval.approve(request.state["ports"], found.repo, number, found.by, stage)
    return Empty()


async def approve_all(request: Request[State], found: Access) -> Empty:
    """Approve all blocked stages of a build: they may run."""
    await approval.approve(request.state["ports"], found.repo, paths.number(request), found.by)
    return Empty()


async def decline(request: Request[State], found: Access) -> Empty:
    """Decline a blocked stage, and with it the build."""
    number, stage, reason = paths.number(request), paths.stage(request), await _reason(request)
    await approval.decline(request.state["ports"], found.repo, number, found.by, stage, reason=reason)
    return Empty()


async def decline_all(request: Request[State], found: Access) -> Empty:
    """Decline all blocked stages of a build, and with them the build."""
    number, reason = paths.number(request), await _reason(request)
    await approval.decline(request.state["ports"], found.repo, number, found.by, reason=reason)
    return Empty()


async def _reason(request: Request[State]) -> str:
    return (await body.words(request)).get(_REASON.name, "")


async def status_svg(_: Request[State], __: Caller | None, build: Build | None) -> SVG:
    """A badge with the state of a branch's newest build."""
    headers = {
        "Access-Control-Allow-Origin": "*",
        "Cache-Control": "no-cache, no-store, max-age=0, must-revalidate, value",
        "Expires": "Thu, 01 Jan 1970 00:00:00 GMT",
    }
    return SVG(badge.svg(build), headers=headers)


def _shown(request: Request[State], _: Caller | None) -> Tx[Build | None]:
    """The build that a badge shows; an unknown repository gets the badge of a repository without builds."""
    path = request.path_params
    repo = yield from repos.find_if_any(path["owner"], path["name"])
    return (yield from store.latest_of_ref(repo.id, _ref(repo, body.query(request)))) if repo else None


async def cc_xml(request: Request[State], found: Access, build: Build | None) -> Text:
    """The newest build for CCMenu and its like; an empty 404 without one."""
    if build is None:
        return Text(status_code=404)
    return Text(badge.cc_xml(found.repo, build, request.state["public_url"]))


def _newest(_: Request[State], found: Access) -> Tx[Build | None]:
    return store.newest_of(found.repo.id)


_BADGES = Path.of("/api/badges") / OWNER / NAME
_ENTRY = Word("entry", "A branch, the number of a pull request, or a target.", "production")
_BRANCH = Param("branch", "A branch; without it and `ref`, the default branch.")
#: Drone knows no reason.
_REASON = Param("reason", "Why: the error of the stages that are declined, and part of the record.", form=True)
_REF = Param("ref", "A ref in full, such as `refs/tags/v1`; `branch` wins.")
#: Badges stand on public pages: the server asks for no token, except in private mode.
_PUBLIC = Unless(lambda state: not state["private_mode"], ADMITTED_TO, refusals=())
routes = [
    *starting.routes,
    Endpoint(
        "GET",
        BUILDS / "latest",
        show_latest,
        operation="builds.show_latest",
        needs=READ,
        reads=_latest,
        quick=True,
        query=[_BRANCH, _REF],
    ),
    Endpoint(
        "GET",
        BUILDS / "branches",
        list_branches,
        operation="builds.list_branches",
        needs=READ,
        reads=_remembered("branch"),
    ),
    Endpoint("GET", BUILDS / "pulls", list_pulls, operation="builds.list_pulls", needs=READ, reads=_remembered("pull")),
    Endpoint(
        "GET",
        BUILDS / "deployments",
        list_deployments,
        operation="builds.list_deployments",
        needs=READ,
        reads=_remembered("deployment"),
    ),
    Endpoint("GET", BUILD, show, operation="builds.show", needs=READ, reads=_numbered, quick=True),
    Endpoint(
        "GET",
        BUILDS,
        list_builds,
        operation="builds.list_builds",
        needs=READ,
        reads=_page,
        query=[*PAGE, *filters.PARAMS],
        errors=[400],
    ),
    Endpoint(
        "DELETE",
        BUILDS,
        history.delete_old,
        operation="builds.delete_old",
        needs=ADMIN,
        query=[Param("before", "A build number; builds below it are deleted.", required=True, example="2")],
        errors=[400],
    ),
    Endpoint(
        "DELETE",
        BUILDS / "branches" / _ENTRY.tail,
        history.forget_branch,
        operation="builds.forget_branch",
        needs=WRITE,
    ),
    Endpoint("DELETE", BUILDS / "pulls" / _ENTRY, history.forget_pull, operation="builds.forget_pull", needs=WRITE),
    Endpoint(
        "DELETE",
        BUILDS / "deployments" / _ENTRY.tail,
        history.forget_deployment,
        operation="builds.forget_deployment",
        needs=WRITE,
    ),
    Endpoint("DELETE", BUILD, cancel, operation="builds.cancel", needs=WRITE, scope="promote"),
    Endpoint("POST", BUILD / "approve", approve_all, operation="builds.approve_all", needs=ADMIN, scope="promote"),
    Endpoint("POST", BUILD / "approve" / STAGE, approve, operation="builds.approve", needs=ADMIN, scope="promote"),
    Endpoint(
        "POST",
        BUILD / "decline",
        decline_all,
        operation="builds.decline_all",
        needs=ADMIN,
        scope="promote",
        query=[_REASON],
    ),
    Endpoint(
        "POST",
        BUILD / "decline" / STAGE,
        decline,
        operation="builds.decline",
        needs=ADMIN,
        scope="promote",
        query=[_REASON],
    ),
    Endpoint(
        "GET",
        _BADGES / "status.svg",
        status_svg,
        operation="builds.status_svg",
        needs=_PUBLIC,
        reads=_shown,
        query=[_BRANCH, _REF],
    ),
    Endpoint("GET", _BADGES / "cc.xml", cc_xml, operation="builds.cc_xml", needs=READ, reads=_newest),
    *feed.routes,
    *approvals.routes,
    *targets.routes,
    *compare.routes,
    *goto.routes,
    *removal.routes,
    *incomplete.routes,
    *hook.routes,
    *metrics.routes,
]
