"""The page about webhooks shows what is sent."""

import json
import re
from pathlib import Path

from app.notify.webhooks.formats import FORMATS
from app.notify.webhooks.formats.data import Data
from tests.notify.webhooks.checks import read
from tests.notify.webhooks.events import OLDER, SECRET, SERVER, event

PAGE = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text()


def test_the_example_is_what_is_sent() -> None:
    (shown,) = re.findall(r"^```json\n(\{\n  \"type\": \"promotion.failed\".*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    told = event("promotion.failed", previous={"number": 40, "commit": OLDER})
    (request,) = FORMATS["standard"](told, [SECRET], 0, SERVER)

    assert json.loads(shown) == read(request)


def test_the_table_has_every_key_of_the_data() -> None:
    (table,) = re.findall(r"^## The data\n.*?^(\|.*?)\n\n", PAGE, re.MULTILINE | re.DOTALL)
    keys = [key for line in table.splitlines() for key in re.findall(r"`(\w+)`", line.split("|")[1])]

    assert sorted(keys) == sorted(Data.__annotations__)


def test_every_format_is_on_the_page() -> None:
    (table,) = re.findall(r"^## Formats\n\n(\|.*?)\n\n", PAGE, re.MULTILINE | re.DOTALL)
    named = [name for line in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", line.split("|")[1])]

    assert set(named) == {*FORMATS, "drone"}
