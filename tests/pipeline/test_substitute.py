import json
import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import AppError
from app.pipeline.substitute import MAX_CHARACTERS, BadSubstitution, substitute

RECORDED = json.loads((Path(__file__).parents[2] / "fixtures" / "drone" / "substitute.json").read_text())
VARIABLES = {
    "TAG": "v1.2.3",
    "PATH": "/usr/local/bin/tool.tar.gz",
    "NAME": "eLVIS",
    "EMPTY": "",
    "LINES": 'one "two"\n\tthree\\',
    "UMLAUT": "äöü",
    "X": "aXbXc",
    "NEGATIVE": "-2",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain $TAG $ {TAG} \\ } \\n", "plain $TAG $ {TAG} \\ } \\n"),
        ("$$ $$TAG $$$ $$$$", "$ $TAG $$ $$"),
        (r"\\ \/ a\\/b \\\/ \n", r"\ / a\/b \/ \n"),
        (r"\${TAG} \\${TAG}", r"\v1.2.3 \v1.2.3"),
        ("${TAG}", "v1.2.3"),
        ("a ${TAG}${NAME} z", "a v1.2.3eLVIS z"),
        ("[${UNKNOWN}]", "[]"),
        ("$${TAG}", "${TAG}"),
        ("$${TAG:-${TAG}}", "${TAG:-v1.2.3}"),
        ("$$${TAG}", "$v1.2.3"),
        ("${#TAG}", "6"),
        ("${#UMLAUT} ${#EMPTY} ${#UNKNOWN}", "6 0 0"),
        ("${UMLAUT:2} ${UMLAUT:1} ${UMLAUT:0:3}", "öü öü ä"),
        ("${NAME^} ${NAME^^} ${NAME,} ${NAME,,}", "ELVIS ELVIS eLVIS elvis"),
        ("${EMPTY^}${EMPTY,,}", ""),
        ("${TAG:1}", "1.2.3"),
        ("${TAG:1:3}", "1.2"),
        ("${TAG:0:0}${TAG:9}${TAG:9:2}", ""),
        ("${TAG:${NEGATIVE}} ${TAG:-1} ${TAG: -1}", ".3 v1.2.3 v1.2.3"),
        ("${TAG:1:-1}", ""),
        ("${TAG:x}${TAG:1:y}", "v1.2.3v1.2.3"),
        ("${TAG#v}", "1.2.3"),
        ("${TAG#x}", "v1.2.3"),
        ("${PATH#*/} ${PATH##*/}", "usr/local/bin/tool.tar.gz tool.tar.gz"),
        ("${PATH%.*} ${PATH%%.*}", "/usr/local/bin/tool.tar /usr/local/bin/tool"),
        ("${PATH##*/*l}", ".tar.gz"),
        ("${PATH#*/*l}", "ocal/bin/tool.tar.gz"),
        ("${PATH%/*.*}", "/usr/local/bin"),
        ("${TAG##*}|${TAG#*}|${TAG%%*}|${TAG%*}", "|1.2.3||v1.2."),
        ("${TAG#[a-z]}", "1.2.3"),
        ("${TAG%?3} ${TAG%[0-9]}", "v1.2 v1.2.3"),
        ("${TAG#[z-a]}", "v1.2.3"),
        ("${X/X/-} ${X//X/-} ${X//X/}", "a-bXc a-b-c abc"),
        ("${X/#aX/-} ${X/%Xc/-} ${X/#X/-} ${X/%X/-}", "-bXc aXb- aXbXc aXbXc"),
        ("${X/#aX/}", "aXbXc"),
        ("${X/X//-}", "a-bXc"),
        ("${X/?/-}", "aXbXc"),
        ("${X/}/-} ${X/X/${TAG}}", "aXbXc av1.2.3bXc"),
        (r"${PATH//\//-}", "-usr-local-bin-tool.tar.gz"),
        (r"${X/X/\/\\}", "a/\\bXc"),
        ("${EMPTY=d} ${EMPTY:=d} ${EMPTY:-d} ${UNKNOWN:-d}", "d d d d"),
        ("${EMPTY:+d} ${EMPTY:?d} ${TAG:+d} ${TAG:?d}", "d d v1.2.3 v1.2.3"),
        ("${TAG=d} ${TAG:=d} ${TAG:-d}", "v1.2.3 v1.2.3 v1.2.3"),
        ("${EMPTY:-}", ""),
        ("${EMPTY:-a ${TAG^^} $z}", "a V1.2.3 $z"),
        ("${TAG#${UNKNOWN:-v}}", "1.2.3"),
        ("${EMPTY:-{a}}", "{a}"),
        ("${LINES}", r'"one \"two\"\n\tthree\\"'),
        ("${LINES:-d}", r'"one \"two\"\n\tthree\\"'),
        ('${LINES#"}', r'one \"two\"\n\tthree\\"'),
        ("line 1\nline ${TAG}\n", "line 1\nline v1.2.3\n"),
    ],
)
def test_every_form(text: str, expected: str) -> None:
    assert substitute(text, VARIABLES) == expected


