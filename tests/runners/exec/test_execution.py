"""Whole stages: real processes, and a manager that keeps versions."""

import asyncio
import threading
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.builds.model import Build
from app.errors import Conflict
from app.runners.exec import execution, workspace
from app.runners.exec.needles import Needles
from app.runners.exec.options import Options
from app.runners.exec.plugins import Plugins, Variables
from app.runners.exec.workspace import Workspace
from app.runners.manager import Context
from tests.runners.exec.farside import FakeManager, alive, finish, names, order, pipeline, ran, secrets, step
from tests.runners.exec.test_script import commit, git
from tests.soon import soon


async def test_the_calls_come_in_the_recorded_order(tmp_path: Path) -> None:
    manager = await ran(
        tmp_path,
        step("count", "echo one"),
        step("fail", "exit 3"),
        step("after", "echo never"),
        step("always", "echo always $DRONE_BUILD_STATUS", when={"status": ["success", "failure"]}),
    )

    calls = [call for call in manager.calls if call not in ("watch", "request")]
    assert calls == [
        "accept",
        "details",
        "stage running",
        *("step count running", "log count", "upload count", "step count success"),
        *("step fail running", "log fail", "upload fail", "step fail failure"),
        "step after skipped",
        *("step always running", "log always", "upload always", "step always success"),
        "stage failure",
    ]
    assert manager.log("always") == "+ echo always $DRONE_BUILD_STATUS\nalways failure\n"
    codes = {one.name: (one.exit_code, one.version) for one in manager.stage.steps}
    assert codes == {"count": (0, 4), "fail": (3, 4), "after": (0, 3), "always": (0, 4)}
    assert (manager.stage.exit_code, manager.stage.version, manager.stage.machine) == (0, 4, "lab")
    assert names(tmp_path) == []


async def test_a_promoted_step_uses_params_and_secrets(tmp_path: Path) -> None:
    manager = FakeManager(
        pipeline(
            step(
                "release",
                "echo releasing $VERSION to $DRONE_DEPLOY_TO with $TOKEN",
                environment={"TOKEN": {"from_secret": "TOKEN"}},
            ),
            step("later", "printf 's3c'; sleep 0.1; echo 'ret'"),
        )
    )
    manager.build = replace(manager.build, params={"VERSION": "1.2.3", "TOKEN": "param"}, deploy_to="production")
    manager.secrets = secrets({"token": "s3cret"})

    await finish(manager, tmp_path)

    assert manager.log("release") == (
        "+ echo releasing $VERSION to $DRONE_DEPLOY_TO with $TOKEN\nreleasing 1.2.3 to production with [secret:token]\n"
    )
    assert "[secret:token]\n" in manager.log("later")
    assert "s3cret" not in f"{manager.logs} {manager.live}"


@pytest.mark.parametrize(
    "file",
    [
        pipeline(step("a")).replace("disable: true", "depth: ${TOKEN}"),
        pipeline(step("a", depends_on=["${TOKEN}"])),
    ],
)
async def test_a_masked_variable_of_an_extension_does_not_show_in_the_error_of_a_stage(
    tmp_path: Path, file: str
) -> None:
    class Given(Plugins):
        async def variables(self, context: Context) -> Variables:
            return Variables({"TOKEN": "s3cret"}, frozenset({"TOKEN"}))

    manager = await finish(FakeManager(file), tmp_path, Options(plugins=Given()))

    assert manager.stage.status == "error"
    assert "[secret:token]" in manager.stage.error
    assert "s3cret" not in manager.stage.error


async def test_secrets_are_never_written_to_disk(tmp_path: Path) -> None:
    manager = FakeManager(
        pipeline(
            step(
                "a",
                'grep -rl "$TOKEN" "$DRONE_WORKSPACE/../.." || echo nowhere',
                environment={"TOKEN": {"from_secret": "t"}},
            )
        )
    )
    manager.secrets = secrets({"t": "s3cret"})

    await finish(manager, tmp_path)

    assert manager.log("a").endswith("nowhere\n")


async def test_steps_share_their_folder_and_nothing_else(tmp_path: Path) -> None:
    manager = await ran(
        tmp_path,
        step("a", "X=1", "echo built > out.txt", "echo $SECRET_OF_HOST-$PATH"),
        step("b", "cat out.txt", 'echo "[$X]"', 'test "$PWD" = "$DRONE_WORKSPACE"', 'test -d "$HOME"'),
    )

    assert manager.stage.status == "success"
    assert "\n-/usr/local/bin:/usr/bin:/bin\n" in manager.log("a")
    assert "\nbuilt\n" in manager.log("b")
    assert "\n[]\n" in manager.log("b")


