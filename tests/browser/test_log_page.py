"""The log of a step as a person reads it: long logs, logs that grow, what is found in them, and lines to point at."""

import json
import re
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson
import pytest
from playwright.sync_api import Locator, Page, expect

from app.builds.logs.logs import place as place_of
from tests.browser.browse import DESK, PHONE, Browse, sign_in
from tests.browser.place import CURRENT, SHOP, STAGED, Place
from tests.scm.repository import Repository

MANY, VAST = 100_000, 300_000
#: Of these lines every 25,000th looks like an error.
WRONG = [line for line in range(1, MANY + 1) if line % 25_000 == 0]
LONG = f"/{SHOP}/{CURRENT}/1/1"
SHORT = f"/{SHOP}/{STAGED}/1/1"
FEED = "acme/feed"
#: Prints the lines that a test writes to a file, and fails with the line "the end".
PIPELINE = textwrap.dedent("""\
    kind: pipeline
    type: exec
    name: feed
    clone: {disable: true}
    steps:
    - name: read
      commands:
      - |
        exec 3< "$FILE"
        while true; do
          while IFS= read -r line <&3; do
            if test "$line" = "the end"; then exit 3; fi
            printf '%s\\n' "$line"
          done
          sleep 0.02
        done
    trigger: {target: [feed]}
    ---
    kind: pipeline
    type: exec
    name: push
    clone: {disable: true}
    steps: [{name: push, commands: [echo pushed]}]
    trigger: {event: [push]}
    """)
SCROLLED = "(box) => [box.scrollTop, box.scrollHeight - box.clientHeight - box.scrollTop]"


