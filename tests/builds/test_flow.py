"""How builds begin: whence each field comes, what is refused, and that all of it is written or nothing."""

from dataclasses import fields, replace
from typing import Any

import pytest

from app.builds import flow, stages, stop, store
from app.builds.config import converted
from app.builds.model import Build
from app.db.tx import Tx, many
from app.errors import Invalid, NotFound, NothingToRun, Unavailable, Unreadable
from app.pipeline.signature import sign
from app.repos import store as repos
from tests.builds.farside import HOOK, KEY, NOW, OCTOCAT, Scene, file, heard, pipeline, pushed

BROKEN = "kind: pipeline\ntype: exec\nname: [\n"


async def promote(scene: Scene, number: int = 1, target: str = "production", **params: str) -> Build:
    return await flow.promote(
        scene.ports, scene.repo, await scene.build(number), target=target, by=OCTOCAT, params=params
    )


async def rollback(scene: Scene, number: int = 1, target: str = "production", **params: str) -> Build:
    return await flow.promote(
        scene.ports, scene.repo, await scene.build(number), event="rollback", target=target, by=OCTOCAT, params=params
    )


async def restart(scene: Scene, number: int = 1, *, debug: bool = False, **params: str) -> Build:
    return await flow.restart(
        scene.ports, scene.repo, await scene.build(number), by=OCTOCAT, debug=debug, params=params
    )


async def create(
    scene: Scene, branch: str = "", commit: str = "", message: str = "", action: str = "", **params: str
) -> Build:
    return await flow.create(
        scene.ports,
        scene.repo,
        by=OCTOCAT,
        branch=branch,
        commit=commit,
        message=message,
        action=action,
        params=params,
    )


def changed(old: Build, new: Build) -> dict[str, Any]:
    """The fields in which a build is not like its parent."""
    return {
        field.name: getattr(new, field.name)
        for field in fields(Build)
        if getattr(new, field.name) != getattr(old, field.name) and field.name != "stages"
    }


@pytest.mark.parametrize(("verb", "event"), [(promote, "promote"), (rollback, "rollback")])
async def test_a_deployment_takes_every_other_field_from_its_parent(scene: Scene, verb: Any, event: str) -> None:
    old = await scene.push()
    scene.clock.time += 5

    new = await verb(scene, B="new", C="")

    assert changed(old, new) == {
        "id": new.id,
        "number": 2,
        "parent": 1,
        "trigger": "octocat",
        "event": event,
        "params": {"A": "1", "B": "new", "C": ""},
        "deploy_to": "production",
        "deploy_id": 0,
        "created": NOW + 5,
        "updated": NOW + 5,
    }
    assert await scene.build(2) == new


async def test_a_restart_takes_every_other_field_from_its_parent(scene: Scene) -> None:
    old = await scene.push()
    scene.clock.time += 5

    new = await restart(scene, B="new", C="")

    assert changed(old, new) == {
        "id": new.id,
        "number": 2,
        "parent": 1,
        "trigger": "octocat",
        "params": {"A": "1", "B": "new", "C": ""},
        "created": NOW + 5,
        "updated": NOW + 5,
    }
    assert await scene.build(2) == new


async def test_a_restart_of_a_deployment_is_that_deployment_again(scene: Scene) -> None:
    await scene.push()
    old = await promote(scene, VERSION="1")

    new = await restart(scene, 2, debug=True)

    assert (new.event, new.deploy_to, new.params, new.debug) == ("promote", "production", old.params, True)


async def test_a_creation_takes_its_fields_from_the_caller_and_the_commit(scene: Scene) -> None:
    sha = scene.host.add(pipeline(), branch="topic", message="of the commit")

    made = await create(scene, branch="topic", A="1")

    plain = Build(id=made.id, repo_id=scene.repo.id, number=1)
    assert changed(plain, made) == {
        "trigger": "octocat",
        "sender": "octocat",
        "event": "custom",
        "timestamp": NOW - 60,
        "message": "of the commit",
        "before": sha,
        "after": sha,
        "ref": "refs/heads/topic",
        "source_branch": "topic",
        "target_branch": "topic",
        "author_login": "Ada",
        "author_name": "Ada",
        "author_email": "ada@example.com",
        "params": {"A": "1"},
        "created": NOW,
        "updated": NOW,
    }
    assert await scene.build(1) == made


async def test_a_creation_is_of_the_default_branch_unless_it_says_so(scene: Scene) -> None:
    scene.host.add(pipeline(), branch="main")

    made = await create(scene, message="by hand", action="nightly")

    assert (made.ref, made.target_branch, made.message, made.action) == (
        "refs/heads/main",
        "main",
        "by hand",
        "nightly",
    )


