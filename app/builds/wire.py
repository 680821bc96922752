"""Builds, stages and steps as clients and runners read them (`spec` drone-rest 2.4, 2.5), in that order of keys."""

from typing import Any

from app.builds.model import Build, Stage, Step


def build_json(build: Build, *, stages: bool = False) -> dict[str, Any]:
    """A build; with its stages where the route says so. Keys marked "omit" are absent when empty."""
    body: dict[str, Any] = {
        "id": build.id,
        "repo_id": build.repo_id,
        "trigger": build.trigger,
        "number": build.number,
        "parent": build.parent,
        "status": build.status,
        "error": build.error,
        "event": build.event,
        "action": build.action,
        "link": build.link,
        "timestamp": build.timestamp,
        "title": build.title,
        "message": build.message,
        "before": build.before,
        "after": build.after,
        "ref": build.ref,
        "source_repo": build.source_repo,
        "source": build.source,
        "target": build.target,
        "author_login": build.author_login,
        "author_name": build.author_name,
        "author_email": build.author_email,
        "author_avatar": build.author_avatar,
        "sender": build.sender,
        "params": build.params,
        "cron": build.cron,
        "deploy_to": build.deploy_to,
        "deploy_id": build.deploy_id,
        "debug": build.debug,
        "started": build.started,
        "finished": build.finished,
        "created": build.created,
        "updated": build.updated,
        "version": build.version,
    }
    for key in ("parent", "error", "title", "params", "cron", "deploy_to", "deploy_id", "debug"):
        if not body[key]:
            del body[key]
    if stages and build.stages:
        body["stages"] = [stage_json(stage) for stage in build.stages]
    return body


def stage_json(stage: Stage) -> dict[str, Any]:
    """A stage with its steps, if it has any."""
    body: dict[str, Any] = {
        "id": stage.id,
        "repo_id": stage.repo_id,
        "build_id": stage.build_id,
        "number": stage.number,
        "name": stage.name,
        "kind": stage.kind,
        "type": stage.type,
        "status": stage.status,
        "error": stage.error,
        "errignore": stage.errignore,
        "exit_code": stage.exit_code,
        "machine": stage.machine,
        "os": stage.os,
        "arch": stage.arch,
        "variant": stage.variant,
        "kernel": stage.kernel,
        "limit": stage.limit,
        "throttle": stage.throttle,
        "started": stage.started,
        "stopped": stage.stopped,
        "created": stage.created,
        "updated": stage.updated,
        "version": stage.version,
        "on_success": stage.on_success,
        "on_failure": stage.on_failure,
        "depends_on": stage.depends_on,
        "labels": stage.labels,
    }
    for key in _STAGE_OMIT:
        if not body[key]:
            del body[key]
    if stage.steps:
        body["steps"] = [step_json(step) for step in stage.steps]
    return body


_STAGE_OMIT = (
    "kind",
    "type",
    "error",
    "machine",
    "variant",
    "kernel",
    "limit",
    "throttle",
    "depends_on",
    "labels",
)


def step_json(step: Step) -> dict[str, Any]:
    """A step; `step_id` is the stage's id, a misnomer that clients know."""
    body: dict[str, Any] = {
        "id": step.id,
        "step_id": step.stage_id,
        "number": step.number,
        "name": step.name,
        "status": step.status,
        "error": step.error,
        "errignore": step.errignore,
        "exit_code": step.exit_code,
        "started": step.started,
        "stopped": step.stopped,
        "version": step.version,
        "depends_on": step.depends_on,
        "image": step.image,
        "detached": step.detached,
        "schema": step.schema,
    }
    for key in ("error", "errignore", "started", "stopped", "depends_on", "image", "detached", "schema"):
        if not body[key]:
            del body[key]
    return body