def store(place: Place, address: str, lines: Sequence[str], first: int = 0) -> None:
    """Give the step of a page another log."""
    slug, number, stage, step = address.removeprefix("/").rsplit("/", 3)
    build = place.server.json("GET", f"/api/repos/{slug}/builds/{number}")
    one = build["stages"][int(stage) - 1]["steps"][int(step) - 1]
    path = place_of(place.server.data / "logs", one["id"])
    path.write_bytes(
        orjson.dumps([{"pos": pos, "out": out, "time": pos // 100} for pos, out in enumerate(lines, first)])
    )


@pytest.fixture(scope="module")
def long(place: Place) -> str:
    """The page of a step with many lines."""
    lines = [
        f"line {line} says {'error: no' if line in WRONG else 'that all is well,'} {line % 7}\n"
        for line in range(1, MANY + 1)
    ]
    store(place, LONG, lines)
    return LONG


class Fed:
    """A step that runs and prints what it is given."""

    def __init__(self, place: Place, file: Path) -> None:
        self.server, self.file = place.server, file
        file.touch()
        made = self.server.promote(FEED, 1, "feed", FILE=str(file))
        self.number = made["number"]
        self.page = f"/{FEED}/{self.number}/1/1"

    def say(self, *lines: str) -> None:
        with self.file.open("a") as out:
            out.write("".join(f"{line}\n" for line in lines))
        self.server.running(FEED, self.number, shows=f"{lines[-1]}\n")

    def end(self) -> None:
        with self.file.open("a") as out:
            out.write("the end\n")
        self.server.finished(FEED, self.number)


@pytest.fixture(scope="module")
def feed(place: Place) -> Place:
    """A place with the repository whose steps print what they are given."""
    repository = Repository(place.server.folder.parent / "feed")
    sha = repository.commit({".drone.yml": PIPELINE})
    place.server.register(repository.url, FEED, visibility="public")
    place.server.push(FEED, sha)
    place.server.finished(FEED, 1)
    return place


@pytest.fixture
def fed(feed: Place, tmp_path: Path) -> Iterator[Fed]:
    made = Fed(feed, tmp_path / "lines")
    made.say("hello")
    yield made
    made.end()


def log(page: Page) -> Locator:
    return page.locator("#log .log")


def line(page: Page, number: int) -> Locator:
    return page.locator(f"#L{number}")


def opened(page: Page, address: str) -> Page:
    """The page, once the script shows the log."""
    page.goto(address)
    expect(page.locator("#log .lines li").first).to_be_attached()
    return page


#: The texts of the lines in sight.
SEEN = """() => {
  const box = document.querySelector("#log .log").getBoundingClientRect();
  const isSeen = ({ top, bottom }) => bottom > box.top + 1 && top < box.bottom - 1;
  const rows = [...document.querySelectorAll("#log .lines li")].filter((row) => isSeen(row.getBoundingClientRect()));
  return rows.map((row) => row.lastChild.textContent);
}"""


def test_a_long_log_is_shown_from_its_beginning_with_few_nodes(browse: Browse, long: str) -> None:
    page = opened(browse("reader"), long)

    expect(line(page, 1)).to_have_text(re.compile("line 1 says"))
    expect(line(page, 1)).to_be_in_viewport()
    height = log(page).evaluate("(box) => box.scrollHeight")
    assert height >= MANY * 20
    for part in (0.5, 1, 0.2):
        log(page).evaluate("(box, part) => box.scrollTo(0, part * box.scrollHeight)", part)
        expect(page.locator(f"#L{round(part * MANY) or 1}")).to_be_attached()
    assert page.evaluate("() => document.querySelectorAll('*').length") < 6000


def test_find_looks_at_all_lines(browse: Browse, long: str) -> None:
    page = opened(browse("reader"), long)
    expect(page.locator(".strip i")).to_have_count(len(WRONG))

    log(page).press("f")
    page.keyboard.type("ERROR: NO")

    field, told = page.get_by_label("Find in the log"), page.locator("#log output")
    expect(told).to_have_text("1 of 4")
    expect(line(page, 25_000)).to_be_in_viewport()
    field.press("Enter")
    expect(told).to_have_text("2 of 4")
    expect(line(page, 50_000)).to_be_in_viewport()
    expect(page).to_have_url(re.compile("#L50000$"))
    field.press("Shift+Enter")
    field.press("Shift+Enter")
    expect(told).to_have_text("4 of 4")
    expect(line(page, 100_000)).to_be_in_viewport()
    page.get_by_role("button", name="The next match").click()
    expect(told).to_have_text("1 of 4")
    field.fill("nowhere")
    expect(told).to_have_text("not found")
    field.press("Escape")
    expect(log(page)).to_be_focused()
    expect(told).to_have_text("")


def test_an_address_of_lines_opens_there_and_the_history_leads_back(browse: Browse, long: str) -> None:
    page = opened(browse("reader"), f"{long}#L99990-L99992")
    expect(line(page, 99_990)).to_be_in_viewport()
    expect(page.locator("#log .here")).to_have_text([re.compile(f"line {n} ") for n in (99_990, 99_991, 99_992)])

    line(page, 99_985).locator("a").first.click()
    expect(page).to_have_url(re.compile(f"{long}#L99985$"))
    line(page, 99_987).locator("a").first.click(modifiers=["Shift"])
    expect(page).to_have_url(re.compile(f"{long}#L99985-L99987$"))
    expect(page.locator("#log .here")).to_have_count(3)

    page.go_back()
    expect(page.locator("#log .here")).to_have_text([re.compile("line 99985 ")])
    page.goto(f"{long}#L40000")
    expect(line(page, 40_000)).to_be_in_viewport()


def test_keys_lead_through_a_log_without_a_mouse(browse: Browse, long: str) -> None:
    page = opened(browse("reader"), long)
    log(page).focus()

    for number in (*WRONG, WRONG[0]):
        page.keyboard.press("e")
        expect(page).to_have_url(re.compile(f"#L{number}$"))
        expect(line(page, number)).to_be_in_viewport()
        expect(line(page, number)).to_have_class(re.compile("wrong"))
    page.keyboard.press("End")
    expect(line(page, MANY)).to_be_in_viewport()
    page.keyboard.press("Home")
    expect(line(page, 1)).to_be_in_viewport()
    page.keyboard.press("Control+f")
    expect(page.get_by_label("Find in the log")).to_be_focused()


def test_keys_pressed_elsewhere_come_as_events(browse: Browse, long: str) -> None:
    page = opened(browse("reader"), long)

    def press(key: str) -> bool:
        """Whether the page says that the key does something."""
        event = f"new CustomEvent('gantry:key', {{ detail: {key!r}, cancelable: true }})"
        return not page.evaluate(f"() => document.dispatchEvent({event})")

    assert press("f")
    expect(page.get_by_label("Find in the log")).to_be_focused()
    assert press("End")
    expect(line(page, MANY)).to_be_in_viewport()
    assert not press("x")
    assert press("]")
    expect(page).to_have_url(re.compile(f"/{SHOP}/{CURRENT}/2/1$"))
    expect(page.locator("#log .lines li").first).to_be_attached()
    assert press("[")
    expect(page).to_have_url(re.compile(f"{long}$"))


def test_wrapping_keeps_the_line_in_sight(browse: Browse, place: Place) -> None:
    store(place, SHORT, [f"{number} {'word ' * (number % 400)}\n" for number in range(1, 20_001)])
    page = opened(browse("reader"), f"{SHORT}#L9990")
    expect(line(page, 9990)).to_be_in_viewport()
    top = page.evaluate(SEEN)[0]

    page.get_by_role("button", name="wrap").click()
    expect(page.get_by_role("button", name="wrap")).to_have_attribute("aria-pressed", "true")

    assert page.evaluate(SEEN)[0] == top
    assert line(page, 9990).evaluate("(row) => row.offsetHeight") > 100
    for _ in range(5):
        before = page.evaluate(SEEN)
        log(page).evaluate("(box) => { box.scrollTop -= 400; }")
        expect(page.locator("#log .lines ol").first).to_be_attached()
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        after = page.evaluate(SEEN)
        assert int(after[0].split()[0]) <= int(before[0].split()[0]) <= int(after[-1].split()[0])
    page.get_by_role("button", name="wrap").click()
    assert page.evaluate(SEEN)[0] == after[0]


def test_times_are_shown_as_wanted_and_remembered(browse: Browse, long: str) -> None:
    page = opened(browse("reader"), f"{long}#L13000")

    page.context.add_cookies([{"name": "zone", "value": "Asia/Kolkata", "url": page.url}])
    page.get_by_label("times").select_option("since start")
    expect(line(page, 13_000).locator("span")).to_have_attribute("data-time", "2:09")
    page.reload()
    expect(line(page, 13_000).locator("span")).to_have_attribute("data-time", "2:09")
    page.get_by_label("times").select_option("of day, Asia/Kolkata")
    expect(line(page, 13_000).locator("span")).to_have_attribute("data-time", re.compile(r"^\d\d:\d\d:\d\d$"))
    page.get_by_label("times").select_option("off")
    expect(line(page, 13_000).locator("span")).not_to_have_attribute("data-time", re.compile(""))


COPY = """() => {
  const data = new DataTransfer(), kind = { clipboardData: data, bubbles: true, cancelable: true };
  document.querySelector("#log .log").dispatchEvent(new ClipboardEvent("copy", kind));
  return data.getData("text/plain");
}"""


def test_copying_gives_the_text_without_numbers_and_escapes(browse: Browse, place: Place) -> None:
    store(place, SHORT, ["\x1b[31mred\x1b[0m one\n", "10%\r100%\n", "three\n", *("x\n" for _ in range(8000)), "end\n"])
    page = opened(browse("reader"), f"{SHORT}#L1-L3")
    expect(line(page, 1).locator(".fg-red")).to_have_text("red")

    assert page.evaluate(COPY) == "red one\n100%\nthree\n"
    page.evaluate(
        "() => document.getSelection().setBaseAndExtent(L1.lastChild.lastChild, 1, L3.lastChild.firstChild, 2)"
    )
    assert page.evaluate(COPY) == "one\n100%\nth"
    page.evaluate("() => document.getSelection().empty()")
    log(page).press("End")
    expect(line(page, 8004)).to_be_in_viewport()
    log(page).press("Control+a")
    expect(page.locator("#log .here").nth(50)).to_be_attached()
    assert page.evaluate(COPY) == "red one\n100%\nthree\n" + 8000 * "x\n" + "end\n"


def test_hostile_lines_are_text_and_the_page_lives(browse: Browse, place: Place) -> None:
    hostile = [
        "<img src=x onerror=alert(1)><script>alert(1)</script>\n",
        "\x1b]8;;javascript:alert(1)\x07click\x1b]8;;\x07\n",
        "x" * 2**20 + "\n",
        "".join(map(chr, range(256))) + "\n",
        "half \x1b[38;2;1",
        "a\rb" * 5000 + "\n",
        "".join(f"\x1b[38;5;{n % 256}m{n}" for n in range(5000)) + "\n",
        "two\nlines\n",
        "\u202eeh https://shop.example/x, javascript:alert(1)\n",
        "last\n",
    ]
    store(place, SHORT, hostile)
    page = opened(browse("reader"), SHORT)

    expect(line(page, 1).locator("span")).to_have_text(hostile[0].strip())
    expect(line(page, 2).locator("span")).to_have_text("click")
    expect(line(page, 3)).to_contain_text("the raw log has the rest of this line")
    expect(line(page, 6).locator("span")).to_have_text("ba")
    expect(line(page, 8)).to_contain_text("two⏎lines")
    links = page.locator("#log .lines span a")
    expect(links).to_have_count(1)
    expect(links).to_have_attribute("href", "https://shop.example/x")
    expect(links).to_have_attribute("rel", "noopener noreferrer nofollow")
    assert line(page, 7).evaluate("(row) => row.querySelectorAll('*').length") < 500
    height = log(page).evaluate("() => getComputedStyle(L1).height")
    assert {height} == set(
        page.locator("#log .lines li").evaluate_all("(all) => all.map((one) => getComputedStyle(one).height)")
    )


def test_what_was_cut_off_is_said_first(browse: Browse, place: Place) -> None:
    store(place, SHORT, [f"line {number}\n" for number in range(7001, 7010)], first=7000)
    page = opened(browse("reader"), SHORT)

    expect(page.locator("#log .gap")).to_contain_text("only the end of this log is kept, from line 7,001 on")
    expect(line(page, 7001)).to_have_text("7001line 7001")
    page.goto(f"{SHORT}#L3")
    expect(line(page, 7001)).to_be_in_viewport()
    page.goto(f"{SHORT}#L8000")
    expect(page.locator("#log [role=status]")).to_have_text("This log ends with line 7,009.")


def test_a_step_that_runs_is_followed_until_a_person_scrolls_up(browse: Browse, fed: Fed) -> None:
    fed.say(*(f"line {number}" for number in range(200)))
    page = opened(browse("reader"), fed.page)
    follow, fresh = page.get_by_role("button", name="follow"), page.locator("[name=fresh]")
    expect(follow).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("line 199")).to_be_in_viewport()
    fed.say("one more")
    expect(page.get_by_text("one more")).to_be_in_viewport()

    log(page).evaluate("(box) => box.scrollTo(0, 100)")
    expect(follow).to_have_attribute("aria-pressed", "false")
    fed.say("unseen")
    expect(fresh).to_have_text("1 new line ↓")
    fed.say(*(f"more {number}" for number in range(213)))
    expect(fresh).to_have_text("214 new lines ↓")
    assert log(page).evaluate(SCROLLED)[0] == 100

    log(page).evaluate("(box) => box.scrollTo(0, box.scrollHeight)")
    expect(follow).to_have_attribute("aria-pressed", "true")
    expect(fresh).to_be_hidden()
    log(page).evaluate("(box) => box.scrollTo(0, 100)")
    fed.say("and another")
    fresh.click()
    expect(page.get_by_text("and another")).to_be_in_viewport()
    expect(log(page)).to_be_focused()


def test_what_a_step_has_printed_since_is_found_too(browse: Browse, fed: Fed) -> None:
    fed.say("needle 1", "needle 2")
    page = opened(browse("reader"), fed.page)
    field, told = page.get_by_label("Find in the log"), page.locator("#log output")
    field.fill("needle ")
    expect(told).to_have_text("1 of 2")

    fed.say("needle 3")
    expect(page.get_by_text("needle 3")).to_be_attached()
    field.press("Enter")

    expect(told).to_have_text("2 of 3")


def test_nothing_moves_for_those_who_want_that_and_the_words_stay(browse: Browse, fed: Fed) -> None:
    moving, calm = opened(browse("reader"), fed.page), opened(browse("reader", calm=True), fed.page)

    for page in (moving, calm):
        expect(page.locator("#head .running")).to_have_text("running")
    assert moving.evaluate("() => document.getAnimations().length") > 0
    assert calm.evaluate("() => document.getAnimations().length") == 0
    assert calm.evaluate("() => getComputedStyle(document.documentElement).scrollBehavior") == "auto"


def test_the_end_of_a_step_is_said(browse: Browse, feed: Place, tmp_path: Path) -> None:
    fed = Fed(feed, tmp_path / "lines")
    page = browse("reader")
    page.goto(fed.page)
    fed.say("the first")
    expect(page.get_by_text("the first")).to_be_in_viewport()

    fed.say("the last")
    fed.end()

    expect(page.locator("#log [role=status]")).to_have_text("step ended: failed, exit code 3")
    expect(page.get_by_text("the last")).to_be_in_viewport()
    expect(page.get_by_role("button", name="follow")).to_be_hidden()


def test_a_log_that_is_deleted_while_it_is_read_stays_and_says_so(browse: Browse, place: Place) -> None:
    store(place, SHORT, [f"line {number}\n" for number in range(1, 400_001)])
    page = opened(browse("reader"), SHORT)
    browse.accepted.append("404")
    place.server.ask("DELETE", f"/api/repos/{SHOP}/builds/{STAGED}/logs/1/1")

    log(page).press("End")

    expect(page.locator("#log [role=status]")).to_contain_text("somebody has deleted it")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    log(page).press("Home")
    expect(line(page, 1)).to_have_text("1line 1")


def test_who_is_signed_out_while_reading_is_told_and_can_come_back(browse: Browse, place: Place) -> None:
    store(place, SHORT, [f"line {number}\n" for number in range(1, 400_001)])
    page = opened(browse("reader"), SHORT)
    browse.accepted.append("401")
    page.context.clear_cookies()

    log(page).press("End")

    expect(page.locator("#log [role=status]")).to_contain_text("You are signed out")
    expect(page.locator(".says").get_by_role("link", name="Sign in")).to_be_visible()
    sign_in(page.context.new_page(), place.tokens["reader"])
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("line 400000")).to_be_in_viewport()


def test_a_connection_that_is_lost_is_said_and_nothing_is_lost(browse: Browse, place: Place) -> None:
    store(place, SHORT, [f"line {number}\n" for number in range(1, 400_001)])
    page = opened(browse("reader"), SHORT)
    browse.accepted.append("ERR_INTERNET_DISCONNECTED")
    page.context.set_offline(True)

    log(page).press("End")

    expect(page.locator("#log [role=status]")).to_contain_text("The connection to the server is lost")
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("line 400000")).to_be_in_viewport()
    expect(page.locator("#log [role=status]")).to_have_text("")


