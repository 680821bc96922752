"""Routes of builds (`spec` drone-rest 3.4)."""

from collections.abc import Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.builds import badge, control, feed, flow, hook, metrics, paths, store, stream
from app.builds.model import Build
from app.builds.state import State
from app.builds.wire import build_json, stage_json
from app.db.tx import Tx
from app.errors import NotFound
from app.repos import access
from app.repos import store as repos
from app.repos.model import Repo
from app.web import body
from app.web.reply import JSON, Empty


async def list_builds(request: Request[State]) -> Response:
    """GET …/builds: newest first; `event`, `status` and `target` are ours."""
    limit, offset = body.page(request)
    filters = _filters(body.query(request))
    return await _list(request, lambda repo: store.page(repo.id, filters, limit, offset))


async def _list(request: Request[State], heads: Callable[[Repo], Tx[list[store.Head]]]) -> Response:
    text = await request.state["rendered"].array(await access.read(request, heads))
    return Response(text, media_type="application/json")


def _filters(query: dict[str, str]) -> dict[str, str]:
    filters = {name: query[name] for name in ("event", "status") if query.get(name)}
    if target := query.get("target"):
        filters["deploy_to"] = target
    if branch := query.get("branch"):
        filters["ref"] = f"refs/heads/{branch}"
    elif tag := query.get("tag"):
        filters["ref"] = f"refs/tags/{tag}"
    return filters


async def show(request: Request[State]) -> Response:
    """GET …/builds/{number}: with stages and steps, and why a stage still waits."""
    build = await access.read(request, lambda repo: store.find_whole(repo.id, paths.build(request)))
    return await _whole(request, build)


async def latest(request: Request[State]) -> Response:
    """GET …/builds/latest: the newest build of a ref, by default the default branch's."""
    query = body.query(request)
    build = await access.read(request, lambda repo: store.latest_of_ref(repo.id, _ref(repo, query)))
    if build is None:
        raise NotFound("no build of this branch or ref yet")
    return await _whole(request, build)


def _ref(repo: Repo, query: dict[str, str]) -> str:
    branch = query.get("branch", "")
    return f"refs/heads/{branch}" if branch else query.get("ref") or f"refs/heads/{repo.default_branch}"


async def _whole(request: Request[State], build: Build) -> Response:
    answer = build_json(build)
    reasons = await request.state["why_pending"](build.stages)
    if build.stages:
        answer["stages"] = [
            stage_json(stage) | ({"pending_reason": reasons[stage.id]} if stage.id in reasons else {})
            for stage in build.stages
        ]
    return JSON(answer)


async def branches(request: Request[State]) -> Response:
    """GET …/builds/branches: the newest push of each branch."""
    return await _remembered(request, "branch")


async def pulls(request: Request[State]) -> Response:
    """GET …/builds/pulls: the newest build of each pull request."""
    return await _remembered(request, "pull")


async def deployments(request: Request[State]) -> Response:
    """GET …/builds/deployments: the newest promotion or rollback of each target."""
    return await _remembered(request, "deployment")


async def _remembered(request: Request[State], kind: store.Index) -> Response:
    return await _list(request, lambda repo: store.remembered(repo.id, kind))


async def create(request: Request[State]) -> Response:
    """POST …/builds"""
    found = await access.writer(request)
    query = body.query(request)
    words = query | await body.form(request)  # what may be said in either; the form wins
    build = await flow.create(
        request.state["ports"],
        found.repo,
        by=found.login,
        branch=words.get("branch", ""),
        commit=words.get("commit", ""),
        message=words.get("message", ""),
        action=words.get("action", ""),
        params=_without(query, "access_token", "commit", "branch"),
    )
    return JSON(build_json(build))


async def restart(request: Request[State]) -> Response:
    """POST …/builds/{number}"""
    found = await access.writer(request)
    query = body.query(request)
    words = query | await body.form(request)  # what may be said in either; the form wins
    build = await flow.restart(
        request.state["ports"],
        found.repo,
        paths.build(request),
        by=found.login,
        debug=words.get("debug") == "true",
        params=_without(query, "access_token", "debug"),
    )
    return JSON(build_json(build))


async def promote(request: Request[State]) -> Response:
    """POST …/builds/{number}/promote?target=…&KEY=value"""
    return await _deploy(request, "promote")


async def rollback(request: Request[State]) -> Response:
    """POST …/builds/{number}/rollback?target=…&KEY=value"""
    return await _deploy(request, "rollback")


