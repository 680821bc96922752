"""Routes of builds (contract drone-rest 3.4)."""

from typing import Any

from starlette.requests import Request

from app.accounts import auth
from app.builds import approval, badge, flow, lists, paths, stop, store
from app.builds.api import feed, history, hook, incomplete, metrics, removal
from app.builds.api.request import State
from app.builds.model import Build, Stage
from app.builds.wire import BuildJSON, StageJSON, build_json, stage_json
from app.errors import NotFound
from app.repos import access
from app.repos import store as repos
from app.repos.model import Repo
from app.web import body, paging
from app.web.reply import JSON, SVG, Empty, Encoded, Text
from app.web.route import PAGE, Endpoint, Param


async def list_builds(request: Request[State]) -> Encoded[list[BuildJSON]]:
    """The builds of a repository, newest first."""
    window = paging.window(request, _NUMBERS)
    filters = _filters(body.query(request))
    part = await access.read(request, lambda repo: lists.page(repo, filters, window))
    links = paging.links(request, part, lambda head: str(head.number))
    return Encoded(await request.state["rendered"].array(part.items), links)


def _filters(query: dict[str, str]) -> dict[str, str]:
    filters = {name: query[name] for name in ("event", "status") if query.get(name)}
    if target := query.get("target"):
        filters["deploy_to"] = target
    if branch := query.get("branch"):
        filters["ref"] = f"refs/heads/{branch}"
    elif tag := query.get("tag"):
        filters["ref"] = f"refs/tags/{tag}"
    return filters


async def show(request: Request[State]) -> JSON[BuildJSON]:
    """A build with stages and steps, and why a stage still waits."""
    build = await access.read(request, lambda repo: store.find_whole(repo.id, paths.build(request)))
    return await _whole(request, build)


async def show_latest(request: Request[State]) -> JSON[BuildJSON]:
    """The newest build of a branch or ref, by default the default branch's, with stages and steps."""
    query = body.query(request)
    build = await access.read(request, lambda repo: store.latest_of_ref(repo.id, _ref(repo, query)))
    if build is None:
        raise NotFound("no build of this branch or ref yet")
    return await _whole(request, build)


def _ref(repo: Repo, query: dict[str, str]) -> str:
    branch = query.get("branch", "")
    return f"refs/heads/{branch}" if branch else query.get("ref") or f"refs/heads/{repo.default_branch}"


async def _whole(request: Request[State], build: Build) -> JSON[BuildJSON]:
    answer = build_json(build)
    reasons = await request.state["why_pending"](build.stages)
    if build.stages:
        answer["stages"] = [_waiting(stage, reasons.get(stage.id, "")) for stage in build.stages]
    return JSON(answer)


def _waiting(stage: Stage, reason: str) -> StageJSON:
    answer = stage_json(stage)
    if reason:
        answer["pending_reason"] = reason
    return answer


async def list_branches(request: Request[State]) -> Encoded[list[BuildJSON]]:
    """The newest push of each branch."""
    return await _remembered(request, "branch")


async def list_pulls(request: Request[State]) -> Encoded[list[BuildJSON]]:
    """The newest build of each pull request."""
    return await _remembered(request, "pull")


async def list_deployments(request: Request[State]) -> Encoded[list[BuildJSON]]:
    """The newest promotion or rollback of each target."""
    return await _remembered(request, "deployment")


async def _remembered(request: Request[State], kind: store.Index) -> Encoded[list[BuildJSON]]:
    heads = await access.read(request, lambda repo: lists.remembered(repo.id, kind))
    return Encoded(await request.state["rendered"].array(heads))


async def create(request: Request[State]) -> JSON[BuildJSON]:
    """Start a build of a branch or a commit."""
    found = await access.granted(request)
    query, words = body.query(request), await body.words(request)
    build = await flow.create(
        request.state["ports"],
        found.repo,
        by=auth.actor(request, found.user),
        branch=words.get("branch", ""),
        commit=words.get("commit", ""),
        message=words.get("message", ""),
        action=words.get("action", ""),
        params=_without(query, "access_token", "commit", "branch"),
    )
    return JSON(build_json(build))


async def restart(request: Request[State]) -> JSON[BuildJSON]:
    """Run a build once more, with its parameters and those given."""
    found = await access.granted(request)
    query, words = body.query(request), await body.words(request)
    build = await flow.restart(
        request.state["ports"],
        found.repo,
        paths.build(request),
        by=auth.actor(request, found.user),
        debug=words.get("debug") == "true",
        params=_without(query, "access_token", "debug"),
    )
    return JSON(build_json(build))


