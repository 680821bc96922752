"""The log of a step on the page: numbered, coloured, in parts where it is long, and as plain text."""

import orjson

from app.builds.model import Step
from tests.ui.farside import Page, Place, attributes

STEP = "/octocat/hello/1/1/1"
RAW = "/octocat/hello/-/logs/1/1/1"


async def step(place: Place) -> Step:
    build = await place.scene.push()
    stage = await place.ran(build, "one")
    await place.set(f"steps WHERE id = {stage.steps[0].id}", status="success", started=1, stopped=3)
    return stage.steps[0]


async def test_lines_are_numbered_and_can_be_pointed_at(place: Place) -> None:
    await place.write_log(await step(place), "first\n", "\x1b[31msecond\x1b[0m <b>\n")

    page = await place.page(STEP)

    assert page.text("#L1") == "1 first"
    assert page.text("#L2") == "2 second <b>"
    assert page.text("#L2 .fg-red") == "second"
    assert "#L2" in page.links("#log a")


async def long(place: Place, *wrong: int, status: str = "failure") -> None:
    """The log of a step, with 100,000 lines, of which these look like errors."""
    one = await step(place)
    await place.set(f"steps WHERE id = {one.id}", status=status, exit_code=1)
    await place.set("builds WHERE number = 1", status=status)
    texts = (f"line {number}{': error' if number in wrong else ''}\n" for number in range(1, 100_001))
    await place.logs.store(one.id, orjson.dumps([{"pos": at, "out": out, "time": at} for at, out in enumerate(texts)]))


def numbers(page: Page) -> list[range]:
    """The lines that a page shows, in sequence."""
    found: list[range] = []
    for node in page.doc.query("#log ol > li[id]"):
        number = int(attributes(node)["id"].removeprefix("L"))
        if found and found[-1].stop == number:
            found[-1] = range(found[-1].start, number + 1)
        else:
            found.append(range(number, number + 1))
    return found


async def test_a_long_log_shows_both_ends_and_the_way_to_the_rest(place: Place) -> None:
    await long(place, status="success")

    page = await place.page(STEP)

    assert numbers(page) == [range(1, 61), range(99_901, 100_001)]
    assert page.text("#log .gap") == "99,840 lines not shown here: the lines from 61 on, or the whole log"
    (rest, raw) = page.links("#log .gap a")
    assert (rest, raw) == (f"{STEP}?from=61#L61", RAW)
    middle = await place.page(rest)
    assert numbers(middle) == [range(61, 261)]
    assert middle.links("#log .gap a") == [f"{STEP}?from=1#L1", RAW, f"{STEP}?from=261#L261", RAW]


async def test_a_long_log_of_a_step_that_failed_shows_what_is_around_the_first_error(place: Place) -> None:
    await long(place, 400, 99_700)

    page = await place.page(STEP)

    assert numbers(page) == [range(1, 61), range(390, 430), range(99_901, 100_001)]
    assert page.text("p.box").endswith("first error at line 400")
    assert page.text("li.here") == "400 line 400: error"
    begins = [
        attributes((await place.page(at)).doc.query("#log .reader")[0])["data-at"] for at in (STEP, f"{STEP}?from=1")
    ]
    assert begins == ["[399, 399]", "null"]
    part = await place.page(f"{STEP}?from=5000")
    assert numbers(part) == [range(5000, 5200)]
    assert part.links("p.box a")[-1] == f"{STEP}#L400"


async def test_lines_that_are_long_are_few(place: Place) -> None:
    one = await step(place)
    await place.write_log(one, *(f"{number} {'x' * 1000}\n" for number in range(1, 1001)))

    assert numbers(await place.page(STEP)) == [range(1, 8), range(994, 1001)]
    assert numbers(await place.page(f"{STEP}?from=500")) == [range(500, 515)]

    await place.write_log(await second(place), *("y" * 500_000 + "\n" for _ in range(9)))
    page = await place.page("/octocat/hello/2/1/1")
    assert numbers(page) == [range(1, 2), range(3, 4)]
    assert page.links("#log .gap a")[2] == "/octocat/hello/2/1/1?from=4#L4"


