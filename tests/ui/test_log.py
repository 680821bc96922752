"""The log of a step on the page: numbered, coloured, in parts where it is long, and as plain text."""

import orjson

from app.builds.model import Step
from tests.ui.farside import Place

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


async def test_a_long_log_shows_both_ends_and_the_way_to_the_rest(place: Place) -> None:
    one = await step(place)
    lines = [{"pos": pos, "out": f"line {pos + 1}\n", "time": 0} for pos in range(100_000)]
    await place.logs.store(one.id, orjson.dumps(lines))

    page = await place.page(STEP)

    assert page.count("#log li") == 1001
    assert page.text("#log .gap").startswith("99,000 lines not shown here: the lines from 501 on")
    assert page.text("#L99501") == "99501 line 99501"
    (rest, _) = page.links("#log .gap a")
    middle = await place.page(rest)
    assert middle.text("#L501") == "501 line 501"
    assert middle.count("#log ol > li[id]") == 1000
    assert middle.links("#log .gap a") == [f"{STEP}?from=1", f"{STEP}?from=1501", RAW]


async def test_parts_of_a_log_lead_to_its_beginning(place: Place) -> None:
    one = await step(place)
    await place.write_log(one, *(f"{number}\n" for number in range(1, 3001)))

    assert (await place.page(f"{STEP}?from=2500")).links("#log .gap a") == [f"{STEP}?from=1500"]
    assert (await place.page(f"{STEP}?from=3001")).text("#log p") == "This log ends with line 3000."
    assert (await place.page(f"{STEP}?from=sideways")).text("#log li:first-child") == "1 1"
    assert (await place.page(f"{STEP}?from=99999999999999999999999")).text("#log li:first-child") == "1 1"


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
