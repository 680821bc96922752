"""printf; every expected text was checked against Go 1.26."""

import pytest

from app.convert.fault import Fault
from app.convert.gotemplate import times
from app.convert.gotemplate.printf import formatted


def written(pattern: str, *values: object) -> str:
    return "".join(formatted(pattern, values))


@pytest.mark.parametrize(
    ("pattern", "value", "text"),
    [
        ("%d|%5d|%-5d|%05d|%+d|% d|%.3d|%8.3d", 42, "42|   42|42   |00042|+42| 42|042|     042"),
        ("%x|%X|%#x|%o|%#o|%O|%b|%#b|%08.3x", 255, "ff|FF|0xff|377|0377|0o377|11111111|0b11111111|     0ff"),
        ("%d|%05d|%x|%.0d", -255, "-255|-0255|-ff|-255"),
        ("%.0d|%3.0d|%+v", 0, "|   |0"),
        ("%c|%q|%U|%#U|%5c", 0x41, "A|'A'|U+0041|U+0041 'A'|    A"),
        ("%q|%c", 0x110000, "'\ufffd'|\ufffd"),
        ("%U|%#U", -255, "U+FFFFFFFFFFFFFF01|U+FFFFFFFFFFFFFF01"),
        ("%s|%5s|%-5s|%.1s|%05s|%v", "ab", "ab|   ab|ab   |a|000ab|ab"),
        ("%q|%+q|%#q|%#v", "ü\n", '"ü\\n"|"\\u00fc\\n"|"ü\\n"|"ü\\n"'),
        ("%#q", "a b", "`a b`"),
        ("%x|%X|% x|%#x|%# x|%.1x", "hi", "6869|6869|68 69|0x6869|0x68 0x69|68"),
        ("%t|%v|%6t", True, "true|true|  true"),
        ("%f|%.2f|%8.3f|%-8.1f|%+.1f|%08.2f|%.0f", 3.14159, "3.141590|3.14|   3.142|3.1     |+3.1|00003.14|3"),
        (
            "%e|%E|%.1e|%g|%G|%.3g|%v",
            1234567.5,
            "1.234568e+06|1.234568E+06|1.2e+06|1.2345675e+06|1.2345675E+06|1.23e+06|1.2345675e+06",
        ),
        ("%f|%08.1f|% .1f", -0.5, "-0.500000|-00000.5|-0.5"),
        ("%v|%5v|%g", 1e6, "1e+06|1e+06|1e+06"),
        ("%v|%d|%03d", [1, 2], "[1 2]|[1 2]|[001 002]"),
        ("%s|%q|%5s", ["a", "b"], '[a b]|["a" "b"]|[    a     b]'),
        ("%v|%s", {"b": "2", "a": "1"}, "map[a:1 b:2]|map[a:1 b:2]"),
        ("%v|%6v", None, "<nil>| <nil>"),
        ("%v|%d", [None], "[<nil>]|[<nil>]"),
    ],
)
def test_verbs(pattern: str, value: object, text: str) -> None:
    assert written(pattern, *[value] * (pattern.count("%"))) == text


def test_values_have_places_and_may_be_widths() -> None:
    assert written("%[2]d %[1]d", 1, 2) == "2 1"
    assert written("%*d|%-*d|%.*f", 5, 42, 5, 42, 2, 3.14159) == "   42|42   |3.14"
    assert written("%*d|", -5, 42) == "42   |"
    assert written("%[3]*.[2]*[1]f", 12.0, 2, 6) == " 12.00"
    assert written("100%% %5%") == "100% %"


def test_a_time_is_its_text() -> None:
    assert written("%v|%.10s", times.at(0), times.at(0)) == "1970-01-01 00:00:00 +0000 UTC|1970-01-01"


@pytest.mark.parametrize(
    ("pattern", "values", "reason"),
    [
        ("%d", ["x"], "printf cannot write a text with %d; %v writes everything"),
        ("%s", [1], "printf cannot write a number with %s; %v writes everything"),
        ("%d", [True], "printf cannot write a boolean with %d; %v writes everything"),
        ("%s", [None], "printf cannot write nothing with %s; %v writes everything"),
        ("%#v", [[1]], "printf cannot write a list with %#v; jsonify writes lists and mappings"),
        ("%z", [1], "printf cannot write a number with %z; %v writes everything"),
        ("%d", [], "printf has no value for %d"),
        ("%[3]d", [1], "printf has no value for %[3]d"),
        ("%[0]d", [1], "printf has no value for %[0]d"),
        ("a", [1], "printf has more values than verbs"),
        ("%", [1], "printf has no verb in %"),
        ("%-5", [1], "printf has no verb in %-5"),
        ("%20000d", [1], "a width or precision of printf is a number up to 10000"),
        ("%*d", ["5", 1], "a width or precision of printf is a number up to 10000"),
        ("%#g", [1.5], "printf knows no # for numbers with a fraction"),
    ],
)
def test_what_does_not_fit_is_said(pattern: str, values: list[object], reason: str) -> None:
    with pytest.raises(Fault) as caught:
        written(pattern, *values)
    assert caught.value.reason == reason