def test_a_log_that_is_too_long_to_be_held_is_searched_by_the_server(browse: Browse, place: Place) -> None:
    store(place, SHORT, [f"{number} {'x' * 90}{' needle' * (number % 10_000 == 0)}\n" for number in range(1, 100_001)])
    page = opened(browse("reader"), f"{SHORT}#L85000")
    expect(line(page, 85_000)).to_be_in_viewport()

    log(page).press("f")
    page.keyboard.type("needle")

    expect(page.locator("#log output")).to_have_text("9 of 10")
    page.keyboard.press("Enter")
    expect(line(page, 100_000)).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(line(page, 10_000)).to_be_in_viewport()


def test_a_log_that_is_higher_than_browsers_show_is_scrolled_in_parts(browse: Browse, place: Place) -> None:
    store(place, SHORT, [f"line {number}\n" for number in range(1, 250_001)])
    page = opened(browse("reader"), SHORT)
    told = page.locator("#log .part")
    expect(told).to_contain_text("Lines 1 to 200,000 of 250,000 are shown here")
    expect(page.get_by_role("button", name="the lines before")).to_be_hidden()

    page.get_by_role("button", name="the lines after").click()
    expect(line(page, 200_001)).to_be_in_viewport()
    expect(told).to_contain_text("Lines 100,001 to 250,000 of 250,000")
    expect(log(page)).to_be_focused()
    page.keyboard.press("End")
    expect(line(page, 250_000)).to_be_in_viewport()
    page.get_by_role("button", name="the lines before").click()
    expect(line(page, 100_000)).to_be_in_viewport()
    page.keyboard.press("Home")
    expect(line(page, 1)).to_be_in_viewport()
    page.goto(f"{SHORT}#L230000")
    expect(line(page, 230_000)).to_be_in_viewport()