async def test_a_creation_may_name_a_commit_of_a_branch(scene: Scene) -> None:
    old = scene.host.add(pipeline())
    scene.host.add(pipeline(), message="newer")

    made = await create(scene, commit=old[:10])

    assert (made.after, made.before, made.ref) == (old, old, "refs/heads/main")


@pytest.mark.parametrize("words", [{"branch": "nowhere"}, {"commit": "f" * 40}, {"branch": "refs/heads/nowhere"}])
async def test_a_creation_of_what_is_not_there_is_refused(scene: Scene, words: dict[str, str]) -> None:
    scene.host.add(pipeline())

    with pytest.raises(NotFound):
        await create(scene, **words)

    assert await scene.counter() == 0


async def test_a_value_that_starts_with_refs_is_kept(scene: Scene) -> None:
    scene.host.add(pipeline(), branch="topic")

    assert (await create(scene, branch="refs/heads/topic")).ref == "refs/heads/topic"


async def test_chains_inherit_and_each_link_may_override(scene: Scene) -> None:
    await scene.push(params={})

    await promote(scene, VERSION="1", REGION="eu")
    await promote(scene, 2, VERSION="2")
    last = await restart(scene, 3, VERSION="3")

    assert last.params == {"VERSION": "3", "REGION": "eu"}
    assert last.parent == 3


@pytest.mark.parametrize(("value", "expected"), [("true", True), ("True", False), ("1", False), ("", False)])
async def test_debug_is_kept_as_a_parameter_and_honoured_by_a_promotion(
    scene: Scene, value: str, expected: bool
) -> None:
    await scene.push(params={})

    made = await promote(scene, debug=value)

    assert (made.debug, made.params) == (expected, {"debug": value})


@pytest.mark.parametrize("status", ["pending", "running", "success", "failure", "error", "killed", "declined"])
async def test_a_build_of_any_status_can_be_promoted(scene: Scene, status: Any) -> None:
    build = await scene.push()
    await scene.ports.db.write(store.set_status(build, status, now=NOW, finished=True))

    made = await promote(scene)

    assert (made.status, made.started, made.finished, made.version) == ("pending", 0, 0, 1)


@pytest.mark.parametrize("status", ["blocked", "declined"])
async def test_a_build_that_is_not_approved_cannot_be_restarted(scene: Scene, status: Any) -> None:
    build = await scene.push()
    await scene.ports.db.write(store.set_status(build, status, now=NOW, finished=False))

    with pytest.raises(Invalid, match=f"cannot start a {status} build"):
        await restart(scene)


async def test_a_missing_target_is_named(scene: Scene) -> None:
    await scene.push()

    with pytest.raises(Invalid, match="Missing target environment") as refused:
        await promote(scene, target="")

    assert refused.value.code == "missing_target"


async def test_bad_parameters_start_nothing(scene: Scene) -> None:
    await scene.push()

    for verb in (promote, rollback, restart, create):
        with pytest.raises(Invalid, match="DRONE_X"):
            await verb(scene, DRONE_X="1")

    assert await scene.counter() == 1


async def test_what_starts_nothing_says_why_and_takes_no_number(scene: Scene) -> None:
    documents = [pipeline(f"to-{place}", trigger={"target": [place]}) for place in ("staging", "moon")]
    await scene.push(pipeline("build", trigger={"event": ["push"]}), *documents)
    before = await rows(scene)

    with pytest.raises(NothingToRun) as refused:
        await promote(scene)

    assert await scene.counter() == 1
    assert await rows(scene) == before
    assert refused.value.details["targets"] == ("staging", "moon")
    assert [entry["pipeline"] for entry in refused.value.details["pipelines"]] == ["build", "to-staging", "to-moon"]
    assert [problem.field for problem in refused.value.problems] == ["build", "to-staging", "to-moon"]
    assert refused.value.message == 'no pipeline for promote has the target "production". The file has: staging, moon'


async def test_a_file_without_pipelines_says_so(scene: Scene) -> None:
    scene.host.add("kind: secret\nname: one\ndata: x\n")

    with pytest.raises(NothingToRun, match="the file has no pipelines"):
        await create(scene)


async def rows(scene: Scene) -> dict[str, int]:
    """How many rows each table has."""

    def count() -> Tx[dict[str, int]]:
        counted = {}
        for table in ("builds", "stages", "steps", "latest"):
            counted[table] = len((yield from many(f"SELECT * FROM {table}")))
        return counted

    return await scene.ports.db.read(count())


