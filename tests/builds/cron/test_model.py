import pytest

from app.builds.cron.model import slug


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("nightly", "nightly"),
        ("Nightly Build", "nightly-build"),
        ("a_b-c", "a_b-c"),
        ("  deploy / EU!  ", "deploy-eu"),
        ("a---b", "a-b"),
        ("../../etc", "etc"),
        ("Übung", "ubung"),
        ("ﬁn①", "fin1"),
        ("a\0b\nc", "a-b-c"),
        ("ночь", ""),
        ("☃", ""),
        ("--__", ""),
        ("", ""),
    ],
)
def test_a_name_becomes_what_can_stand_in_an_address(name: str, made: str) -> None:
    assert slug(name) == made
    assert slug(made) == made