@pytest.fixture
def vast(place: Place) -> str:
    """A step with more lines than browsers show at once and than are held: each is a needle, three look like errors."""
    wrong = {150_000, 150_001, 290_000}
    said = (f"{'error' if n in wrong else 'needle'} {n} {'x' * 24}\n" for n in range(1, VAST + 1))
    store(place, SHORT, [*said])
    return SHORT


def test_find_leads_through_all_parts_of_a_log_and_tells_which_line_it_is(browse: Browse, vast: str) -> None:
    page = opened(browse("reader"), f"{vast}#L250000")
    expect(line(page, 250_000)).to_be_in_viewport()
    field, told = page.get_by_label("Find in the log"), page.locator("#log output")

    log(page).press("f")
    page.keyboard.type("needle")
    expect(told).to_have_text("249,998 of 299,997")
    field.press("Enter")
    expect(told).to_have_text("249,999 of 299,997")
    expect(page).to_have_url(re.compile("#L250001$"))
    field.press("Shift+Enter")
    field.press("Shift+Enter")
    expect(told).to_have_text("249,997 of 299,997")
    expect(line(page, 249_999)).to_be_in_viewport()

    field.fill("needle 300")
    expect(told).to_have_text("112 of 112")
    expect(line(page, VAST)).to_be_in_viewport()
    field.press("Enter")
    expect(told).to_have_text("1 of 112")
    expect(line(page, 300)).to_be_in_viewport()
    expect(page.locator("#log .part")).to_contain_text("Lines 1 to 200,000")
    field.press("Shift+Enter")
    expect(told).to_have_text("112 of 112")
    expect(page.locator("#log .part")).to_contain_text("to 300,000 of 300,000")

    log(page).press("Home")
    field.fill("needle")
    expect(told).to_have_text("1 of 299,997")
    field.press("Shift+Enter")
    expect(told).to_have_text("299,997 of 299,997")
    expect(line(page, VAST)).to_be_in_viewport()
    field.press("Enter")
    expect(told).to_have_text("1 of 299,997")
    expect(line(page, 1)).to_be_in_viewport()


