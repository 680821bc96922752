"""Examples of calls about builds, where the types of their rows do not tell enough."""

from collections.abc import Mapping
from typing import Any

from app.web.examples import Example

_SIGNED = 'printf %s "$body" | openssl dgst -sha256 -hmac "$GANTRY_HOOK_KEY" -r | cut -c1-64'
_SIGNATURE = f'"X-Hub-Signature-256: sha256=$({_SIGNED})"'
_RUNNING = "# HELP drone_running_builds Builds that run.\n# TYPE drone_running_builds gauge\ndrone_running_builds 1.0\n"
_PUSH = {
    "ref": "refs/heads/main",
    "before": "0" * 40,
    "after": "eddc4cb5fc792866da099684f99d448a2c87fe8e",
    "repository": {"full_name": "octocat/hello-world"},
    "pusher": {"name": "octocat"},
}
_CARD = {"title": "Coverage", "percent": 92}
_CHANGE = '{"id":1,"slug":"octocat/hello-world","build":{"number":2,"status":"running"}}'
_STREAM = f": ping\n\nid: 5f2c-1\ndata: {_CHANGE}\n\n"
_PROJECT = (
    '<Projects><Project name="octocat/hello-world" activity="Sleeping" lastBuildStatus="Success" lastBuildLabel="2" '
    'lastBuildTime="2026-11-23T05:32:11Z" webUrl="https://gantry.example.com/octocat/hello-world/2"></Project></Projects>'
)

#: Of a build that was just made.
_NEW: Mapping[str, Any] = {
    "status": "pending",
    "version": 1,
    "BuildJSON.version": 1,
    "machine": None,
    "steps": None,
    "started:integer": 0,
    "stopped": 0,
    "finished": 0,
}
_PUSHED = {**_NEW, "event": "push", "parent": None, "deploy_to": None, "params": None}

EXAMPLES: Mapping[str, Example] = {
    **dict.fromkeys(
        ["builds.promote", "builds.promote_named", "builds.rollback", "builds.restart"], Example(known=_NEW)
    ),
    "builds.create": Example(known=_PUSHED),
    "cron.run": Example(known=_PUSHED),
    "builds.receive_push": Example(_PUSH, ("'X-Gantry-Event: push'", _SIGNATURE), known=_PUSHED),
    "builds.cc_xml": Example(answer=_PROJECT),
    "cards.create": Example(body={"schema": "https://cards.example.com/coverage.json", "data": _CARD}),
    "cards.show": Example(answer=_CARD),
    "cron.create": Example(body={"name": "nightly", "expr": "@daily", "branch": "main"}),
    "logs.show": Example(answer="+ ./deploy.sh production\n"),
    "server.show_metrics": Example(answer=_RUNNING),
    "streams.everything": Example(answer=_STREAM),
    "streams.repository": Example(answer=_STREAM),
    "streams.log": Example(answer=': ping\n\nid: 0\ndata: {"pos":0,"out":"+ ./deploy.sh\\n","time":1}\n\n'),
}