@pytest.mark.parametrize(
    ("command", "status", "code"),
    [("exit 0", "success", 0), ("exit 255", "failure", 255), ("kill -9 $$$$", "failure", -1)],
)
async def test_exit_codes(tmp_path: Path, command: str, status: str, code: int) -> None:
    manager = await ran(tmp_path, step("a", command))

    assert (manager.step("a").status, manager.step("a").exit_code) == (status, code)
    assert (manager.stage.status, manager.stage.exit_code, manager.stage.error) == (status, 0, "")


async def test_enough_ends_the_stage_well(tmp_path: Path) -> None:
    manager = await ran(
        tmp_path,
        step("a", "exit 78"),
        step("b", "echo never"),
        step("c", when={"status": ["success", "failure"]}),
    )

    assert manager.statuses() == {"a": "success", "b": "skipped", "c": "skipped"}
    assert (manager.stage.status, manager.step("a").exit_code) == ("success", 78)
    assert order(manager) == ["step a running", "step a success"]


async def test_an_ignored_failure_lets_the_stage_go_on(tmp_path: Path) -> None:
    manager = await ran(tmp_path, step("a", "exit 1", failure="Ignore"), step("b", "echo b"))

    assert manager.statuses() == {"a": "failure", "b": "success"}
    assert (manager.stage.status, manager.step("a").errignore) == ("success", True)


async def test_a_failure_that_is_fast_ends_the_stage_at_once(tmp_path: Path) -> None:
    manager = await ran(
        tmp_path,
        step("beside", "touch up; sleep 600", depends_on=["nothing"]),
        step("a", "until [ -e up ]; do sleep 0.01; done; exit 7", failure="fail-fast", depends_on=["nothing"]),
        step("page", "echo never", when={"status": ["failure"]}, depends_on=["a"]),
        step("nothing", "true"),
    )

    assert manager.statuses() == {"beside": "killed", "a": "failure", "page": "skipped", "nothing": "success"}
    assert (manager.stage.status, manager.stage.error, manager.step("a").exit_code) == ("failure", "", 7)


async def test_a_fast_step_that_succeeds_ends_nothing(tmp_path: Path) -> None:
    manager = await ran(tmp_path, step("a", "true", failure="fast"), step("b", "exit 78", failure="fast"))

    assert (manager.stage.status, manager.statuses()) == ("success", {"a": "success", "b": "success"})


async def test_a_card_in_the_output_is_stored_and_does_not_show_in_the_log(tmp_path: Path) -> None:
    card = b64encode(b'{"schema":"https://cards.example.com/c.json","data":{"covered":"97 % of s3cret"}}').decode()
    manager = FakeManager(
        pipeline(
            step(
                "test",
                "echo before",
                f"printf '\\033]1338;%s\\033]0m\\n' {card} > $DRONE_CARD_PATH",
                "echo after",
                environment={"TOKEN": {"from_secret": "t"}},
            )
        )
    )
    manager.secrets = secrets({"t": "s3cret"})

    await finish(manager, tmp_path)

    assert manager.cards == {manager.step("test").id: '{"covered":"97 % of [secret:t]"}'}
    assert manager.step("test").schema == "https://cards.example.com/c.json"
    shown = [line for line in manager.log("test").splitlines() if not line.startswith("+")]
    assert shown == ["before", "after"]


async def test_a_card_that_cannot_be_stored_costs_nothing_but_itself(tmp_path: Path) -> None:
    card = b64encode(b'{"schema":"https://cards.example.com/c.json","data":1}').decode()
    manager = FakeManager(pipeline(step("test", f"printf '\\033]1338;%s\\033]0m' {card}")))
    manager.failures["card test"] = [Conflict("the card is too large")]

    await finish(manager, tmp_path)

    assert (manager.stage.status, manager.step("test").schema, manager.cards) == ("success", "", {})


async def test_steps_of_other_events_are_not_reported_and_hold_up_nobody(tmp_path: Path) -> None:
    manager = await ran(
        tmp_path,
        step("a", "echo a", when={"event": ["push"]}),
        step("b", "echo b", depends_on=["a"]),
        step("c", "echo c", when={"instance": ["drone.example.com"]}, depends_on=["b"]),
    )

    assert [(one.number, one.name, one.status) for one in manager.stage.steps] == [
        (1, "b", "success"),
        (2, "c", "success"),
    ]


