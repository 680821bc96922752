"""The list of keys: a page, and a dialog that the script of keys asks for when somebody wants it."""

from tests.ui.farside import Place

KEYS = "/-/keys"


async def test_the_list_is_a_page_and_other_pages_only_lead_there(place: Place) -> None:
    page, other = await place.page(KEYS, ""), await place.page("/")

    assert "go to a repository, a build, a commit or a target" in page.text("dl")
    assert (page.count("dialog"), other.count("dialog"), other.count("kbd")) == (0, 0, 0)
    assert KEYS in other.links('[data-key="?"]')


async def test_the_dialog_is_a_region_of_the_page(place: Place) -> None:
    answer = await place.get(KEYS, **{"Gantry-Region": "dialog"})

    assert answer.text.count("<dialog") == answer.text.count('<form method="dialog">') == 1
    assert "go to a repository" in answer.text