def test_a_search_that_gets_no_answer_is_tried_again(browse: Browse, vast: str) -> None:
    page = opened(browse("reader"), vast)
    browse.accepted.append("ERR_FAILED")
    asked = re.compile("find=|errors=")
    page.route(asked, lambda route: route.abort())

    page.get_by_label("Find in the log").fill("needle 299999")
    expect(page.locator("#log [role=status]")).to_contain_text("The connection to the server is lost")
    page.unroute(asked)
    page.get_by_role("button", name="Try again").click()

    expect(line(page, 299_999)).to_be_in_viewport()
    expect(page.locator("#log output")).to_have_text("1 of 1")
    page.route(asked, lambda route: route.abort())
    log(page).press("e")
    expect(page.locator("#log [role=status]")).to_contain_text("The connection to the server is lost")
    page.unroute(asked)
    page.get_by_role("button", name="Try again").click()

    expect(line(page, 150_000)).to_be_in_viewport()


def test_the_next_error_is_found_in_all_parts_of_a_log(browse: Browse, vast: str) -> None:
    page = opened(browse("reader"), vast)

    for number in (150_000, 150_001, 290_000, 150_000):
        log(page).press("e")
        expect(page).to_have_url(re.compile(f"#L{number}$"))
        expect(line(page, number)).to_be_in_viewport()


