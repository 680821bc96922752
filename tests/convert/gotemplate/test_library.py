"""The functions of Drone's template library; every expected text was checked against Go 1.26."""

from typing import Any

import pytest

from app.convert.errors import BadConversion
from app.convert.gotemplate import times
from app.convert.gotemplate.library import LIBRARY
from app.convert.gotemplate.render import render

DATA: dict[str, Any] = {
    "name": "api",
    "branch": "feature/x",
    "uni": "Grüße ßİǅᾳı",
    "list": ["a", "<b>", 3, None, 2.5, True],
    "env": {"B": "2", "A": 1.0},
    "null": None,
    "date": "2021-09-03T07:13:02-07:00",
    "unix": 1_630_678_382,
}


def rendered(template: str) -> str:
    return render("t.yaml", template, DATA, times.at(1_630_678_382, 5_000))


def refused(template: str) -> str:
    with pytest.raises(BadConversion) as caught:
        rendered(template)
    return caught.value.reason


def test_there_are_thirty() -> None:
    assert len(LIBRARY) == 30


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ upper .uni }} {{ lower .uni }} {{ title .uni }}", "GRÜßE ßİǄᾼI grüße ßiǆᾳı GRÜßE ßİǅᾼI"),
        ("{{ upper 1.5 }} {{ lower true }} {{ title `ab c` }} {{ upper .null }}.", "1.5 true AB C ."),
        ("{{ trim `  a\u00a0\n` }}|{{ chomp `a\r\n\n` }}|{{ trim .null }}|", "a|a||".replace("|", "|")),
        ("{{ trimLeft `xxyx` `x` }} {{ trimRight `xxyx` `x` }} {{ trimLeft `abc` `cab` }}.", "yx xxy ."),
        ("{{ trimPrefix .branch `feature/` }} {{ trimSuffix `a.tar.gz` `.gz` }} {{ trimPrefix `a` `b` }}", "x a.tar a"),
        (
            "{{ contains .branch `/` }} {{ containsAny .name `xyp` }} {{ contains 123 2 }} {{ containsAny `a` `` }}",
            "true true true false",
        ),
        ("{{ hasPrefix .branch `feature` }} {{ hasSuffix .branch `y` }}", "true false"),
        ("{{ replace .branch `/` `-` }} {{ replace `aaa` `a` 1 }} {{ replace `ab` `` `-` }}", "feature-x 111 -a-b-"),
        ("{{ padLeft `7` `0` 2 }} {{ padRight `a` `xy` 2 }} {{ padLeft `a` `x` -1 }}", "007 axyxy a"),
        (
            "{{ split `a,b,c` `,` }} {{ len (split `` `,`) }} {{ split `äb` `` }} {{ index (split `a,b` `,`) 1 }}",
            "[a b c] 1 [ä b] b",
        ),
        (
            "{{ splitn `a,b,c` `,` 2 }} {{ splitn `abc` `` 2 }} {{ splitn `a,b` `,` 0 }} {{ splitn `a,b` `,` -1 }}",
            "[a b,c] [a bc] [] [a b]",
        ),
        ("{{ base64Encode `a` }} {{ base64Decode `Z3LDvMOf` }} {{ base64Encode 1.0 }}", "YQ== grüß MQ=="),
        ("{{ md5 `a` }} {{ sha1 `a` }}", "0cc175b9c0f1b6a831c399e269772661 86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
        ("{{ sha256 `a` }}", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
        ('{{ htmlEscape `<a b="c">\'&` }}', "&lt;a b=&#34;c&#34;&gt;&#39;&amp;"),
        ("{{ htmlUnescape `&#" + "0" * 5_000 + "65;&#x" + "0" * 5_000 + "41;&#" + "0" * 5_000 + ";` }}", "AA\ufffd"),
        (
            "{{ htmlUnescape `&lt;&#39;&#x41;&eacute &ampx; &notit; &nope; &#0;&#128;&#x110000;` }}",
            "<'Aé &x; ¬it; &nope; \ufffd€\ufffd",
        ),
        ("{{ jsonify .list }} {{ jsonify .env }}", '["a","\\u003cb\\u003e",3,null,2.5,true] {"A":1,"B":"2"}'),
        (
            '{{ jsonify 1e21 }} {{ jsonify 1e-7 }} {{ jsonify 1e20 }} {{ jsonify `"ü` }} {{ jsonify nil }}',
            '1e+21 1e-7 100000000000000000000 "\\"ü" null',
        ),
        ("{{ jsonify now }} {{ jsonify (split `a` `,`) }}", '"2021-09-03T14:13:02.000005Z" ["a"]'),
        ("{{ urlize ` a b/ü ` }} {{ .name | upper | printf `%s-%s` `x` }}", "a-b%2F%C3%BC x-API"),
        ("{{ time .unix }} {{ time .date }}", "2021-09-03 14:13:02 +0000 UTC 2021-09-03 07:13:02 -0700 -0700"),
        ("{{ dateFormat `2006-01-02` .date }} {{ now | dateFormat `15:04:05` }}", "2021-09-03 14:13:02"),
        (
            "{{ upper .name }} {{ printf `%02d` 5 }} {{ if hasPrefix .branch `feature` }}ok{{ end }}",
            "API 05 ok",
        ),
    ],
)
def test_functions(template: str, text: str) -> None:
    assert rendered(template.replace("\\u00a0", "\u00a0")) == text


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ upper .list }}", "a list is no text"),
        ("{{ hasPrefix .name 3 }}", "a text is due, not a number"),
        ("{{ trimSuffix .name nil }}", "a text is due, not nothing"),
        ("{{ split .name }}", "split takes 2 arguments, not 1"),
        ("{{ padLeft .name `x` `3` }}", "a whole number is due, not a text"),
        ("{{ splitn .name `,` true }}", "a whole number is due, not a boolean"),
        ("{{ base64Decode `YQ` }}", "base64Decode has no text in base64"),
        ("{{ base64Decode `/w==` }}", "base64Decode has no text in base64"),
        ("{{ time `yesterday` }}", "unable to parse date: yesterday"),
        ("{{ dateFormat 1 now }}", "a text is due, not a number"),
        ("{{ time nil }}", "nothing is no time"),
        ("{{ slice `ä` 1 }}", "slice would cut a character: its bounds count bytes"),
        ("{{ slice `abc` 2 1 }}", "the bounds of slice must not fall"),
        ("{{ slice `abc` 1 9 }}", "bound 9 is outside of a text of 3"),
    ],
)
def test_what_does_not_fit_is_said(template: str, reason: str) -> None:
    assert refused(template) == reason


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        ("2006-01-02T15:04:05.999Z07:00", "2021-09-03T07:13:02.5-07:00"),
        ("Mon Jan _2 06 3:04pm", "Fri Sep  3 21 7:13am"),
        ("Monday, 02-January-06 03 1 MST", "Friday, 03-September-21 07 9 -0700"),
        ("05.000 ,00 .9999", "02.500 ,50 .5"),
        ("002 __2 2 _2006 20060102", "246 246 3 _2021 20210903"),
        ("-07 -0700 -07:00 Z0700 -07:00:00 -070000", "-07 -0700 -07:00 -0700 -07:00:00 -070000"),
        ("Janet Month v1 PM5", "Janet Month v9 AM2"),
    ],
)
def test_layouts(layout: str, text: str) -> None:
    assert times.read("2021-09-03T07:13:02.5-07:00").format(layout) == text


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2021-09-03T14:13:02Z", "2021-09-03 14:13:02 +0000 UTC"),
        ("2021-09-03T14:13:02", "2021-09-03 14:13:02 +0000 UTC"),
        ("2021-09-03 07:13:02.25 -0700 MST", "2021-09-03 07:13:02.25 -0700 MST"),
        ("Fri, 03 Sep 2021 14:13:02 GMT", "2021-09-03 14:13:02 +0000 GMT"),
        ("Fri, 03 Sep 2021 14:13:02 +0530", "2021-09-03 14:13:02 +0530 +0530"),
        ("Fri Sep  3 14:13:02 2021", "2021-09-03 14:13:02 +0000 UTC"),
        ("03 Sep 21 14:13 UTC", "2021-09-03 14:13:00 +0000 UTC"),
        ("2021-09-03", "2021-09-03 00:00:00 +0000 UTC"),
        ("03 Sep 2021", "2021-09-03 00:00:00 +0000 UTC"),
        ("2021-09-03 14:13:02", "2021-09-03 14:13:02 +0000 UTC"),
        ("2021-09-03 14:13:02+02:00", "2021-09-03 14:13:02 +0200 +0200"),
    ],
)
def test_times_in_texts(text: str, time: str) -> None:
    assert str(times.read(text)) == time


@pytest.mark.parametrize(
    "text",
    ["", "x", "2021-02-30", "2021-9-3", "25:00", "2021-09-03T25:00:00Z", "2021-09-03 14:13:02 +9900", "٢٠٢١-٠٩-٠٣"],
)
def test_texts_that_are_no_time(text: str) -> None:
    assert "unable to parse date" in refused(f"{{{{ time `{text}` }}}}")