async def _deploy(request: Request[State], event: flow.Deployment) -> Response:
    found = await access.writer(request)
    query = body.query(request)
    words = query | await body.form(request)  # what may be said in either; the form wins
    build = await flow.promote(
        request.state["ports"],
        found.repo,
        paths.build(request),
        event=event,
        target=words.get("target", ""),
        by=found.login,
        params=_without(query, "access_token", "target"),
    )
    return JSON(build_json(build, stages=True))


async def cancel(request: Request[State]) -> Response:
    """DELETE …/builds/{number}"""
    found = await access.writer(request)
    build = await control.cancel(request.state["ports"], found.repo, paths.build(request))
    return JSON(build_json(build, stages=True))


async def approve(request: Request[State]) -> Response:
    """POST …/builds/{number}/approve/{stage}"""
    found = await access.administrator(request)
    await control.approve(request.state["ports"], found.repo, paths.build(request), paths.stage(request))
    return Empty()


async def decline(request: Request[State]) -> Response:
    """POST …/builds/{number}/decline/{stage}"""
    found = await access.administrator(request)
    await control.decline(request.state["ports"], found.repo, paths.build(request), paths.stage(request))
    return Empty()


async def log(request: Request[State]) -> Response:
    """GET …/builds/{number}/logs/{stage}/{step}: also of a step that still runs."""
    step = await access.read(request, partial(paths.step, request))
    text = await request.state["ports"].logs.read(step.id)
    if text is None:
        raise NotFound(f"step {step.name} wrote no log: it is {step.status}")
    return Response(text, media_type="application/json")


async def status_svg(request: Request[State]) -> Response:
    """GET /api/badges/{owner}/{name}/status.svg: for everybody, as pages embed it."""
    path, query = request.path_params, body.query(request)
    repo = await request.state["db"].read(repos.find_if_any(path["owner"], path["name"]))
    build = await request.state["db"].read(store.latest_of_ref(repo.id, _ref(repo, query))) if repo else None
    headers = {
        "Access-Control-Allow-Origin": "*",
        "Cache-Control": "no-cache, no-store, max-age=0, must-revalidate, value",
        "Expires": "Thu, 01 Jan 1970 00:00:00 GMT",
    }
    return Response(badge.svg(build), media_type="image/svg+xml", headers=headers)


async def cc_xml(request: Request[State]) -> Response:
    """GET /api/badges/{owner}/{name}/cc.xml: the newest build; an empty 404 without one."""
    repo = (await access.reader(request)).repo
    if not repo.counter:
        return Response(status_code=404)
    build = await request.state["db"].read(store.find(repo.id, repo.counter))
    return Response(badge.cc_xml(repo, build, request.state["public_url"]), media_type="text/plain")


def _without(query: dict[str, str], *reserved: str) -> dict[str, str]:
    return {name: value for name, value in query.items() if name not in reserved}


_BUILDS = "/api/repos/{owner}/{name}/builds"
_BUILD = _BUILDS + "/{number}"
_STREAM = "/api/stream/{owner}/{name}"
_BADGES = "/api/badges/{owner}/{name}"
routes = [
    Route(_BUILD + "/promote", promote, methods=["POST"]),
    Route(_BUILDS + "/latest", latest),
    Route(_BUILDS + "/branches", branches),
    Route(_BUILDS + "/pulls", pulls),
    Route(_BUILDS + "/deployments", deployments),
    Route(_BUILD, show),
    Route(_BUILDS, list_builds),
    Route(_BUILDS, create, methods=["POST"]),
    Route(_BUILD, restart, methods=["POST"]),
    Route(_BUILD, cancel, methods=["DELETE"]),
    Route(_BUILD + "/rollback", rollback, methods=["POST"]),
    Route(_BUILD + "/approve/{stage}", approve, methods=["POST"]),
    Route(_BUILD + "/decline/{stage}", decline, methods=["POST"]),
    Route(_BUILD + "/logs/{stage}/{step}", log),
    Route(_STREAM, stream.repository),
    Route(_STREAM + "/{number}/{stage}/{step}", stream.log),
    Route(_BADGES + "/status.svg", status_svg),
    Route(_BADGES + "/cc.xml", cc_xml),
    Route("/api/user/repos", feed.repositories),
    Route("/api/user/builds", feed.builds),
    Route("/api/user/builds/recent", feed.builds),
    Route("/hook", hook.receive, methods=["POST"]),
    Route("/metrics", metrics.show),
]