async def promote(request: Request[State]) -> JSON[BuildJSON]:
    """Promote a build to a target, with its parameters and those given."""
    return await _deploy(request, "promote")


async def rollback(request: Request[State]) -> JSON[BuildJSON]:
    """Roll a target back to a build."""
    return await _deploy(request, "rollback")


async def _deploy(request: Request[State], event: flow.Deployment) -> JSON[BuildJSON]:
    found = await access.granted(request)
    query, words = body.query(request), await body.words(request)
    build = await flow.promote(
        request.state["ports"],
        found.repo,
        paths.build(request),
        event=event,
        target=words.get("target", ""),
        by=auth.actor(request, found.user),
        params=_without(query, "access_token", "target"),
    )
    return JSON(build_json(build, stages=True))


async def cancel(request: Request[State]) -> JSON[BuildJSON]:
    """Cancel a build; one that is over stays as it is."""
    found = await access.granted(request)
    by = auth.actor(request, found.user)
    build = await stop.cancel(request.state["ports"], found.repo, paths.build(request), by)
    return JSON(build_json(build, stages=True))


async def approve(request: Request[State]) -> Empty:
    """Approve a blocked stage: it may run."""
    found = await access.granted(request)
    await approval.approve(
        request.state["ports"], found.repo, paths.build(request), auth.actor(request, found.user), paths.stage(request)
    )
    return Empty()


async def approve_all(request: Request[State]) -> Empty:
    """Approve all blocked stages of a build: they may run."""
    found = await access.granted(request)
    await approval.approve(request.state["ports"], found.repo, paths.build(request), auth.actor(request, found.user))
    return Empty()


async def decline(request: Request[State]) -> Empty:
    """Decline a blocked stage, and with it the build."""
    found = await access.granted(request)
    await approval.decline(
        request.state["ports"], found.repo, paths.build(request), auth.actor(request, found.user), paths.stage(request)
    )
    return Empty()


async def decline_all(request: Request[State]) -> Empty:
    """Decline all blocked stages of a build, and with them the build."""
    found = await access.granted(request)
    await approval.decline(request.state["ports"], found.repo, paths.build(request), auth.actor(request, found.user))
    return Empty()


async def status_svg(request: Request[State]) -> SVG:
    """A badge with the state of a branch's newest build."""
    if request.state["private_mode"]:
        await access.admit(request)
    path, query = request.path_params, body.query(request)
    repo = await request.state["db"].read(repos.find_if_any(path["owner"], path["name"]))
    build = await request.state["db"].read(store.latest_of_ref(repo.id, _ref(repo, query))) if repo else None
    headers = {
        "Access-Control-Allow-Origin": "*",
        "Cache-Control": "no-cache, no-store, max-age=0, must-revalidate, value",
        "Expires": "Thu, 01 Jan 1970 00:00:00 GMT",
    }
    return SVG(badge.svg(build), headers=headers)


async def cc_xml(request: Request[State]) -> Text:
    """The newest build for CCMenu and its like; an empty 404 without one."""
    repo = (await access.granted(request)).repo
    build = await request.state["db"].read(store.newest_of(repo.id))
    if build is None:
        return Text(status_code=404)
    return Text(badge.cc_xml(repo, build, request.state["public_url"]))


def _without(query: dict[str, str], *reserved: str) -> dict[str, str]:
    return {name: value for name, value in query.items() if name not in reserved}