async def test_parts_of_a_log_lead_to_its_beginning_and_to_its_end(place: Place) -> None:
    one = await step(place)
    await place.write_log(one, *(f"{number}\n" for number in range(1, 3001)))

    assert (await place.page(f"{STEP}?from=2900")).links("#log .gap a") == [f"{STEP}?from=2700#L2700", RAW]
    assert (await place.page(f"{STEP}?from=3001")).text("#log p") == "This log ends with line 3000."
    assert (await place.page(f"{STEP}?from=sideways")).text("#log li:first-child") == "1 1"
    assert (await place.page(f"{STEP}?from=99999999999999999999999")).text("#log li:first-child") == "1 1"


async def test_without_scripts_a_form_leads_to_any_line_and_shows_times(place: Place) -> None:
    one = await step(place)
    await place.set(f"steps WHERE id = {one.id}", started=1_700_000_000)
    times = (0, 70, 7200, *(7300 for _ in range(300)))
    await place.logs.store(
        one.id, orjson.dumps([{"pos": at, "out": f"{at}\n", "time": t} for at, t in enumerate(times)])
    )

    def told(page: Page) -> list[str | None]:
        return [attributes(span).get("data-time") for span in page.doc.query("#log li > span")[:3]]

    page = await place.page(STEP)
    assert attributes(page.doc.query("#log form")[0])["action"] == f"{STEP}#log-title"
    assert told(page) == [None] * 3
    since = await place.page(f"{STEP}?from=1&times=since")
    assert told(since) == ["0:00", "1:10", "120:00"]
    assert since.links("#log .gap a")[0] == f"{STEP}?from=201&times=since#L201"
    assert told(await place.page(f"{STEP}?times=clock")) == ["22:13:20", "22:14:30", "00:13:20"]
    cookie = {"Cookie": f"_session_={place.cookies['reader']}; zone=Europe/Berlin"}
    berlin = Page(await place.get(f"{STEP}?times=clock", "", **cookie))
    assert told(berlin) == ["23:13:20", "23:14:30", "01:13:20"]
    assert "of day, Europe/Berlin" in berlin.text("#log form")
    assert attributes(berlin.doc.query(".reader")[0])["data-zone"] == "Europe/Berlin"


async def test_a_log_whose_beginning_was_dropped_says_so(place: Place) -> None:
    one = await step(place)
    await place.logs.store(one.id, orjson.dumps([{"pos": pos, "out": f"{pos}\n", "time": 0} for pos in range(50, 60)]))

    page = await place.page(STEP)

    assert "Only the end of this log is kept" in page.text("#log .gap")
    assert page.text("#L51") == "51 50"


async def test_a_log_of_another_runner_and_one_that_is_no_log_are_harmless(place: Place) -> None:
    one = await step(place)
    strange = b'[ {"out": "a\\n", "time": 1, "pos": 0}, 7, {"pos": "x"}, {"pos": 1, "out": null} ]'
    await place.logs.store(one.id, strange)
    assert (await place.page(STEP)).text("#log ol") == "1 a"

    await place.logs.store(one.id, b'{"no": "log"}')
    assert "This step wrote nothing." in (await place.page(STEP)).text("#log")


async def test_the_plain_text_has_all_and_no_colours(place: Place) -> None:
    await place.write_log(await step(place), "\x1b[31mred\x1b[0m\n", *("x\n" for _ in range(2000)))

    answer = await place.get(RAW)

    assert answer.text == "red\n" + "x\n" * 2000
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["content-disposition"] == 'inline; filename="octocat-hello-1-default-one.log"'


async def test_plain_text_that_is_not_there_is_a_page(place: Place) -> None:
    await step(place)

    assert "has no log" in (await place.page(RAW, status=404)).text()


async def test_hostile_output_is_text(place: Place) -> None:
    lines = [
        "<script>alert(1)</script>\n",
        "\x1b]8;;javascript:alert(1)\x07x\x1b]8;;\x07\n",
        "\u202e</li></ol>\n",
        "\0" * 10 + "\n",
        "y" * 2**20 + "\n",
    ]
    await place.logs.store((await step(place)).id, orjson.dumps([{"pos": 0, "out": "&lt;\n", "time": 0}]))
    await place.write_log(await second(place), *lines)

    page = await place.page("/octocat/hello/2/1/1")

    assert page.count("body script") == 0
    assert page.text("#L1") == "1 <script>alert(1)</script>"
    assert page.text("#L2") == "2 x"
    assert page.text("#L5").endswith("the raw log has the rest of this line")
    assert (await place.page(STEP)).text("#L1") == "1 &lt;"


async def second(place: Place) -> Step:
    stage = await place.ran(await place.scene.push(), "one")
    return stage.steps[0]
