"""The variables of a step (contract drone-env 1 and 2). Pure.

The variables of the build, the stage and the step are computed anew at the start of each step, so that they show an
earlier failure (contract drone-env 1.6).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from app.builds.model import FAILED, Build, Stage, Step, end
from app.repos.model import Repo
from app.runners.exec import version
from app.runners.manager import Context, System

#: The variables that a step gets from the environment of the runner's process.
HOST = ("PATH", "USER", "LANG")

#: The variables that a runner adds when it adds none.
NOTHING: Mapping[str, str] = MappingProxyType({})
#: Every step gets these in lower and in upper case, if the runner's own process has one of the two.
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")

_TAGS = "refs/tags/"
_DIGITS = re.compile(r"[0-9]+")
_REFERENCE = re.compile(r"\$(?:\{(\w+)\}|(\w+))", re.ASCII)


def for_substitution(context: Context, now: int, runner: Mapping[str, str] = NOTHING) -> dict[str, str]:
    """The values for `${NAME}` in the pipeline file. The build's params win over all others (contract drone-env 2.2).

    `runner` are the variables that the runner adds to every step.
    """
    table = dict(runner) | _fixed(context) | _build(context.build, now) | _stage(context.stage, now)
    return table | dict(context.build.params)


def for_step(
    context: Context,
    stage: Stage,
    step: Step,
    now: int,
    *,
    host: Mapping[str, str],
    root: str,
    literals: Mapping[str, str],
    secrets: Mapping[str, str],
    runner: Mapping[str, str] = NOTHING,
    trace: bool = False,
    skip_verify: bool = False,
) -> dict[str, str]:
    """The whole environment of one step, lowest precedence first (contract drone-env 2.1).

    `host` is the environment of the runner's process; `runner` are the variables that the runner adds to every step.
    `stage` is the stage as it is now, with its steps. `root` is the folder of the workspace. `literals` and `secrets`
    are the step's own variables. `trace` and `skip_verify` set variables of git.
    """
    live = _live(context.build, stage, step, now)
    variables = {name: host[name] for name in HOST if host.get(name)}
    variables |= dict(runner) | dict(context.build.params)
    variables |= _proxies(host) | _fixed(context) | _deployment(context) | live
    variables |= _git(context.build, trace=trace, skip_verify=skip_verify)
    variables |= _places(root)
    own = dict(literals)
    if "PATH" in own:
        own["PATH"] = _expand(own["PATH"], variables)
    return variables | own | live | dict(secrets)


def _proxies(host: Mapping[str, str]) -> dict[str, str]:
    """Contract drone-env 1.8: the upper-case name is read first."""
    found = {name: host.get(name.upper()) or host.get(name, "") for name in PROXIES}
    return {spelled: value for name, value in found.items() if value for spelled in (name, name.upper())}


def failing(stage: Stage) -> bool:
    """Whether the stage or a step has failed; the status `failure` of a step with `failure: ignore` does not count."""
    return stage.status in FAILED or any(map(_counts, stage.steps))


def _counts(step: Step) -> bool:
    return step.status in FAILED and not (step.errignore and step.status == "failure")


def _live(build: Build, stage: Stage, step: Step, now: int) -> dict[str, str]:
    if failing(stage):
        build = replace(build, status="failure")
    return _build(build, now) | _stage(stage, now) | _step(step)


def _fixed(context: Context) -> dict[str, str]:
    return _system(context.system) | _repo(context.repo) | _link(context)


def _deployment(context: Context) -> dict[str, str]:
    if context.deployment is None:
        return {}
    return {"GANTRY_URL": context.deployment.url, "GANTRY_TOKEN": context.deployment.token}


def _system(system: System) -> dict[str, str]:
    return {
        "CI": "true",
        "DRONE": "true",
        "DRONE_SYSTEM_PROTO": system.proto,
        "DRONE_SYSTEM_HOST": system.host,
        "DRONE_SYSTEM_HOSTNAME": system.host,
        "DRONE_SYSTEM_VERSION": system.version,
    }


def _link(context: Context) -> dict[str, str]:
    system, repo, build = context.system, context.repo, context.build
    return {"DRONE_BUILD_LINK": f"{system.proto}://{system.host}/{repo.slug}/{build.number}"}


def _repo(repo: Repo) -> dict[str, str]:
    return {
        "DRONE_REPO": repo.slug,
        "DRONE_REPO_SCM": repo.scm,
        "DRONE_REPO_OWNER": repo.namespace,
        "DRONE_REPO_NAMESPACE": repo.namespace,
        "DRONE_REPO_NAME": repo.name,
        "DRONE_REPO_LINK": repo.link,
        "DRONE_REPO_BRANCH": repo.default_branch,
        "DRONE_REMOTE_URL": repo.git_http_url,
        "DRONE_GIT_HTTP_URL": repo.git_http_url,
        "DRONE_GIT_SSH_URL": repo.git_ssh_url,
        "DRONE_REPO_VISIBILITY": repo.visibility,
        "DRONE_REPO_PRIVATE": _flag(repo.private),
        "CI_REPO": repo.slug,
        "CI_REPO_NAME": repo.slug,
        "CI_REPO_LINK": repo.link,
        "CI_REPO_REMOTE": repo.git_http_url,
        "CI_REMOTE_URL": repo.git_http_url,
        "CI_REPO_PRIVATE": _flag(repo.private),
    }


def _build(build: Build, now: int) -> dict[str, str]:
    broken = [stage.name for stage in build.stages if stage.status in FAILED]
    bad = build.status in FAILED or bool(broken)
    variables = {
        "DRONE_BUILD_NUMBER": str(build.number),
        "DRONE_BUILD_PARENT": str(build.parent),
        "DRONE_BUILD_EVENT": build.event,
        "DRONE_BUILD_ACTION": build.action,
        "DRONE_BUILD_STATUS": _outcome(bad),
        "DRONE_BUILD_DEBUG": _flag(build.debug),
        "DRONE_BUILD_TRIGGER": build.trigger,
        "DRONE_BUILD_CREATED": str(build.created),
        "DRONE_BUILD_STARTED": str(build.started or now),
        "DRONE_BUILD_FINISHED": str(build.finished or end(build.started, now)),
        "DRONE_DEPLOY_TO": build.deploy_to,
        "DRONE_DEPLOY_ID": str(build.deploy_id),
    }
    if bad:
        variables["DRONE_FAILED_STAGES"] = ",".join(broken)
    if build.event == "pull_request":
        digits = _DIGITS.search(build.ref)
        variables["DRONE_PULL_REQUEST"] = digits.group() if digits else ""
        variables["DRONE_PULL_REQUEST_TITLE"] = build.title
    if build.ref.startswith(_TAGS):
        tag = build.ref.removeprefix(_TAGS)
        variables |= {"DRONE_TAG": tag} | version.variables(tag)
    return variables | _commit(build) | _legacy(build)


def _commit(build: Build) -> dict[str, str]:
    return {
        "DRONE_BRANCH": build.target_branch,
        "DRONE_TARGET_BRANCH": build.target_branch,
        "DRONE_SOURCE_BRANCH": build.source_branch,
        "DRONE_COMMIT": build.after,
        "DRONE_COMMIT_SHA": build.after,
        "DRONE_COMMIT_AFTER": build.after,
        "DRONE_COMMIT_BEFORE": build.before,
        "DRONE_COMMIT_REF": build.ref,
        "DRONE_COMMIT_BRANCH": build.target_branch,
        "DRONE_COMMIT_LINK": build.link,
        "DRONE_COMMIT_MESSAGE": build.message,
        "DRONE_COMMIT_AUTHOR": build.author_login,
        "DRONE_COMMIT_AUTHOR_NAME": build.author_name,
        "DRONE_COMMIT_AUTHOR_EMAIL": build.author_email,
        "DRONE_COMMIT_AUTHOR_AVATAR": build.author_avatar,
    }


def _legacy(build: Build) -> dict[str, str]:
    return {
        "CI_BUILD_NUMBER": str(build.number),
        "CI_PARENT_BUILD_NUMBER": str(build.parent),
        "CI_BUILD_CREATED": str(build.created),
        "CI_BUILD_STARTED": str(build.started),
        "CI_BUILD_FINISHED": str(build.finished),
        "CI_BUILD_STATUS": build.status,
        "CI_BUILD_EVENT": build.event,
        "CI_BUILD_LINK": build.link,
        "CI_BUILD_TARGET": build.deploy_to,
        "CI_COMMIT_SHA": build.after,
        "CI_COMMIT_REF": build.ref,
        "CI_COMMIT_BRANCH": build.target_branch,
        "CI_COMMIT_MESSAGE": build.message,
        "CI_COMMIT_AUTHOR": build.author_login,
        "CI_COMMIT_AUTHOR_NAME": build.author_name,
        "CI_COMMIT_AUTHOR_EMAIL": build.author_email,
        "CI_COMMIT_AUTHOR_AVATAR": build.author_avatar,
    }


def _stage(stage: Stage, now: int) -> dict[str, str]:
    variables = {
        "DRONE_STAGE_KIND": stage.kind,
        "DRONE_STAGE_TYPE": stage.type,
        "DRONE_STAGE_NAME": stage.name,
        "DRONE_STAGE_NUMBER": str(stage.number),
        "DRONE_STAGE_MACHINE": stage.machine,
        "DRONE_STAGE_OS": stage.os,
        "DRONE_STAGE_ARCH": stage.arch,
        "DRONE_STAGE_VARIANT": stage.variant,
        "DRONE_STAGE_VERSION": str(stage.version),
        "DRONE_STAGE_STATUS": _outcome(failing(stage)),
        "DRONE_STAGE_STARTED": str(stage.started or now),
        "DRONE_STAGE_FINISHED": str(stage.stopped or end(stage.started, now)),
        "DRONE_STAGE_DEPENDS_ON": ",".join(stage.depends_on),
    }
    if failing(stage):
        variables["DRONE_FAILED_STEPS"] = ",".join(_names(filter(_counts, stage.steps)))
    return variables


def _step(step: Step) -> dict[str, str]:
    return {
        "DRONE_STEP_NAME": step.name,
        "DRONE_STEP_NUMBER": str(step.number),
        "DRONE_CARD_PATH": "/dev/stdout",
    }


def _git(build: Build, *, trace: bool, skip_verify: bool) -> dict[str, str]:
    name, email = build.author_name or "drone", build.author_email or "noreply@drone"
    variables = {
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
        "GIT_TERMINAL_PROMPT": "0",
    }
    if trace:
        variables["GIT_TRACE"] = "true"
    if skip_verify:
        variables["GIT_SSL_NO_VERIFY"] = "true"
    return variables


def _places(root: str) -> dict[str, str]:
    home, source = f"{root}/home/drone", f"{root}/drone/src"
    return {
        "HOME": home,
        "HOMEPATH": home,
        "USERPROFILE": home,
        "DRONE_HOME": source,
        "DRONE_WORKSPACE": source,
    }


def _expand(text: str, variables: Mapping[str, str]) -> str:
    return _REFERENCE.sub(lambda found: variables.get(found[1] or found[2], ""), text)


def _names(steps: Iterable[Step]) -> Iterable[str]:
    return (step.name for step in steps)


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _outcome(failed: bool) -> str:
    return "failure" if failed else "success"