async def test_steps_for_failures_run_only_then(tmp_path: Path) -> None:
    page = step("page", "echo $DRONE_FAILED_STEPS", when={"status": ["failure"]})

    good = await ran(tmp_path, step("a", "true"), page)
    bad = await ran(tmp_path, step("a", "false"), page)

    assert good.statuses() == {"a": "success", "page": "skipped"}
    assert bad.statuses() == {"a": "failure", "page": "success"}
    assert bad.log("page").endswith("\na\n")


async def test_the_graph_runs_side_by_side_where_it_allows(tmp_path: Path) -> None:
    """Each of b and c waits for a word of the other, so they end only when both run at once."""

    def meet(own: str, other: str) -> str:
        return f"touch {own}; until [ -e {other} ]; do sleep 0.01; done"

    manager = await ran(
        tmp_path,
        step("d", "ls", depends_on=["b", "c"]),
        step("b", meet("b", "c"), depends_on=["a"]),
        step("c", meet("c", "b"), depends_on=["a"]),
        step("a", "true"),
    )

    assert manager.stage.status == "success"
    calls = order(manager)
    assert calls[:2] == ["step a running", "step a success"]
    assert calls[-2:] == ["step d running", "step d success"]
    assert [one.number for one in manager.stage.steps] == [1, 2, 3, 4]


async def test_a_detached_step_runs_beside_the_others_and_ends_with_the_stage(tmp_path: Path) -> None:
    manager = await ran(
        tmp_path,
        step("service", "echo $$$$ > pid", "echo up", "sleep 600", detach=True),
        step("use", "until [ -s pid ]; do sleep 0.01; done", "kill -0 $(cat pid)", "cat pid"),
    )

    assert manager.statuses() == {"service": "success", "use": "success"}
    assert (manager.step("service").exit_code, manager.step("service").detached) == (0, True)
    assert "up\n" in manager.log("service")
    assert order(manager) == ["step service running", "step use running", "step use success"]
    assert manager.calls.index("upload service") < manager.calls.index("stage success")
    assert not alive(int(manager.log("use").split()[-1]))


async def test_the_code_of_a_detached_step_does_not_count(tmp_path: Path) -> None:
    manager = await ran(tmp_path, step("service", "exit 9", detach=True), step("use", "sleep 0.1"))

    assert manager.statuses() == {"service": "success", "use": "success"}
    assert manager.stage.status == "success"


@pytest.mark.parametrize("shell", ["bash", "/bin/bash"])
async def test_a_step_may_name_its_shell(tmp_path: Path, shell: str) -> None:
    manager = await ran(tmp_path, step("a", 'x=(1 2); echo "${x[1]} $BASH_VERSION"'.replace("${", "$${"), shell=shell))

    assert manager.stage.status == "success", manager.stage.error


async def test_a_shell_that_is_unknown_is_an_error_that_names_the_known(tmp_path: Path) -> None:
    manager = await ran(
        tmp_path, step("a", shell="python"), step("b"), step("c", "echo c", when={"status": ["failure"]})
    )

    error = "shell 'python' is not one of sh, bash, dash, ash, zsh, ksh, nor an absolute path"
    assert manager.statuses() == {"a": "error", "b": "skipped", "c": "success"}
    assert (manager.step("a").error, manager.step("a").exit_code) == (error, 255)
    assert (manager.stage.status, manager.stage.error, manager.stage.exit_code) == ("error", error, 255)


async def test_steps_whose_names_differ_in_case_have_their_own_scripts(tmp_path: Path) -> None:
    manager = await ran(tmp_path, step("Build", "echo upper"), step("build", "echo lower"), step("../evil/x", "true"))

    assert manager.log("Build").endswith("\nupper\n")
    assert manager.log("build").endswith("\nlower\n")
    assert manager.stage.status == "success"


async def test_an_error_while_a_workspace_is_made_leaves_no_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused, made = threading.Event(), threading.Event()
    create = Workspace.create

    def late(self: Workspace, *arguments: Any) -> None:
        refused.wait(20)
        time.sleep(0.1)  # so long that a removal would come first
        create(self, *arguments)
        made.set()

    def refuse(secrets: Mapping[str, str]) -> Needles:
        refused.set()
        raise MemoryError

    monkeypatch.setattr(Workspace, "create", late)
    monkeypatch.setattr(execution, "Needles", refuse)

    manager = await ran(tmp_path, step("a", "true"))

    await soon(made.is_set)
    assert (manager.stage.status, names(tmp_path)) == ("error", [])


