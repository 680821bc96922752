"""Values of `${…}` in commands, given to real shells: each stays one word of text, and nothing of it is run."""

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pipeline.substitute import BadSubstitution
from app.pipeline.values import Values
from app.runners.exec import quoting
from app.runners.exec.quoting import Script

SHELLS = [shell for shell in ("sh", "bash") if shutil.which(shell)]
EVIL = """it's "$HOME" $(touch pwned) `touch pwned` ; touch pwned & \\ * ~ # }
EOF
touch pwned"""


def script(command: str, **values: str) -> Script:
    found = Values(command, values)
    return quoting.commands([found.text], found)


def run(made: Script, folder: Path, shell: str) -> str:
    done = subprocess.run(
        [shell, "-ec", made.commands[0]],
        env={"PATH": os.environ["PATH"], "HOME": "/home", **made.variables},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not list(folder.iterdir())
    return done.stdout


#: Commands in the language of pipeline files, and what they print of the value X.
PLACES = {
    "printf [%s] ${X}": "[X]",
    "printf [%s] a${X}b": "[aXb]",
    "printf [%s] ${X}${X}": "[XX]",
    'printf [%s] "${X}"': "[X]",
    'printf [%s] "a ${X} b"': "[a X b]",
    "printf [%s] '${X}'": "[X]",
    "printf [%s] 'a ${X} \"b\"'": '[a X "b"]',
    "printf [%s] 'a'\"${X}\"'b'": "[aXb]",
    'printf [%s] "$(printf %s ${X})"': "[X]",
    'printf [%s] "$(printf %s "a${X}")" ${X}': "[aX][X]",
    'printf [%s] "`printf %s ${X}`" "${X}"': "[X][X]",
    "printf [%s] \"$(printf %s 'it${X}')\"": "[itX]",
    'printf [%s] "${X} # no comment"': "[X # no comment]",
    "# it's ${X}\nprintf [%s] '${X}' # don't ${X}": "[X]",
    "true $# a#b' ${X}'\nprintf [%s] ${X}": "[X]",
    "V=${X}; printf [%s] \"$V\"": "[X]",
    "(printf [%s] ${X})": "[X]",
    "case ${X} in a) ;; *) printf [%s] '${X}';; esac": "[X]",
    'printf [%s] "$${UNSET:-${X}}"': "[X]",
    "printf [%s] \\\\${X}": "[X]",
    'printf [%s] "\\\\${X}"': "[\\X]",
    "printf [%s] \\\\'${X}": "['X]",
    "cat <<EOF\nit's [${X}] \"q\"\nEOF\nprintf [%s] ${X}": "it's [X] \"q\"\n[X]",
    "cat <<-EOF\n\t[${X}]\n\tEOF\nprintf [%s] '${X}'": "[X]\n[X]",
    "cat <<A; cat <<B\n${X}\nA\n'${X}'\nB\nprintf [%s] '${X}'": "X\n'X'\n[X]",
    "cat <<EOF\n\\\\${X}\nEOF": "\\X\n",
    "printf [%s] $((1 << 2)) ${X}": "[4][X]",
}  # fmt: skip


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("command", "expected"), PLACES.items())
@pytest.mark.parametrize("value", [EVIL, "1.2.3", "", "\\"])
def test_a_value_is_text_wherever_it_stands(
    tmp_path: Path, shell: str, command: str, expected: str, value: str
) -> None:
    made = script(command, X=value)

    assert run(made, tmp_path, shell) == expected.replace("X", value)


def test_the_log_shows_the_command_with_its_values() -> None:
    made = script("deploy ${X} '${Y}' ${X}", X="1.2", Y="a b")

    assert made.shown == ("deploy 1.2 'a b' 1.2",)
    assert made.variables == {"GANTRY_VALUE_1": "1.2", "GANTRY_VALUE_2": "a b"}


@pytest.mark.parametrize("shell", SHELLS)
def test_an_integer_may_stand_in_arithmetic(tmp_path: Path, shell: str) -> None:
    assert run(script('printf [%s] $((${N} + 1)) "$((${N}*2))"', N="41"), tmp_path, shell) == "[42][82]"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_harmless_value_may_stand_in_a_document_that_the_shell_leaves_alone(tmp_path: Path, shell: str) -> None:
    assert run(script("cat <<'EOF'\n$HOME ${X}\nEOF", X="v1.2-rc_1/x"), tmp_path, shell) == "$HOME v1.2-rc_1/x\n"


@pytest.mark.parametrize(
    ("command", "value", "where"),
    [
        ("echo $((${X} + 1))", "a[$(id)]", "in arithmetic, unless the value is an integer"),
        ("echo $((${X} + 1))", "PATH", "in arithmetic, unless the value is an integer"),
        ("((${X} > 1))", "a[$(id)]", "in arithmetic, unless the value is an integer"),
        ("echo $[${X}]", "a[$(id)]", "in arithmetic, unless the value is an integer"),
        ("cat <<EOF\n$((${X}))\nEOF", "a[$(id)]", "in arithmetic, unless the value is an integer"),
        ("cat <<'EOF'\n${X}\nEOF", "a b", "in a here-document that ends with a quoted EOF"),
        ("cat <<'EOF'\n${X}\nEOF", "EOF", "in a here-document that ends with a quoted EOF"),
        ("cat <<-\\\\EOF\n\t${X}\nEOF", "EOF", "in a here-document that ends with a quoted EOF"),
        ("cat <<${X}\nEOF", "EOF", "as the end of a here-document"),
        ("echo $'${X}'", "a", "in $'…'"),
        ("echo $$${X}", "(id)", "after a $"),
        ('echo "$$${X}"', "(id)", "after a $"),
        ("cat <<EOF\n$$${X}\nEOF", "(id)", "after a $"),
    ],
)
def test_where_no_value_can_be_quoted_the_command_is_refused(command: str, value: str, where: str) -> None:
    with pytest.raises(BadSubstitution) as caught:
        script(command, X=value)

    assert f"a value cannot be quoted {where}, in the command " in str(caught.value)
    assert str(caught.value).endswith('let the command name a variable, as in "$VERSION"')


PIECES = [
    "${X}",
    "'",
    '"',
    "`",
    "$",
    "(",
    ")",
    "((",
    "))",
    "#",
    " ",
    "\n",
    "\\\\",
    "<<E",
    "<<'E'",
    "\nE\n",
    "[",
    "]",
    "a",
    "{",
    "}",
]


@given(st.lists(st.sampled_from(PIECES), max_size=20).map("".join), st.sampled_from(["$(x)", "`x`", "a;b", "'x'"]))
def test_no_value_is_written_into_a_script_as_code(command: str, value: str) -> None:
    with suppress(BadSubstitution):
        assert all(value not in text for text in script(command.replace("$$", "$"), X=value).commands)


def test_a_long_command_is_read_in_a_moment() -> None:
    script("echo 'a' \"b\" $(c) # d\n" * 20_000 + "echo ${X}", X=EVIL)