def test_a_long_log_without_errors_is_searched_by_the_server_and_not_loaded(browse: Browse, place: Place) -> None:
    store(place, SHORT, [f"{n} {'x' * 80}\n" for n in range(1, VAST + 1)])
    page = opened(browse("reader"), f"{SHORT}#L250000")
    expect(line(page, 250_000)).to_be_in_viewport()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    log(page).press("e")

    expect(page.locator("#log [role=status]")).to_have_text("No line looks like an error.")
    expect(line(page, 250_000)).to_be_in_viewport()
    assert sum("errors=true" in url for url in asked) == 2
    assert len(asked) < 25  # of 60 blocks, as many as are held


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_a_page_without_scripts_shows_the_log_and_no_tools(browse: Browse, long: str, width: int) -> None:
    page = browse("reader", scripts=False, width=width)
    page.goto(f"{long}#L50")

    expect(line(page, 50)).to_be_in_viewport()
    expect(page.get_by_role("button", name="wrap")).to_have_count(0)
    page.get_by_label("from line").fill("50000")
    page.get_by_label("times").select_option("of day, UTC")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile("#log-title$"))
    expect(line(page, 50_000)).to_be_in_viewport()
    expect(line(page, 50_000).locator("span")).to_have_attribute("data-time", re.compile(r"^\d\d:\d\d:\d\d$"))


