import re
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import AppError
from app.pipeline.substitute import MAX_CHARACTERS, BadSubstitution, substitute

VARIABLES = {
    "TAG": "v1.2.3",
    "PATH": "/usr/local/bin/tool.tar.gz",
    "NAME": "eLVIS",
    "EMPTY": "",
    "LINES": 'one "two"\n\tthree\\',
    "WITH-DASH": "dash",
    "UMLAUT": "äöü",
    "X": "aXbXc",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain $TAG $ $$ $$TAG {TAG} \\", "plain $TAG $ $$ $$TAG {TAG} \\"),
        ("${TAG}", "v1.2.3"),
        ("a ${TAG}${NAME} z", "a v1.2.3eLVIS z"),
        ("[${UNKNOWN}]", "[]"),
        ("${WITH-DASH}", "dash"),
        ("$${TAG}", "${TAG}"),
        ("$${TAG:-${TAG}}", "${TAG:-v1.2.3}"),
        ("$$${TAG}", "$${TAG}"),
        ("${#TAG}", "6"),
        ("${#UMLAUT} ${#EMPTY} ${#UNKNOWN}", "3 0 0"),
        ("${NAME^} ${NAME^^} ${NAME,} ${NAME,,}", "ELVIS ELVIS eLVIS elvis"),
        ("${EMPTY^}${EMPTY,,}", ""),
        ("${TAG:1}", "1.2.3"),
        ("${TAG:1:3}", "1.2"),
        ("${TAG:0:0}${TAG:9}${TAG:9:2}", ""),
        ("${TAG: -1}", "3"),
        ("${TAG: -9}", "v1.2.3"),
        ("${TAG:1:-1}", ""),
        ("${TAG:x}${TAG:1:y}", "v1.2.3v1.2.3"),
        ("${TAG#v}", "1.2.3"),
        ("${TAG#x}", "v1.2.3"),
        ("${PATH#*/} ${PATH##*/}", "usr/local/bin/tool.tar.gz tool.tar.gz"),
        ("${PATH%.*} ${PATH%%.*}", "/usr/local/bin/tool.tar /usr/local/bin/tool"),
        ("${PATH##*/*l}", ".tar.gz"),
        ("${PATH#*/*l}", "ocal/bin/tool.tar.gz"),
        ("${PATH%/*.*}", "/usr/local/bin"),
        ("${TAG##*}|${TAG#*}|${TAG%%*}|${TAG%*}", "|v1.2.3||v1.2.3"),
        ("${TAG#[a-z]}", "1.2.3"),
        ("${TAG%?[0-9]}", "v1.2"),
        ("${TAG#[z-a]}", "v1.2.3"),
        ("${TAG#}", "v1.2.3"),
        ("${X/X/-} ${X//X/-} ${X//X/}", "a-bXc a-b-c abc"),
        ("${X/#aX/-} ${X/%Xc/-} ${X/#X/-} ${X/%X/-}", "-bXc aXb- aXbXc aXbXc"),
        ("${X/?/-}", "aXbXc"),
        ("${X/%/z} ${X/#/z}", "aXbXcz zaXbXc"),
        (r"${PATH//\//-}", "-usr-local-bin-tool.tar.gz"),
        (r"${X/X/\/\\}", "a/\\bXc"),
        ("${EMPTY=d} ${EMPTY:=d} ${EMPTY:-d} ${UNKNOWN:-d}", "d d d d"),
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
        ("${TAG:?required}", "it is no name with an operator and a closing }"),
        ("${TAG:+other}", "it is no name with an operator and a closing }"),
        ("${TAG:-open", "it is no name with an operator and a closing }"),
        ("${TAG^x}", "it is no name with an operator and a closing }"),
        ("${#TAG^}", "it is no name with an operator and a closing }"),
        ("${TAG/a}", "a replacement must follow a second /"),
        ("${TAG/a", "a replacement must follow a second /"),
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
def test_a_text_without_openings_stays_as_it_is(text: str) -> None:
    text = text.replace("${", "")

    assert substitute(text, {}) == text


PATTERNS = st.lists(st.sampled_from(["a", "b", "*", "?", "[ab]", "[^a]"]), max_size=6).map("".join)


@settings(max_examples=500)
@given(PATTERNS, st.text("ab/", max_size=8), st.sampled_from(["#", "##", "%", "%%"]))
def test_removal_takes_the_shortest_or_longest_match(pattern: str, value: str, operator: str) -> None:
    regex = re.compile(pattern.replace("?", ".").replace("*", ".*"))
    cuts = range(len(value) + 1)
    if operator[0] == "#":
        kept = [value[cut:] for cut in cuts if regex.fullmatch(value[:cut])]
    else:
        kept = [value[:cut] for cut in cuts if regex.fullmatch(value[cut:])]
    best = (min if len(operator) == 2 else max)(kept, key=len, default=value)

    assert substitute(f"${{V{operator}{pattern}}}", {"V": value}) == best
