"""Values of `${…}` in commands, given to real shells: each stays one word of text, and nothing of it is run."""

import os
import re
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pipeline.substitute import BadSubstitution
from app.pipeline.values import Values
from app.runners.exec import quoting, reckoning
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
    checked = "check and " if "arithmetic" in where else ""
    assert str(caught.value).endswith(f'let the command {checked}name a variable, as in "$VERSION"')


#: What bash takes for an array whose subscript it has to reckon, and what it would run.
SUBSCRIPT = "a[$(touch pwned)]"
RECKONED = [
    "[[ ${X} -gt 3 ]]",
    '[[ 3 -le "${X}" ]]',
    "[[\t${X} -gt 3 ]]",
    "[[ -n a && ( ${X} -eq 3 || -z a ) ]]",
    "if [[ ${X} -ne 3 ]]; then echo; fi",
    "arr[${X}]=1",
    'arr["${X}"]+=1',
    "arr=([${X}]=1)",
    "declare -a arr=(a [1]=2 [${X}]=1)",
    "A=xy; echo $${A:${X}}",
    'A=xy; echo "$${A:${X}:1}"',
    'A=xy; echo "$${A:0:${X}}"',
    'A=xy; echo "$${A:$${#A}:${X}}"',
    'arr=(1); echo "$${arr[${X}]}"',
    "arr=(1); cat <<EOF\n$${arr[${X}]}\nEOF",
    "cat <<EOF\n$${PATH:${X}}\nEOF",
    "declare -i n=${X}",
    "declare -r -i n='${X}'",
    "declare -i n; n=${X}",
    "declare -i n; for n in ${X}; do echo; done",
    "declare -i n; read n <<< ${X}",
    "declare -i n; n=(${X})",
    "declare -ai n=(1 ${X})",
    "declare -i n\nif true; then n+=${X}; fi",
    "f() { local -i n=${X}; }; f",
    "let n=${X}",
    'true && let "n=$(echo 1) + ${X}"',
    "if ! let 'n=${X}'; then echo; fi",
    'unset "arr[${X}]"',
]
NAMED = [
    "test -v ${X}",
    '[ -v "${X}" ]',
    "printf -v ${X} text",
    "declare ${X}=1",
    "declare -n n=${X}; echo $n",
    "f() { local '${X}'; }; f",
    "unset ${X}",
    "read -r ${X} <<< 1",
]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "where"),
    [(command, reckoning.ARITHMETIC) for command in [*RECKONED, "[[ -v ${X} ]]"]]
    + [(command, reckoning.NAME) for command in NAMED],
)
def test_a_value_is_refused_where_bash_would_run_a_part_of_it(command: str, where: str) -> None:
    with pytest.raises(BadSubstitution, match=re.escape(f"a value cannot be quoted {where}, in the command ")):
        script(command, X=SUBSCRIPT)


@pytest.mark.skipif("bash" not in SHELLS, reason="needs bash")
@pytest.mark.parametrize(("command", "value"), [(c, "1") for c in RECKONED] + [(c, "FOO") for c in NAMED])
def test_a_harmless_value_may_stand_there(tmp_path: Path, command: str, value: str) -> None:
    run(script(f"{command} || true", X=value), tmp_path, "bash")


@pytest.mark.parametrize(
    "command",
    [
        'f() { local text="about ${X}"; }',
        'local text="$(date): ${X}" list=(a "${X}")',
        'echo "$${#A} ${X} }" "$${A:1} ${X}"',
        "export N=${X}; M=${X}; declare -r O=${X}",
        'echo "please; read ${X}" let ${X}',
        "echo 'read; unset ${X}'",
        'read -r a b <<< "${X}"',
        "read a < ${X}",
        'read -p "name of ${X}" a',
        "[[ ${X} == v* && $N -gt 3 ]]",
        "[ ${X} -gt 3 ] || ls -lt ${X} || curl -v ${X}",
        'curl "https://x/?filter[${X}]=1"',
        "echo a[${X}] 'arr[${X}]'",
        "grep '[[:space:]]' ${X} | sed 's/[^/]*/${X}/'",
        'echo "$${UNSET:-${X}}" "$${UNSET:=a ${X}}" $${A#${X}} $${A:0:1}${X}',
        "cat <<EOF\nlet n=${X} arr[${X}]=1\nEOF",
        "case a in a) echo ${X};; esac; (echo; unset N) ; printf -- ${X}",
    ],
)
def test_elsewhere_any_value_may_stand(command: str) -> None:
    script(command, X=SUBSCRIPT)


def test_many_values_are_checked_in_a_moment() -> None:
    script("echo " + '"$${A:1}" [[ [[ a[b ( "$(c) ${X} ' * 2_000, X=EVIL)


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
