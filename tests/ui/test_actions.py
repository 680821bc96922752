"""Forms: what was typed, what is wrong with it, and where a problem is shown."""

from app.errors import Conflict, Invalid, NothingToRun, Problem
from app.ui.actions import Form, refused
from app.ui.render import environment


def test_a_form_that_was_not_sent_shows_what_stands() -> None:
    assert Form().value("name", "standing") == "standing"


def test_a_field_that_was_emptied_stays_empty() -> None:
    form = refused({"name": ""}, Invalid.of([Problem("name", "missing", "the name is missing")]))

    assert (form.status, form.value("name", "standing"), form.value("unticked", "true")) == (400, "", "")
    assert (form.problem("name"), form.problem("other")) == ("the name is missing", "")


def test_an_error_of_no_field_stands_above_the_form() -> None:
    form = refused({}, Conflict("somebody was first"))

    assert form.status == 409
    assert [(one.field, one.message) for one in form.problems] == [("", "somebody was first")]


def test_what_is_wrong_with_pipelines_is_of_no_field() -> None:
    why = [Problem("name", "excluded", "name is not for push"), Problem("b", "excluded", "b is not for push")]

    form = refused({"name": "x"}, NothingToRun("name is not for push", problems=why))

    assert [(one.field, one.message) for one in form.problems] == [
        ("", "name is not for push"),
        ("", "b is not for push"),
    ]


def test_a_problem_is_tied_to_its_field_and_a_hint_too() -> None:
    form = refused({"name": "<b>"}, Invalid.of([Problem("name", "bad", "no tags, please")]))
    parts = environment().get_template("parts/forms.html").make_module()

    shown = str(parts.text(form, "name", "Name", hint="letters alone"))  # type: ignore[attr-defined]

    assert 'aria-describedby="problem-name hint-name"' in shown
    assert 'aria-invalid="true"' in shown
    assert 'value="&lt;b&gt;"' in shown
    assert str(parts.problems(form)).count('href="#field-name"') == 1  # type: ignore[attr-defined]


def test_what_keeps_a_pipeline_from_running_is_of_no_field() -> None:
    excluded = Problem("default", "excluded", "pipeline default: the branch is not main")

    form = refused({}, NothingToRun("nothing to run", problems=[excluded]))

    assert [(one.field, one.message) for one in form.problems] == [
        ("", "nothing to run"),
        ("", "pipeline default: the branch is not main"),
    ]
