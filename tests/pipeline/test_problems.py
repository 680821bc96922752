from app.errors import AppError
from app.pipeline.problems import MAX_LISTED, BadPipeline, Problem, quoted


def test_problems_are_listed_by_line_with_path_and_rule() -> None:
    error = BadPipeline([Problem(9, "rule two", "second"), Problem(3, "rule one", "first")])

    assert error.text("ci/build.yml") == "rule one (ci/build.yml:3: first)\nrule two (ci/build.yml:9: second)"
    assert str(error) == error.message == error.text(".drone.yml")
    assert isinstance(error, AppError)
    assert error.code == "bad_pipeline"
    assert error.problems[0].text == "rule one: first"


def test_a_flood_of_problems_is_cut_and_counted() -> None:
    error = BadPipeline(Problem(line, "rule", "detail") for line in range(1, MAX_LISTED + 31))

    assert len(error.problems) == MAX_LISTED + 30
    lines = str(error).splitlines()
    assert len(lines) == MAX_LISTED + 1
    assert lines[-1] == "and 30 more problems"


def test_a_quoted_name_stays_on_one_line_and_short() -> None:
    assert quoted('a "b"\n') == r'"a \"b\"\n"'
    assert quoted("ü" * 81) == '"' + "ü" * 80 + '…"'
