"""Templates as Go's text/template renders them, and what is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.convert.errors import BadConversion
from app.convert.gotemplate import times
from app.convert.gotemplate.functions import FUNCTIONS, Function
from app.convert.gotemplate.render import MAX_TEMPLATE, render
from app.convert.gotemplate.values import Struct

DATA: dict[str, Any] = {
    "build": Struct(Event="promote", Target="main", AuthorName="Ada", Params={"x": "1"}),
    "input": {
        "name": "web",
        "image": "alpine:3",
        "count": 3,
        "ratio": 1.5,
        "yes": True,
        "no": False,
        "null": None,
        "empty": "",
        "commands": ["make", "make test"],
        "none": [],
        "env": {"B": "2", "A": "1"},
        "deep": {"er": {"still": "here"}},
        "matrix": [["a", "b"], ["c"]],
    },
}


def rendered(text: str, data: dict[str, Any] = DATA) -> str:
    return render("t.yaml", text, data, times.at(1_630_678_382, 5_000))


def outcome(text: str, data: dict[str, Any] = DATA) -> BadConversion | None:
    try:
        rendered(text, data)
    except BadConversion as error:
        return error
    return None


def refused(text: str, data: dict[str, Any] = DATA) -> str:
    with pytest.raises(BadConversion) as caught:
        rendered(text, data)
    return caught.value.message


def test_a_real_template() -> None:
    template = """\
kind: pipeline
type: exec
name: {{ .input.name }}
{{- /* only what is asked for */ -}}
{{ if eq .build.Event "promote" "rollback" }}

steps:
{{- range $number, $command := .input.commands }}
- name: step-{{ $number }}
  commands:
  - {{ $command | printf "%q" }} # {{ $.build.Target }}
{{- end }}
{{- else if .input.yes }}
# push
{{- else }}
# nothing
{{- end }}
{{ with .input.image }}image: {{ . }}{{ end }}
"""
    assert (
        rendered(template)
        == """\
kind: pipeline
type: exec
name: web

steps:
- name: step-0
  commands:
  - "make" # main
- name: step-1
  commands:
  - "make test" # main