_BUILDS = "/api/repos/{owner}/{name}/builds"
_BUILD = _BUILDS + "/{number}"
_BADGES = "/api/badges/{owner}/{name}"
_BRANCH = Param("branch", "A branch; without it and `ref`, the default branch.")
_REF = Param("ref", "A ref in full, such as `refs/tags/v1`; `branch` wins.")
_TARGET = Param("target", "Where to: an environment that the pipeline file names.", form=True, required=True)
#: Keys of cursors in a list of builds.
_NUMBERS = r"\d{1,18}"
#: What the start of a build may run into: a bad parameter, a repository out of reach, nothing to run.
_STARTS = (400, 422)
_FILTERS = (
    Param("branch", "Only builds of this branch's ref."),
    Param("tag", "Only builds of this tag's ref; `branch` wins."),
    Param("event", "Only builds of this event."),
    Param("status", "Only builds with this status."),
    Param("target", "Only promotions and rollbacks to this target."),
)
_DEPLOY: dict[str, Any] = {"needs": "write", "query": [_TARGET], "free": True, "errors": _STARTS}
routes = [
    Endpoint("POST", _BUILD + "/promote", promote, operation="builds.promote", **_DEPLOY),
    Endpoint(
        "GET", _BUILDS + "/latest", show_latest, operation="builds.show_latest", needs="read", query=[_BRANCH, _REF]
    ),
    Endpoint("GET", _BUILDS + "/branches", list_branches, operation="builds.list_branches", needs="read"),
    Endpoint("GET", _BUILDS + "/pulls", list_pulls, operation="builds.list_pulls", needs="read"),
    Endpoint("GET", _BUILDS + "/deployments", list_deployments, operation="builds.list_deployments", needs="read"),
    Endpoint("GET", _BUILD, show, operation="builds.show", needs="read"),
    Endpoint(
        "GET",
        _BUILDS,
        list_builds,
        operation="builds.list_builds",
        needs="read",
        query=[*PAGE, *_FILTERS],
        errors=[400],
    ),
    Endpoint(
        "POST",
        _BUILDS,
        create,
        operation="builds.create",
        needs="write",
        query=[
            Param("branch", "The branch; without it, the default branch.", form=True),
            Param("commit", "The commit; without it, the newest of the branch.", form=True),
            Param("message", "What the build says of itself; without it, the commit's message.", form=True),
            Param("action", "Any word, which conditions may ask for.", form=True),
        ],
        free=True,
        errors=_STARTS,
    ),
    Endpoint(
        "POST",
        _BUILD,
        restart,
        operation="builds.restart",
        needs="write",
        query=[Param("debug", "`true` asks the runner for debugging.", form=True)],
        free=True,
        errors=_STARTS,
    ),
    Endpoint(
        "DELETE",
        _BUILDS,
        history.delete_old,
        operation="builds.delete_old",
        needs="admin",
        query=[Param("before", "A build number; builds below it are deleted.", required=True)],
        errors=[400],
    ),
    Endpoint(
        "DELETE",
        _BUILDS + "/branches/{entry:path}",
        history.forget_branch,
        operation="builds.forget_branch",
        needs="write",
    ),
    Endpoint("DELETE", _BUILDS + "/pulls/{entry}", history.forget_pull, operation="builds.forget_pull", needs="write"),
    Endpoint(
        "DELETE",
        _BUILDS + "/deployments/{entry:path}",
        history.forget_deployment,
        operation="builds.forget_deployment",
        needs="write",
    ),
    Endpoint("DELETE", _BUILD, cancel, operation="builds.cancel", needs="write"),
    Endpoint("POST", _BUILD + "/rollback", rollback, operation="builds.rollback", **_DEPLOY),
    Endpoint("POST", _BUILD + "/approve", approve_all, operation="builds.approve_all", needs="admin"),
    Endpoint("POST", _BUILD + "/approve/{stage}", approve, operation="builds.approve", needs="admin"),
    Endpoint("POST", _BUILD + "/decline", decline_all, operation="builds.decline_all", needs="admin"),
    Endpoint("POST", _BUILD + "/decline/{stage}", decline, operation="builds.decline", needs="admin"),
    Endpoint("GET", _BADGES + "/status.svg", status_svg, operation="builds.status_svg", query=[_BRANCH, _REF]),
    Endpoint("GET", _BADGES + "/cc.xml", cc_xml, operation="builds.cc_xml", needs="read"),
    Endpoint(
        "GET",
        "/api/user/repos",
        feed.list_repos,
        operation="accounts.list_repos",
        needs="account",
        query=[Param("latest", "`true` adds the newest build of each.")],
    ),
    Endpoint("GET", "/api/user/builds", feed.list_builds, operation="accounts.list_builds", needs="account"),
    Endpoint(
        "GET", "/api/user/builds/recent", feed.list_builds, operation="accounts.list_builds.recent", needs="account"
    ),
    Endpoint(
        "DELETE",
        "/api/repos/{owner}/{name}",
        removal.disable,
        operation="repos.disable",
        needs="admin",
        query=[Param("remove", "`true` deletes it, with all its builds, logs and secrets.")],
    ),
    Endpoint(
        "GET", "/api/builds/incomplete", incomplete.list_incomplete, operation="builds.list_incomplete", needs="system"
    ),
    Endpoint(
        "GET",
        "/api/builds/incomplete/v2",
        incomplete.list_incomplete_stages,
        operation="builds.list_incomplete_stages",
        needs="system",
    ),
    Endpoint("POST", "/hook", hook.receive_push, operation="builds.receive_push", errors=[400, 401, 404, 422]),
    Endpoint("GET", "/metrics", metrics.show_metrics, operation="server.show_metrics", needs="machine"),
]
