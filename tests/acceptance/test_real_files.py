"""Kinds of pipeline files that are in use: a whole server treats each as Drone does."""

from typing import Any

import pytest

from tests.acceptance.conftest import SLUG, Begin
from tests.acceptance.server import Server
from tests.scm.repository import Repository

EXEC = "kind: pipeline\ntype: exec\nname: x\nclone: {disable: true}\nsteps:\n"


class Place:
    """A server with a repository; each file is a commit that is promoted."""

    def __init__(self, server: Server, repository: Repository) -> None:
        self.server = server
        self.repository = repository

    def promoted(self, text: str, target: str = "production") -> Any:
        """The build of a promotion with this pipeline file, once it is over."""
        sha = self.repository.commit({".drone.yml": text})
        self.server.execute(f"UPDATE builds SET after_sha = '{sha}' WHERE number = 1")
        return self.server.finished(SLUG, self.server.promote(SLUG, 1, target)["number"])

    def printed(self, text: str) -> str:
        """What the only step of the file prints after its trace."""
        build = self.promoted(text)
        assert build["status"] == "success", build
        return self.server.output(SLUG, build["number"])


@pytest.fixture(scope="module")
def place(begin: Begin) -> Place:
    return Place(*begin(EXEC + "- {name: a, commands: ['true']}\n"))


def stages(build: Any) -> dict[str, str]:
    return {stage["name"]: stage["status"] for stage in build["stages"]}


def test_two_dollars_are_one_dollar_for_the_shell(place: Place) -> None:
    out = place.printed(
        EXEC + "- name: a\n  environment: {WHO: me}\n  commands:\n  - echo one=$$WHO two=$${WHO}\n"
        "  - for i in 1 2; do echo $$i; done\n"
    )

    assert [line for line in out.splitlines() if not line.startswith("+")] == ["one=me two=me", "1", "2"]


def test_two_backslashes_are_one_backslash_for_the_shell(place: Place) -> None:
    out = place.printed(
        EXEC + "- name: a\n  commands:\n  - echo a1b | grep -o '[0-9]\\\\{1\\\\}' || echo none\n"
        "  - echo x | sed 's/x/\\\\&/'\n"
    )

    assert [line for line in out.splitlines() if not line.startswith("+")] == ["1", "&"]


def test_a_shell_s_own_default_is_a_bad_substitution_that_says_how_to_write_it(place: Place) -> None:
    build = place.promoted(EXEC + "- name: a\n  commands:\n  - echo v=[${VERSION-latest}]\n")

    [stage] = build["stages"]
    assert (build["status"], stage["status"]) == ("error", "error")
    assert stage["error"].startswith('bad substitution at line 8: "${VERSION-latest}]": there is no operator -')


def test_a_block_of_several_lines_is_announced_as_these_lines(place: Place) -> None:
    out = place.printed(
        EXEC + '- name: a\n  commands:\n  - |\n    for i in 1 2; do\n      echo "i=$i"\n    done\n  - echo done\n'
    )

    assert out == '+ for i in 1 2; do\n  echo "i=$i"\ndone\ni=1\ni=2\n+ echo done\ndone\n'


def test_pipelines_that_the_event_does_not_start_are_not_checked_for_their_steps(place: Place) -> None:
    build = place.promoted(
        EXEC
        + """\
- {name: a, commands: ["echo shipped"]}
trigger: {event: [promote]}
---
kind: pipeline
type: docker
name: no-image
steps:
- {name: build, commands: ["true"]}
trigger: {event: [push]}
---
kind: pipeline
type: docker
name: two-of-one-name
steps:
- {name: build, image: alpine, commands: ["true"], when: {event: push}}
- {name: build, image: alpine, commands: ["true"], when: {event: tag}}
trigger: {event: [push]}
---
kind: pipeline
type: docker
name: waits-for-a-later-step
steps:
- {name: check, image: alpine, commands: ["true"], depends_on: [build]}
- {name: build, image: alpine, commands: ["true"]}
trigger: {event: [push]}
"""
    )

    assert (build["status"], stages(build)) == ("success", {"x": "success"})


def test_a_docker_pipeline_that_is_started_gets_its_own_error_and_the_others_run(place: Place) -> None:
    build = place.promoted(
        EXEC
        + """\
- {name: a, commands: ["echo shipped"]}
---
kind: pipeline
type: docker
name: odd
steps:
- {name: build, image: alpine, environment: [A], privileged: "yes", ports: ["80:80"]}
"""
    )

    assert (build["status"], stages(build)) == ("error", {"x": "success", "odd": "error"})
    assert build["stages"][1]["error"].splitlines() == [
        'yaml: wrong type (.drone.yml:12: steps[0].privileged must be true or false, without quotes, not "yes")',
        "yaml: wrong type (.drone.yml:12: steps[0].environment must be a mapping, not a list)",
        "yaml: wrong type (.drone.yml:12: steps[0].ports[0] must be a number, or a mapping of port, host and protocol, "
        'not "80:80")',
    ]


def test_secrets_without_a_value_and_signatures_without_an_hmac_harm_only_who_needs_them(place: Place) -> None:
    rest = """\
---
kind: secret
name: not-filled-in-yet
---
kind: secret
type: external
external_data:
  token: {path: secret/data/x, name: token}
---
kind: signature
"""
    step = '- {name: a, commands: ["echo [$S]"], environment: {S: {from_secret: not-filled-in-yet}}}\n'

    assert place.printed(EXEC + step + rest) == "+ echo [$S]\n[]\n"


@pytest.mark.parametrize("arch", ["ppc64le", "s390x"])
def test_docker_pipelines_may_be_for_every_processor_that_drone_knows(place: Place, arch: str) -> None:
    build = place.promoted(
        EXEC + '- {name: a, commands: ["echo shipped"]}\n---\nkind: pipeline\ntype: docker\nname: power\n'
        f"platform: {{os: linux, arch: {arch}}}\nsteps:\n- {{name: a, image: alpine}}\ntrigger: {{event: [tag]}}\n"
    )

    assert (build["status"], stages(build)) == ("success", {"x": "success"})


def test_a_file_of_many_documents_runs_and_can_be_signed(place: Place) -> None:
    text = "---\n".join(
        f"kind: pipeline\ntype: exec\nname: p{number}\nclone: {{disable: true}}\nsteps:\n"
        f'- {{name: a, commands: ["true"]}}\ntrigger: {{target: [t{number}]}}\n'
        for number in range(118)
    )

    build = place.promoted(text, "t7")

    assert (build["status"], stages(build)) == ("success", {"p7": "success"})
    assert len(place.server.json("POST", f"/api/repos/{SLUG}/sign", json={"data": text})["data"]) == 64