# The clone step


async def test_a_real_repository_is_cloned_built_and_forgotten(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    origin.mkdir()
    git(origin, "init", "-q", "-b", "main")
    sha = commit(origin, "hello from git\n")
    manager = FakeManager(pipeline(step("a", "cat file", "git status --short"), clone=True))
    manager.repo = replace(manager.repo, git_http_url=origin.as_uri())
    manager.build = replace(manager.build, after=sha)

    await finish(manager, tmp_path / "base")

    assert manager.statuses() == {"clone": "success", "a": "success"}
    assert manager.log("a") == "+ cat file\nhello from git\n+ git status --short\n"
    log = manager.log("clone")
    assert log.startswith("+ git init\n")
    assert log.endswith(f"+ git checkout {sha} -b main\nSwitched to a new branch 'main'\n")
    assert names(tmp_path / "base") == []


async def test_a_repository_that_is_gone_fails_the_clone_step(tmp_path: Path) -> None:
    manager = FakeManager(pipeline(step("a"), clone=True))
    manager.repo = replace(manager.repo, git_http_url=(tmp_path / "gone").as_uri())

    await finish(manager, tmp_path / "base")

    assert manager.statuses() == {"clone": "failure", "a": "skipped"}
    assert manager.step("clone").exit_code == 128


async def test_a_child_with_its_own_session_ends_with_the_stage(tmp_path: Path) -> None:
    manager = await ran(
        tmp_path,
        step(
            "a",
            "setsid sh -c 'touch away; exec sleep 600' >/dev/null 2>&1 & echo $! > pid",
            "until [ -e away ]; do sleep 0.01; done",
        ),
        step("b", "kill -0 $(cat pid)", "cat pid"),
    )

    assert manager.stage.status == "success"
    assert not alive(int(manager.log("b").split()[-1]))


async def test_a_hundred_megabytes_end_as_the_end_of_a_log(tmp_path: Path) -> None:
    manager = await ran(tmp_path, step("a", "yes | head -c 100000000", "echo the end"))

    lines = manager.logs[manager.step("a").id]
    assert manager.stage.status == "success"
    assert manager.sizes[manager.step("a").id] <= 5 * 1024 * 1024
    assert "only the end of a long log is kept" in lines[0]["out"]
    assert lines[-1]["out"] == "the end\n"
    assert len(manager.batches) < 60


async def test_binary_and_endless_lines_are_shown_as_text(tmp_path: Path) -> None:
    manager = await ran(tmp_path, step("a", r"printf '\377\0\1'; head -c 200000 /dev/zero"))

    log = manager.log("a")
    assert log.split("\n", 1)[1] == "\ufffd\0\1" + "\0" * 200000


async def test_leftovers_of_a_step_do_not_hold_up_the_stage(tmp_path: Path) -> None:
    manager = await ran(
        tmp_path,
        step("a", "mkdir -p x/y", "chmod 0 x/y x", "sleep 600 & setsid sleep 600 &"),
        step("b", "true"),
    )

    assert manager.stage.status == "success"
    assert names(tmp_path) == []


def test_the_prefix_of_a_workspace_is_that_of_the_contract(tmp_path: Path) -> None:
    assert workspace.Workspace(tmp_path).root.name.startswith("drone-")


async def test_other_stages_failures_show_in_the_environment(tmp_path: Path) -> None:
    manager = FakeManager(pipeline(step("a", "echo $DRONE_BUILD_STATUS $DRONE_DEPLOY_ID-$DRONE_BUILD_TRIGGER")))
    manager.build = Build(2, 1, 2, status="failure", deploy_id=7, trigger="ada", event="promote")

    await finish(manager, tmp_path)

    assert manager.log("a").endswith("\nfailure 7-ada\n")


async def test_a_stage_leaves_no_task_and_no_descriptor(tmp_path: Path) -> None:
    await ran(tmp_path, step("a", "true"))
    tasks, files = asyncio.all_tasks(), names(Path("/proc/self/fd"))

    await ran(tmp_path, step("a", "true"), step("b", "sleep 600", detach=True))

    assert asyncio.all_tasks() == tasks
    assert names(Path("/proc/self/fd")) == files