def test_a_printed_log_has_the_lines_of_the_server(browse: Browse, long: str) -> None:
    page = opened(browse("reader"), long)

    page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    expect(page.locator("#log .log li[id]")).to_have_count(160)
    expect(line(page, MANY)).to_be_attached()
    page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    expect(page.locator("#log .lines li").first).to_be_attached()


def test_the_page_and_the_script_read_escape_sequences_alike(browse: Browse, place: Place) -> None:
    cases = json.loads((Path(__file__).parents[2] / "fixtures" / "ansi.json").read_text())
    page = browse("reader")
    page.goto(SHORT)
    address = page.locator("link[href$='/ansi.js']").get_attribute("href")

    got = page.evaluate(
        """async ([address, texts]) => {
          const { Painter } = await import(address);
          const flat = ({ text, classes, link = "", front, back }) => [text, classes, link, front, back];
          return texts.map((text) => new Painter("").line(text).map(flat));
        }""",
        [address, [text for text, *_ in cases]],
    )

    for pieces, (text, near, *exact) in zip(got, cases, strict=True):
        want = exact[0] if exact else [[*piece, "", "", ""][:5] for piece in near]
        assert pieces == want, text


def test_a_server_that_is_killed_and_starts_again_is_found_and_no_line_is_lost(
    browse: Browse, feed: Place, tmp_path: Path
) -> None:
    fed = Fed(feed, tmp_path / "lines")
    page = opened(browse("reader"), fed.page)
    browse.accepted.append("ERR_|Failed to fetch")
    fed.say("said early")
    expect(page.get_by_text("said early")).to_be_in_viewport()
    status = page.locator("#log [role=status]")

    feed.server.kill()
    expect(status).to_contain_text("The connection to the server is lost")
    expect(page.get_by_text("said early")).to_be_visible()
    feed.server.start()

    expect(status).to_contain_text("step ended: ")
    expect(page.get_by_text("said early")).to_be_visible()


def test_how_quick_it_is_is_told(browse: Browse, long: str) -> None:
    """Prints, and asserts nothing: times differ from machine to machine."""
    page = opened(browse("reader"), long)
    expect(page.locator(".strip i")).to_have_count(len(WRONG))
    log(page).press("f")
    client = page.context.new_cdp_session(page)
    client.send("HeapProfiler.collectGarbage")
    heap = page.evaluate("() => performance.memory.usedJSHeapSize") / 1e6
    page.evaluate(
        """() => {
          const told = document.querySelector("#log output");
          const seen = new MutationObserver(() => { window.took = performance.now() - window.began; });
          seen.observe(told, { childList: true });
          addEventListener("input", () => { window.began = performance.now(); }, true);
        }"""
    )
    for text in ("error: no", "error: n"):
        page.get_by_label("Find in the log").fill(text)
        expect(page.locator("#log output")).to_have_text("1 of 4")
        sys.stdout.write(f"find {text!r}: {page.evaluate('() => window.took'):.0f} ms\n")
        page.get_by_label("Find in the log").fill("x")
        expect(page.locator("#log output")).to_have_text("not found")
    nodes = page.evaluate("() => document.querySelectorAll('*').length")
    sys.stdout.write(f"heap {heap:.1f} MB, {nodes} elements\n")