def test_a_value_with_a_line_break_is_quoted_with_escapes() -> None:
    value = "\a\b\f\r\v\x01\x7f\u00e9\u200b\U000e0001\U0001f600\n"

    assert (
        substitute("${V}", {"V": value}) == r'"\a\b\f\r\v\x01\x7f' + "é" + r"\u200b\U000e0001" + "\U0001f600" + r'\n"'
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("${", "a name must follow ${"),
        ("${}", "a name must follow ${"),
        ("${#}", "a name must follow ${"),
        ("${ TAG}", "a name must follow ${"),
        ("${!TAG}", "a name must follow ${"),
        ("${TAG", "it is no name with an operator and a closing }"),
        ("${TAG.x}", "it is no name with an operator and a closing }"),
        ("${TAG[0]}", "it is no name with an operator and a closing }"),
        ("${TAG-latest}", "there is no operator -, a default is written :-"),
        ("${WITH-DASH}", "there is no operator -, a default is written :-"),
        ("${TAG+other}", "there is no operator +, a default is written :-"),
        ("${TAG?required}", "there is no operator ?, a default is written :-"),
        ("${TAG#}", "a text must follow the operator"),
        ("${TAG:}", "a text must follow the operator"),
        ("${TAG///x}", "a text must follow the operator"),
        ("${TAG:-open", "it is no name with an operator and a closing }"),
        ("${TAG^x}", "it is no name with an operator and a closing }"),
        ("${#TAG^}", "it is no name with an operator and a closing }"),
        ("${TAG/a}", "a replacement must follow a second /"),
        ("${TAG/a", "a replacement must follow a second /"),
        ("${TAG/a}\n/}", "a replacement must follow a second /"),
        ("${TAG:-${", "a name must follow ${"),
        ("${a:-" * 17 + "}" * 17, "expressions may nest 16 deep"),
    ],
)
def test_malformed_input_is_refused_with_its_place_and_the_way_out(text: str, reason: str) -> None:
    with pytest.raises(BadSubstitution) as caught:
        substitute("first line\n" + text, VARIABLES)

    assert str(caught.value).startswith("bad substitution at line 2: ")
    assert str(caught.value).endswith(f": {reason}; a literal ${{ is written $${{")


def test_the_error_shows_the_source_and_no_value() -> None:
    with pytest.raises(BadSubstitution) as caught:
        substitute("echo ${TOKEN\nnext", {"TOKEN": "hunter2"})

    assert '"${TOKEN"' in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert isinstance(caught.value, AppError)
    assert caught.value.code == "bad_substitution"


@pytest.mark.parametrize(
    "text",
    [
        "${V}" * 9000,
        "${#V}" * 9000,
        "${V//a/${V}}",
        "${V^^}" * 5000,
        "${V//${N}/${V}}",
        "${N:-" + "x" * MAX_CHARACTERS + "x}",
    ],
    ids=["values", "lengths", "replacements", "results", "between-characters", "default"],
)
def test_what_is_handled_is_bounded(text: str) -> None:
    with pytest.raises(BadSubstitution, match="come to more than 8388608 characters"):
        substitute(text, {"V": "a" * 100_000})


@pytest.mark.parametrize("pattern", ["*a" * 200 + "b", "*?" * 200 + "b", "*" * 512, "[!-~]*" * 80 + "b"])
def test_hostile_patterns_end(pattern: str) -> None:
    value = "a" * 50_000

    for operator in ("#", "##", "%", "%%"):
        substitute(f"${{V{operator}{pattern}}}", {"V": value})


PIECES = st.sampled_from(
    ["${", "}", "$", "$$", "A", "B", ":", "-", "=", "/", "#", "%", "^", ",", "*", "?", "[", "]", "\\", "1", "\n", " "]
)


@settings(max_examples=1000)
@given(st.lists(PIECES, max_size=25).map("".join), st.text(max_size=8), st.text(max_size=8))
def test_any_text_is_substituted_or_refused(text: str, a: str, b: str) -> None:
    with suppress(BadSubstitution):
        substitute(text, {"A": a, "B": b})


@given(st.text())
def test_a_text_without_dollars_and_backslashes_stays_as_it_is(text: str) -> None:
    text = text.replace("$", "").replace("\\", "")

    assert substitute(text, {}) == text


@pytest.mark.parametrize(("text", "expected"), RECORDED["cases"].items())
def test_each_text_becomes_what_drones_library_makes_of_it(text: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(BadSubstitution):
            substitute(text, RECORDED["variables"])
    else:
        assert substitute(text, RECORDED["variables"]) == expected


PATTERNS = st.lists(st.sampled_from(["a", "b", "*", "?"]), min_size=1, max_size=6).map("".join)


@settings(max_examples=500)
@given(PATTERNS, st.text("ab/", max_size=8), st.sampled_from(["#", "##", "%", "%%"]))
def test_removal_takes_the_shortest_or_longest_match(pattern: str, value: str, operator: str) -> None:
    regex = re.compile(pattern.replace("?", ".").replace("*", ".*"))
    if operator[0] == "#":
        kept = [value[cut:] for cut in range(1, len(value) + 1) if regex.fullmatch(value[:cut])]
    else:
        kept = [value[:cut] for cut in range(len(value)) if regex.fullmatch(value[cut:])]
    best = (min if len(operator) == 2 else max)(kept, key=len, default=value)

    assert substitute(f"${{V{operator}{pattern}}}", {"V": value}) == best