image: alpine:3
"""
    )


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("", ""),
        ("no action, } and { and }}", "no action, } and { and }}"),
        ("{{.input.name}}", "web"),
        ("{{ $.input.name }}", "web"),
        ("{{ .input.deep.er.still }}", "here"),
        ("{{ (.input.deep).er.still }}", "here"),
        ("{{ .build.Params.x }}", "1"),
        ("{{ .input.nope }}", "<no value>"),
        ("{{ .input.nope.deeper }}", "<no value>"),
        ("{{ .input.null }}", "<no value>"),
        ("{{ .nope }}", "<no value>"),
        ("{{ .build.Params.nope }}", "<no value>"),
    ],
)
def test_fields(template: str, text: str) -> None:
    assert rendered(template) == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ 1 }}{{ -2 }}{{ +3 }}{{ 0x1F }}", "1-2331"),
        (
            "{{ 1.5 }} {{ .5 }} {{ 1e3 }} {{ 1e21 }} {{ 1e-5 }} {{ 0.0001 }} {{ 1.50 }} {{ 0.0 }}",
            "1.5 0.5 1000 1e+21 1e-05 0.0001 1.5 0",
        ),
        ("{{ true }} {{ false }}", "true false"),
        (r'{{ "a\tb\n\"\\\u00e4\x41\U0001f600" }}', 'a\tb\n"\\äA😀'),
        ('{{ `raw \\n "` }}', 'raw \\n "'),
        ('{{ "}}" }}', "}}"),
        ('{{ "/*" }}', "/*"),
        ("{{ .input.commands }} {{ .input.env }} {{ .input.none }}", "[make make test] map[A:1 B:2] []"),
        ("{{ .input.matrix }} {{ .input.yes }} {{ .input.ratio }} {{ .input.count }}", "[[a b] [c]] true 1.5 3"),
    ],
)
def test_literals_and_how_values_are_written(template: str, text: str) -> None:
    assert rendered(template) == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("a  {{- 1 -}}  b", "a1b"),
        ("a \n {{- 1 }} b", "a1 b"),
        ("a {{ 1 -}} \n\t b", "a 1b"),
        ("a {{-1}}", "a -1"),
        ("a {{/* x */}} b", "a  b"),
        ("a {{- /* x }} \n */ -}} b", "ab"),
        ("{{ /* x */ }}".replace("*/ }}", "*/}}"), ""),
        ("{{\n.input.name\n}}", "web"),
        ("{{ print\n1\n}}", "1"),
        ("{{ 1 }}\n{{ 2 }}", "1\n2"),
    ],
)
def test_trim_markers_and_comments(template: str, text: str) -> None:
    assert rendered(template) == text


@pytest.mark.parametrize("name", ["no", "null", "empty", "none", "nope"])
def test_what_is_not_true(name: str) -> None:
    assert rendered(f"{{{{ if .input.{name} }}}}a{{{{ else }}}}b{{{{ end }}}}") == "b"
    assert rendered(f"{{{{ with .input.{name} }}}}a{{{{ else }}}}b{{{{ end }}}}") == "b"
    assert rendered(f"{{{{ not .input.{name} }}}}") == "true"
    assert rendered(f'{{{{ .input.{name} | default "c" }}}}') == "c"


@pytest.mark.parametrize(
    "value", [".input.yes", ".input.count", ".input.name", ".input.commands", ".build", "1", '"x"']
)
def test_what_is_true(value: str) -> None:
    assert rendered(f"{{{{ if {value} }}}}a{{{{ else }}}}b{{{{ end }}}}") == "a"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ if false }}a{{ else if true }}b{{ else }}c{{ end }}", "b"),
        ("{{ if false }}a{{ else if false }}b{{ else if false }}c{{ end }}", ""),
        ("{{ if $x := .input.name }}{{ $x }}{{ end }}", "web"),
        ("{{ if $x := .input.no }}{{ else }}{{ $x }}{{ end }}", "false"),
        ("{{ with $x := .input.name }}{{ $x }}{{ . }}{{ end }}", "webweb"),
        ("{{ with .input.no }}a{{ else }}{{ .input.name }}{{ end }}", "web"),
        ("{{ range .input.commands }}[{{ . }}]{{ end }}", "[make][make test]"),
        ("{{ range .input.env }}{{ . }}{{ end }}", "12"),
        ("{{ range $x := .input.commands }}{{ $x }};{{ end }}", "make;make test;"),
        ("{{ range $k, $v := .input.env }}{{ $k }}={{ $v }} {{ end }}", "A=1 B=2 "),
        ("{{ range .input.none }}a{{ else }}b{{ end }}", "b"),
        ("{{ range .input.nope }}a{{ end }}", ""),
        ("{{ range .input.matrix }}{{ range . }}{{ . }}{{ end }};{{ end }}", "ab;c;"),
        ("{{ range .input.commands }}{{ . }}{{ break }}{{ end }}", "make"),
        ('{{ range .input.commands }}{{ if eq . "make" }}{{ continue }}{{ end }}{{ . }}{{ end }}', "make test"),
        (
            "{{ range .input.commands }}{{ range .input }}{{ else }}{{ continue }}{{ end }}x{{ end }}".replace(
                ".input }}", "$.input.none }}"
            ),
            "",
        ),
        ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
        ("{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ end }}{{ $x }}", "1"),
        ("{{ $x := 1 }}{{ range $x = .input.commands }}{{ end }}{{ $x }}", "make test"),
    ],
)
def test_control(template: str, text: str) -> None:
    assert rendered(template) == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        (
            '{{ eq .input.name "web" }} {{ eq .input.name "a" "web" }} {{ eq 1 1.0 }} {{ eq .input.nope "a" }}',
            "true true true false",
        ),
        ('{{ ne .input.name "web" }} {{ ne .input.nope nil }} {{ eq true .input.yes }}', "false false true"),
        ('{{ lt 1 2 }} {{ le 2 2 }} {{ gt "b" "a" }} {{ ge 1 2 }}', "true true true false"),
        ('{{ and 1 0 2 }} {{ and 1 "x" }} {{ or 0 "" "y" "z" }} {{ or 0 "" }}.', "0 x y ."),
        ("{{ or true (index .input.commands 9) }} {{ and false (len 1) }}", "true false"),
        ('{{ default "d" .input.nope }} {{ default "d" .input.name }} {{ default "d" }}', "d web d"),
        ('{{ len "ä" }} {{ len .input.commands }} {{ len .input.env }}', "2 2 2"),
        ('{{ index .input.commands 1 }} {{ index .input.env "B" }} {{ index .input.matrix 0 1 }}', "make test 2 b"),
        ('{{ index .input "name" }} {{ index .input.env "nope" }} {{ index .input.name }}', "web <no value> web"),
        ('{{ print 1 2 "a" 3 true false nil }}', "1 2a3 true false <nil>"),
        ('{{ printf "%s-%d-%v-%q-100%%" "a" 3 .input.none "x\\"y" }}', 'a-3-[]-"x\\"y"-100%'),
        ('{{ "a" | printf "%s%s" "b" | printf "<%s>" }}', "<ba>"),
        ('{{ (printf "%s" "a") | print }}', "a"),
        ("{{ if and (eq .build.Target `main`) (not .input.no) (or false .input.yes) }}x{{ end }}", "x"),
    ],
)
def test_functions(template: str, text: str) -> None:
    assert rendered(template) == text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("\n{{ toYaml .input.name }}", "function toYaml is not supported; there are and, base64Decode, base64Encode,"),
        ("\n{{ if false }}{{ .input.name | toJson }}{{ end }}", "function toJson is not supported; there are"),
        ("\n{{ eq upper 1 }}", "put upper and its arguments in parentheses"),
        ("\n{{ template `x` }}", 'there is no template "x": this file defines none of that name'),
        ("\n{{ if 1 }}{{ define `x` }}{{ end }}{{ end }}", "{{define}} stands inside of another action"),
        ("\n{{ template x }}", "the name of a template is a text in quotes, not x"),
        ("\n{{ template `x` 1 2 }}", "unexpected 2"),
        ("\n{{ block `x` }}{{ end }}", "unexpected the end of the action"),
        ("\n{{ define `x` }}{{ else }}{{ end }}", "{{else}} without an action that it belongs to"),
        ("{{ define `x` }}1{{ end }}\n{{ define `x` }}2{{ end }}", 'the template "x" is defined twice'),
        ("{{ $x := 1 }}{{ define `x` }}\n{{ $x }}{{ end }}", "variable $x is not set before"),
        ("{{ range .input.commands }}{{ block `x` . }}\n{{ break }}{{ end }}{{ end }}", "{{break}} outside of a range"),
        ("\n{{ template `t.yaml` . }}", "templates may use each other 50 deep"),
        ("\n{{ call .input.name }}", "call needs a function, not a text"),
        ("\n{{ now.Nope }}", "a time has no field Nope"),
        ("\n{{ now.Year 1 }}", "a time has no method Year with arguments"),
        ("\n{{ 'ab' }}", "'ab' is not one character: a text has double quotes"),
        ("\n{{ 1i }}", "unexpected '1' in an action"),
        ("\n{{ range 1.5 }}{{ end }}", "range goes over lists and mappings, not a number"),
        ('\n{{ printf "%05z" 1 }}', "printf cannot write a number with %z"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(template: str, message: str) -> None:
    text = refused(template)

    assert text.startswith(f"template: {message}")
    assert text.endswith("(t.yaml:2)")


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{", "the action is not closed: write }} (t.yaml:1)"),
        ("\n{{ .a\n\n", "the action is not closed: write }} (t.yaml:2)"),
        ("{{ }}", "unexpected the end of the action (t.yaml:1)"),
        ('{{ "a }}', "unexpected '\"' in an action (t.yaml:1)"),
        ('{{ "\\z" }}', 'unknown escape \\z in "\\z" (t.yaml:1)'),
        ('{{ "\\ud800" }}', '\\ud800 in "\\ud800" is half a character (t.yaml:1)'),
        ("{{/* x }}", "the comment is not closed: write */}} (t.yaml:1)"),
        ("{{/* x */ }}", "a comment must end with */}}, without a space between (t.yaml:1)"),
        ("a\n{{ if true }}\n\nb", "the action is never ended: write {{end}} (t.yaml:2)"),
        ("\n{{ end }}", "{{end}} without an action that it belongs to (t.yaml:2)"),
        ("{{ else }}", "{{else}} without an action that it belongs to (t.yaml:1)"),
        ("{{ if 1 }}{{ else }}\n{{ else }}{{ end }}", "a second {{else}} for one action (t.yaml:2)"),
        ("{{ if 1 }}{{ end 1 }}", "unexpected 1 (t.yaml:1)"),
        ("{{ if 1 }}{{ else 1 }}{{ end }}", "unexpected 1 (t.yaml:1)"),
        ("{{ if }}{{ end }}", "unexpected the end of the action (t.yaml:1)"),
        ("{{ break }}", "{{break}} outside of a range (t.yaml:1)"),
        ("{{ range .a }}{{ else }}{{ continue }}{{ end }}", "{{continue}} outside of a range (t.yaml:1)"),
        ("{{ $x }}", "variable $x is not set before (t.yaml:1)"),
        ("{{ $x = 1 }}", "variable $x is not set before (t.yaml:1)"),
        ("{{ if true }}{{ $x := 1 }}{{ end }}{{ $x }}", "variable $x is not set before (t.yaml:1)"),
        ("{{ $ := 1 }}", "$ cannot be set: give the variable a name (t.yaml:1)"),
        ("{{ $x, $y := 1 }}", "too many variables: only range sets two (t.yaml:1)"),
        ("{{ range $x, $y, $z := . }}{{ end }}", "too many variables: only range sets two (t.yaml:1)"),
        ("{{ .a | .b }}", "only a function can stand after |, not .b (t.yaml:1)"),
        ("{{ .a | true }}", "only a function can stand after |, not true (t.yaml:1)"),
        ("{{ .a | }}", "only a function can stand after |, not the end of the action (t.yaml:1)"),
        ("{{ .a .b }}", "a mapping has no method a with arguments (t.yaml:1)"),
        ("{{ 1 .b }}", "unexpected .b (t.yaml:1)"),
        ("{{ print(1) }}", "unexpected ( (t.yaml:1)"),
        ("{{ (1 }}", "the parenthesis is not closed (t.yaml:1)"),
        ("{{ 1) }}", "unexpected ) (t.yaml:1)"),
        ("{{ | print }}", "unexpected | (t.yaml:1)"),
        ("{{ not eq 1 1 }}", "put eq and its arguments in parentheses (t.yaml:1)"),
        ("{{ eq 1 }}", "eq takes 2 to 1000 arguments, not 1 (t.yaml:1)"),
        ("{{ 1 | not 2 }}", "not takes 1 arguments, not 2 (t.yaml:1)"),
        ("{{ 010 }}", "010 is no number that templates know (t.yaml:1)"),
        ("{{ 1e999 }}", "1e999 is too large (t.yaml:1)"),
        ("{{ 9223372036854775808 }}", "9223372036854775808 is too large (t.yaml:1)"),
        ("{{ .build.target }}", "there is no field target; did you mean Target? (t.yaml:1)"),
        ("\n{{ .build.author_name }}", "there is no field author_name; did you mean AuthorName? (t.yaml:2)"),
        ("{{ .build.X }}", "there is no field X; there are AuthorName, Event, Params, Target (t.yaml:1)"),
        ("{{ .build }}", "a whole build or repo cannot be printed: name one of its fields (t.yaml:1)"),
        ("{{ .input.name.x }}", "a text has no field x (t.yaml:1)"),
        ("{{ 3.x }}", "a number has no field x (t.yaml:1)"),
        ('{{ eq .input.count "3" }}', "a number cannot be compared with a text (t.yaml:1)"),
        ("{{ eq .input.none .input.none }}", "a list cannot be compared with a list (t.yaml:1)"),
        ("{{ lt true false }}", "a boolean cannot be compared with a boolean (t.yaml:1)"),
        ("{{ lt .input.nope 1 }}", "nothing cannot be compared with a number (t.yaml:1)"),
        ("{{ len 3 }}", "a number has no length (t.yaml:1)"),
        ("\n{{ index .input.commands 2 }}", "index 2 is outside of a list of 2 (t.yaml:2)"),
        ("{{ index .input.commands -1 }}", "index -1 is outside of a list of 2 (t.yaml:1)"),
        ('{{ index .input.commands "a" }}', "a list has no index that is a text (t.yaml:1)"),
        ("{{ index .input.nope 1 }}", "nothing has no index that is a number (t.yaml:1)"),
        ('{{ index .build "Event" }}', "a mapping has no index that is a text (t.yaml:1)"),
        ("{{ range .build }}{{ end }}", "range goes over lists and mappings, not a mapping (t.yaml:1)"),
        ("{{ range .input.name }}{{ end }}", "range goes over lists and mappings, not a text (t.yaml:1)"),
        ('{{ printf "%s" }}', "printf has no value for %s (t.yaml:1)"),
        ('{{ printf "a" 1 }}', "printf has more values than verbs (t.yaml:1)"),
        ('{{ printf "%s" 1 }}', "printf cannot write a number with %s; %v writes everything (t.yaml:1)"),
        ('{{ printf "%d" true }}', "printf cannot write a boolean with %d; %v writes everything (t.yaml:1)"),
        ('{{ printf "%" 1 }}', "printf has no verb in % (t.yaml:1)"),
        ("{{ printf 1 }}", "printf starts with a format, not with a number (t.yaml:1)"),
    ],
)
def test_faults_name_the_line_and_the_way_out(template: str, message: str) -> None:
    assert refused(template) == f"template: {message}"


def test_data_of_another_kind_is_refused() -> None:
    assert "a value of type object cannot be used" in refused("{{ .x }}", {"x": object()})
    assert "a value of type object cannot be used" in refused("{{ len .x }}", {"x": object()})


#: 2**40 uses of a template.
DOUBLED = "".join(f"{{{{ define `{n}` }}}}{f'{{{{ template `{n + 1}` }}}}' * 2}{{{{ end }}}}" for n in range(40))
DOUBLED += "{{ define `40` }}{{ end }}{{ template `0` }}"


#: Templates and actions that nest less than either may, and together more than Python's own limit.
NESTED = "{{ define `a` }}\n" + "{{ if true }}" * 45 + "\n{{ template `a` }}" + "{{ end }}" * 46 + "{{ template `a` }}"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        pytest.param("x" * (MAX_TEMPLATE + 1), "at most 200000 are read", id="template"),
        pytest.param("{{ .a }}" * 40_000, "at most 200000 are read", id="actions"),
        pytest.param("{{ .big }}" * 21, "more than 8388608 characters", id="output"),
        pytest.param("{{ .bigs }}", "more than 8388608 characters", id="output-of-one-value"),
        pytest.param("{{ print .big .big }}" * 6, "more than 8388608 characters", id="doubling"),
        pytest.param('{{ $x := "x" }}' + "{{ $x = print $x $x }}" * 60, "more than 8388608 characters", id="doubled"),
        pytest.param("{{ range .list }}{{ range $.list }}{{ end }}{{ end }}", "more than 50000 steps", id="loops"),
        pytest.param(
            "{{ range .list }}{{ range $.list }}{{ break }}{{ end }}{{ end }}", "more than 50000 steps", id="breaks"
        ),
        pytest.param("{{ range .list }}{{ eq $.big $.other }}{{ end }}", "more than 50000 steps", id="comparing"),
        pytest.param("{{ range .list }}{{ len $.big }}{{ end }}", "more than 50000 steps", id="measuring"),
        pytest.param("{{ print .empties }}", "more than 50000 steps", id="empty-texts"),
        pytest.param("{{ if 1 }}" * 1000, "actions may nest 50 deep", id="nesting"),
        pytest.param("{{ " + "(" * 1000 + "1" + ")" * 1000 + " }}", "parentheses may nest 20 deep", id="parentheses"),
        pytest.param("{{ 1" + " | not" * 1000 + " }}", "100 parentheses and pipes", id="pipes"),
        pytest.param("{{ and" + " (1)" * 101 + " }}", "100 parentheses and pipes", id="arguments"),
        pytest.param("{{ and" + " 1" * 1001 + " }}", "and takes 1 to 1000 arguments", id="many-arguments"),
        pytest.param('{{ padLeft "" "x" 100000000000 }}', "more than 8388608 characters", id="padding"),
        pytest.param("{{ replace .other `x` .big }}", "more than 8388608 characters", id="replacing"),
        pytest.param("{{ range .list }}{{ $x := split $.other `` }}{{ end }}", "more than 50000 steps", id="splitting"),
        pytest.param("{{ range .list }}{{ $x := upper $.other }}{{ end }}", "more than 50000 steps", id="changing"),
        pytest.param(
            "{{ range .list }}{{ $x := trimLeft $.big $.big }}{{ end }}", "more than 50000 steps", id="cutting"
        ),
        pytest.param("{{ range .list }}{{ $x := contains $.list 1 }}{{ end }}", "a list is no text", id="asking"),
        pytest.param("{{ range .list }}{{ $x := slice $.big 1 }}{{ end }}", "more than 50000 steps", id="slicing"),
        pytest.param("{{ jsonify .empties }}", "more than 50000 steps", id="writing"),
        pytest.param("{{ range 1000000000000 }}{{ end }}", "more than 50000 steps", id="counting"),
        pytest.param('{{ printf "%99999999999d" 1 }}', "a number up to 10000", id="width"),
        pytest.param('{{ printf "%*d" 99999 1 }}', "a number up to 10000", id="width-of-a-value"),
        pytest.param('{{ printf "' + "%" * 100_000 + '" }}', "more than 50000 steps", id="percents"),
        pytest.param(DOUBLED, "more than 50000 steps", id="templates-of-templates"),
        pytest.param("{{ with 0 }}" + "{{ else with 0 }}" * 1000, "actions may nest 50 deep", id="else-with"),
        pytest.param("{{ 0x" + "1_" * 90_000 + " }}", "is no number that templates know", id="underscores"),
        pytest.param("{{ '" + "a" * 100_000 + "' }}", "unexpected", id="rune"),
        pytest.param("{{ time 1000000000000 }}", "are no time from the year 1 to 9999", id="time"),
        pytest.param("{{ " + "9" * 10_000 + " }}", "is no number that templates know", id="digits"),
        pytest.param('{{ printf "%[' + "9" * 5_000 + ']d" 1 }}', "printf has no value for %[999", id="place"),
        pytest.param('{{ printf "%[' + "9" * 5_000 + ']*d" 1 }}', "printf has no value for %[999", id="place-of-width"),
        pytest.param('{{ padLeft "a" "" 1e300 }}', "1e+300 is too large", id="float"),
        pytest.param('{{ padRight "a" "" -1e300 }}', "-1e+300 is too large", id="negative-float"),
        pytest.param('{{ splitn "a,b" "," 1e300 }}', "1e+300 is too large", id="parts"),
        pytest.param(
            '{{ padLeft "a" "" (time "9999-01-01").UnixNano }}', "253370764800000000000 is too large", id="nanoseconds"
        ),
        pytest.param('{{ (time "0001-01-01T00:00:00+07:00").UTC }}', "is no time from the year 1 to 9999", id="first"),
        pytest.param('{{ (time "9999-12-31T23:00:00-07:00").UTC }}', "is no time from the year 1 to 9999", id="last"),
        pytest.param(NESTED, "actions may nest 100 deep in the templates that use each other (t.yaml:2)", id="in-all"),
    ],
)
def test_no_template_can_take_more_than_it_may(template: str, message: str) -> None:
    big = "x" * 400_000
    data = {"big": big, "other": big[1:] + "x", "bigs": [big] * 100_000, "list": [0] * 10_000, "empties": [""] * 40_000}

    assert message in refused(template, data)


def test_templates_and_actions_nest_as_deep_as_they_may() -> None:
    templates = "".join(
        f"{{{{ define `{n}` }}}}{{{{ if {n} }}}}{{{{ template `{n - 1}` }}}}{{{{ end }}}}{{{{ end }}}}"
        for n in range(1, 49)
    )
    one = "{{ define `0` }}" + "{{ with 1 }}" * 2 + "x" + "{{ end }}" * 3
    assert rendered(one + templates + "{{ template `48` }}") == "x"


def test_an_exception_that_nobody_foresaw_is_a_bad_conversion(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> str:
        raise OverflowError("date value out of range")

    monkeypatch.setitem(FUNCTIONS, "now", Function(0, 0, broken))

    assert refused("\n{{ now }}") == "template: an action has a value that is out of range (t.yaml:2)"


def test_long_chains_are_no_nesting() -> None:
    assert rendered("{{ if false }}" + "{{ else if false }}" * 5_000 + "{{ else }}x{{ end }}") == "x"
    assert rendered("{{ .a" + ".b" * 20_000 + " }}") == "<no value>"


def test_a_reason_is_not_longer_than_a_reader() -> None:
    assert len(refused("{{ " + "x" * 100_000 + " }}")) < 1200


WORDS = [
    *[
        "{{",
        "}}",
        "{{-",
        "-}}",
        " ",
        "\n",
        ".",
        ".input",
        ".a",
        "$",
        "$x",
        ":=",
        "=",
        "|",
        "(",
        ")",
        ",",
        '"',
        "`",
        "\\",
    ],
    *[
        "if",
        "else",
        "end",
        "range",
        "with",
        "break",
        "continue",
        "/*",
        "*/",
        "1",
        "-1",
        "1.5",
        "true",
        "nil",
        "%s",
        "ä",
    ],
    *["eq", "ne", "lt", "and", "or", "not", "default", "len", "index", "print", "printf", "template", '"s"', ".build"],
]


@given(st.lists(st.sampled_from(WORDS), max_size=30))
def test_any_template_gives_text_or_a_bad_conversion(words: list[str]) -> None:
    text = "".join(words)
    error = outcome(text)

    assert error is None or 1 <= error.line <= text.count("\n") + 1


OPERAND = st.sampled_from(
    [
        "1",
        "-2.5",
        '"a"',
        "`b`",
        "true",
        "nil",
        ".",
        "$",
        ".input.name",
        ".input.commands",
        ".input.env",
        ".input.nope",
        ".build",
    ]
)
CALL = st.builds(
    lambda name, arguments: f"({name} {' '.join(arguments)})",
    st.sampled_from(
        ["eq", "ne", "lt", "ge", "and", "or", "not", "default", "len", "index", "print", 'printf "%v%s%d%q"']
    ),
    st.lists(OPERAND, max_size=4),
)
VALUE = OPERAND | CALL | st.builds(lambda a, b: f"{a} | and {b}", OPERAND, CALL)
PRINT = st.builds(lambda value: f"{{{{ {value} }}}}", VALUE)
TEMPLATE = st.recursive(
    PRINT | st.just("text\n"),
    lambda inner: st.builds(
        lambda control, value, body, other: f"{{{{ {control} {value} }}}}{body}{{{{ else }}}}{other}{{{{ end }}}}",
        st.sampled_from(["if", "with", "range", "range $k, $v :="]),
        VALUE,
        inner,
        inner,
    ),
    max_leaves=8,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(TEMPLATE, st.dictionaries(st.sampled_from(["name", "commands", "env"]), JSON))
def test_any_well_formed_template_and_data_give_text_or_a_bad_conversion(template: str, values: dict[str, Any]) -> None:
    error = outcome(template, {"input": values, "build": Struct(Event="push")})

    assert error is None or not error.reason.startswith(("unexpected", "the action"))


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ('{{ define "a" }}[{{ . }}]{{ end }}{{ template "a" .input.name }}{{ template `a` }}', "[web][<no value>]"),
        ('{{ template "a" 5 }}{{ define "a" -}}  {{ . }} {{- end }}', "5"),
        ('{{ block "b" .input }}{{ .name }}{{ end }} {{ template "b" .input }}', "web web"),
        ('{{ $x := 1 }}{{ define "a" }}{{ $.name }}{{ end }}{{ template "a" .input }}{{ $x }}', "web1"),
        ('{{ define "a" }} {{ end }}{{ define "a" }}x{{ end }}{{ define "a" }}{{ end }}{{ template "a" }}', "x"),
        (
            '{{ define "r" }}{{ if . }}{{ . }}{{ template "r" (slice . 1) }}{{ end }}{{ end }}{{ template "r" "abc" }}',
            "abcbcc",
        ),
        ("{{ range .input.commands }}{{ block `z` . }}<{{ . }}>{{ end }}{{ end }}", "<make><make test>"),
        ("{{ with .input.null }}a{{ else with .input.name }}b{{ . }}{{ else }}c{{ end }}", "bweb"),
        ("{{ with 0 }}a{{ else with .input.empty }}b{{ else }}c{{ .input.name }}{{ end }}", "cweb"),
        (
            "{{ range 3 }}{{ . }}{{ end }}{{ range $n := 2 }}{{ $n }}{{ end }}{{ range 0 }}{{ else }}.{{ end }}",
            "01201.",
        ),
        ("{{ 'a' }} {{ '\\n' }} {{ '\\'' }} {{ 'ä' }} {{ '\\u00e4' }} {{ printf `%c` 'x' }}", "97 10 39 228 228 x"),
        (
            "{{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 1_000 }} {{ 0x_ff }} {{ 0x1p-2 }} {{ 1e3 }} {{ .5e1 }}",
            "31 5 15 1000 255 0.25 1000 5",
        ),
        ("{{ 1000000.0 }} {{ 123456.0 }} {{ 1e20 }} {{ 1234567.5 }}", "1e+06 123456 1e+20 1.2345675e+06"),
        ('{{ println "a" 1 2 }}{{ println }}', "a 1 2\n\n"),
        ("{{ html `<a href='x'>&` 1 }}", "&lt;a href=&#39;x&#39;&gt;&amp;1"),
        ("{{ js `<'\"=&\\` }} {{ js nil }}", "\\u003C\\'\\\"\\u003D\\u0026\\\\ \\u003Cno value\\u003E"),
        ('{{ urlquery "a b/c?ü" 1 }}', "a+b%2Fc%3F%C3%BC1"),
        (
            '{{ slice "abcdef" 1 3 }} {{ slice "abc" 1 }} {{ slice .input.commands 1 }} {{ index "abc" 1 }}',
            "bc bc [make test] 98",
        ),
        (
            "{{ now }} {{ now.Year }} {{ (now).Weekday }} {{ now.Unix }}",
            "2021-09-03 14:13:02.000005 +0000 UTC 2021 Friday 1630678382",
        ),
        (
            '{{ now.Format "15:04" }} {{ $t := now }}{{ $t.UTC.Format "2006" }} {{ "2006" | now.Format }}',
            "14:13 2021 2021",
        ),
    ],
)
def test_more_of_go(template: str, text: str) -> None:
    """Checked against Go 1.26."""
    assert rendered(template) == text