async def test_stages_are_made_of_the_plan(scene: Scene) -> None:
    scene.repo = replace(scene.repo, throttle=3)
    await scene.push(
        pipeline(
            "build",
            type="docker",
            platform={"os": "windows", "arch": "arm64", "variant": "v8", "version": "1809"},
            steps=[{"name": "one", "image": "alpine"}],
        ),
        pipeline("never", trigger={"event": ["tag"]}, depends_on=["build"]),
        pipeline(
            "deploy",
            depends_on=["never"],
            node={"zone": "eu"},
            concurrency={"limit": 2},
            trigger={"status": ["success", "failure"]},
        ),
    )

    build, deploy = (await scene.build(1)).stages

    assert (build.number, build.status, build.depends_on, build.type) == (1, "pending", (), "docker")
    assert (build.os, build.arch, build.variant, build.kernel) == ("windows", "arm64", "v8", "1809")
    assert (build.on_success, build.on_failure, build.limit, build.throttle) == (True, False, 0, 3)
    assert (deploy.number, deploy.status, deploy.depends_on) == (2, "waiting_on_dependencies", ("build",))
    assert (deploy.limit, deploy.labels, deploy.on_success, deploy.on_failure) == (2, {"zone": "eu"}, True, True)
    assert (deploy.version, deploy.created, deploy.updated, deploy.started) == (1, NOW, NOW, 0)


def signed(text: str, key: str = KEY) -> str:
    return f"---\n{text}\n---\nkind: signature\nhmac: {sign(text + chr(10), key)}\n"


async def begun(scene: Scene, text: str, *, protected: bool = True) -> list[str]:
    """How the stages of a push begin, in a repository that is protected or is not."""
    repo = replace(scene.repo, protected=protected)
    draft = pushed(repo, scene.host.add(text))
    made = await flow.start(scene.ports, repo, draft, "build.push", HOOK)
    assert (made.status, made.finished) == ("pending", 0)
    return [stage.status for stage in made.stages]


async def test_a_file_that_is_not_signed_with_the_key_blocks_every_stage(scene: Scene) -> None:
    chain = file(pipeline("build"), pipeline("deploy", depends_on=["build"]))

    assert await begun(scene, chain) == ["blocked", "blocked"]
    assert await begun(scene, signed(chain).replace("true", "evil")) == ["blocked", "blocked"]
    assert await begun(scene, signed(chain, "another key")) == ["blocked", "blocked"]
    assert await begun(scene, signed(chain)) == ["pending", "waiting_on_dependencies"]
    assert await begun(scene, chain, protected=False) == ["pending", "waiting_on_dependencies"]
    assert [stage.status for stage in (await promote(scene)).stages] == ["pending", "waiting_on_dependencies"]


async def test_what_counts_is_the_signature_of_what_a_template_makes(scene: Scene) -> None:
    template = "kind: template\nload: deploy.yaml\n"
    scene.templates["deploy.yaml"] = pipeline()

    assert await begun(scene, signed(template)) == ["blocked"]
    scene.templates["deploy.yaml"] = signed(pipeline())
    assert await begun(scene, template) == ["pending"]


async def test_a_converted_file_is_kept_with_its_build_and_plain_yaml_is_not(scene: Scene) -> None:
    scene.templates["deploy.yaml"] = pipeline("{{ .build.Event }}")
    plain, made = await scene.push(), await scene.push("kind: template\nload: deploy.yaml\n")
    scene.templates["deploy.yaml"] = pipeline("later")
    again = await restart(scene, 2)

    kept = [await scene.ports.db.read(converted.find(build.id)) for build in (plain, made, again)]

    assert kept == [None, pipeline("push"), pipeline("later")]
    assert [stage.name for stage in again.stages] == ["later"]


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        (None, 'template: there is no template "deploy.yaml" in "octocat" (.drone.yml)'),
        ("kind: pipeline\n{{ nope }}", "template: function nope is not supported; there are "),
        ('a: "\0"', "yaml: "),
    ],
)
async def test_a_conversion_that_fails_makes_an_error_build_that_keeps_who_and_what(
    scene: Scene, template: str | None, reason: str
) -> None:
    if template:
        scene.templates["deploy.yaml"] = template

    made = await scene.push("kind: template\nload: deploy.yaml\n")

    assert (made.status, made.stages, made.trigger, made.params) == ("error", (), "@hook", {"A": "1", "B": "2"})
    assert made.error.startswith(reason)
    assert await scene.build(1) == made
    assert await scene.ports.db.read(converted.find(made.id)) is None


async def test_a_conversion_that_starts_nothing_says_so(scene: Scene) -> None:
    scene.templates["deploy.yaml"] = "# nothing {{ .build.Event }}\n"

    with pytest.raises(NothingToRun, match="the file has no pipelines"):
        await scene.push("kind: template\nload: deploy.yaml\n")

    assert await scene.counter() == 0


