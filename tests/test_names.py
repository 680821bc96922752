from app.names import meant


def test_a_slip_is_asked_back_with_the_name_as_it_is_known() -> None:
    known = ["Production", "staging"]

    assert meant("prodution", known) == "; did you mean Production?"
    assert meant("STAGING", known) == "; did you mean staging?"
    assert meant("moon", known) == meant("x" * 100_000, known) == meant("", known) == meant("x", []) == "."