async def test_a_reason_may_hold_any_character(scene: Scene) -> None:
    repo = replace(scene.repo, config_path="a.star")
    draft = pushed(repo, scene.host.add('def main(ctx):\n  fail("a\\000b \u00e9")\n'))

    made = await flow.start(scene.ports, repo, draft, "build.push", HOOK)

    assert made.error == "starlark: fail: a\ufffdb \u00e9 (a.star:2)"


async def test_a_file_that_cannot_run_makes_an_error_build_that_keeps_who_and_what(scene: Scene) -> None:
    made = await scene.push(BROKEN)

    assert (made.status, made.number, made.stages) == ("error", 1, ())
    assert ".drone.yml" in made.error
    assert {made.started, made.finished, made.created, made.updated} == {NOW}
    assert (made.trigger, made.params, made.cron) == ("@hook", {"A": "1", "B": "2"}, "nightly")
    assert await scene.build(1) == made


async def test_an_error_build_can_be_promoted_and_restarted_with_its_parameters(scene: Scene) -> None:
    await scene.push(BROKEN)

    again = await promote(scene, C="3")

    assert (again.status, again.params, again.deploy_to) == ("error", {"A": "1", "B": "2", "C": "3"}, "production")
    scene.host.files[again.after] = pipeline()
    scene.ports.configs._files.clear()
    assert (await restart(scene, 2)).error == ""
    assert (await scene.build(3)).status == "pending"


@pytest.mark.parametrize("failure", [Unreadable("gone"), Unavailable("not now"), NotFound("no such commit")])
async def test_a_file_that_cannot_be_read_starts_nothing(scene: Scene, failure: Exception) -> None:
    await scene.push()
    scene.host.failure = failure
    scene.ports.configs._files.clear()

    with pytest.raises(type(failure)):
        await promote(scene)

    assert await scene.counter() == 1


@pytest.mark.parametrize("text", ["", " \n\t"])
async def test_an_empty_file_starts_nothing(scene: Scene, text: str) -> None:
    scene.host.add(text)

    with pytest.raises(Unreadable, match="is empty") as refused:
        await create(scene)

    assert refused.value.code == "config_empty"


@pytest.mark.parametrize("text", ["x" * 3000, "é" * 3000, "☃" * 2000])
async def test_titles_and_messages_are_cut_to_2000_characters(scene: Scene, text: str) -> None:
    made = await scene.push(title=text, message=text)
    broken = await scene.push(BROKEN, title=text, message=text)

    assert made.title == made.message == broken.message == text[:2000]
    assert (await scene.build(1)).message == text[:2000]


async def test_an_error_build_of_a_push_is_cut_too(scene: Scene) -> None:
    made = await flow.fail(
        scene.ports, scene.repo, replace(pushed(scene.repo, "a" * 40), message="x" * 3000), "no", "build.push", HOOK
    )

    assert len(made.message) == 2000


async def test_a_failure_in_the_middle_leaves_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    await scene.push(pipeline("first"), pipeline("second"), params={})
    before = await rows(scene)
    real = stages.create

    def failing(stage: Any, build_id: int) -> Any:
        made = yield from real(stage, build_id)
        if stage.name == "second":
            raise RuntimeError("in the middle")
        return made

    monkeypatch.setattr(stages, "create", failing)
    with pytest.raises(RuntimeError):
        await promote(scene)

    assert await rows(scene) == before
    assert await scene.counter() == 1
    monkeypatch.undo()
    assert (await promote(scene)).number == 2


async def test_an_error_of_the_database_in_the_middle_leaves_nothing(scene: Scene) -> None:
    build = await scene.push(pipeline("first"), pipeline("second"))
    before = await rows(scene)
    twice = [replace(build.stages[0], number=1), replace(build.stages[1], number=1)]

    with pytest.raises(Exception, match=r"(?i)unique"):
        await scene.ports.db.write(flow._insert(build, twice))

    assert await rows(scene) == before
    assert await scene.counter() == 1


async def test_a_new_build_is_told_of_after_it_is_there(scene: Scene) -> None:
    with scene.ports.moments.watched.subscribe() as changes, scene.ports.moments.waiting.subscribe() as queued:
        made = await scene.push()
        scene.ports.moments.watched.close()
        told = [change async for change in changes]
        assert await heard(queued) == made.id

    assert [change.build for change in told] == [made]
    assert [change.repo for change in told] == [await scene.ports.db.read(repos.find(scene.repo.id))]


async def test_a_restart_of_a_cancelled_build_starts_fresh(scene: Scene) -> None:
    await scene.push()
    await stop.cancel(scene.ports, scene.repo, 1, OCTOCAT)

    made = await restart(scene)

    assert (made.status, made.started, made.finished, made.version) == ("pending", 0, 0, 1)
    assert [stage.status for stage in made.stages] == ["pending"]
