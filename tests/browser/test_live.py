"""Open pages follow what happens on the server, and take nothing from who reads, types or walks by keys."""

import logging
import re
import statistics
import time
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Response, Route, expect

from app.ui import views
from tests.browser.browse import Browse, sign_in
from tests.browser.place import PUSHED, SHOP, STAGED, VAULT, Place

log = logging.getLogger(__name__)
#: What a page sees when somebody hides the page, or shows it again.
_HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
_BLOCKED = """
for (const name of ["localStorage", "BroadcastChannel"]) {
  Object.defineProperty(globalThis, name, { get() { throw new DOMException("blocked", "SecurityError"); } });
}
Object.defineProperty(Navigator.prototype, "locks", { value: undefined });
"""
#: Tells the page of a change, as another page of the browser would.
_CHANGED = """(message) => {
  const channel = new BroadcastChannel("gantry");
  for (let count = message.times ?? 1; count; count -= 1) channel.postMessage(message);
  channel.close();
}"""
#: Notes when a region changes first, and how long each renewal takes the browser, in milliseconds.
_WATCH = """(selector) => {
  const watched = (globalThis.watched = { seen: 0, morphs: [] });
  const { morph } = Idiomorph;
  Idiomorph.morph = (...given) => {
    const began = performance.now();
    morph(...given);
    watched.morphs.push(performance.now() - began);
  };
  const region = document.querySelector(selector);
  new MutationObserver(() => (watched.seen ||= Date.now())).observe(region, { subtree: true, childList: true });
}"""
#: How long a page waited for its regions, in milliseconds each.
_WAITED = """() => performance.getEntriesByType("resource")
  .filter(({ name, initiatorType }) => initiatorType === "fetch" && !name.includes("stream"))
  .map(({ requestStart, responseStart }) => responseStart - requestStart)"""
#: Puts ages and durations from these times on into a page.
_TIMES = """(starts) => document.getElementById("builds").replaceChildren(...starts.flatMap((start) => {
  const [age, duration] = [document.createElement("time"), document.createElement("span")];
  age.dateTime = new Date(1000 * start).toISOString();
  age.dataset.age = "";
  duration.dataset.since = start;
  return [age, duration];
}))"""
NOW = 1_800_000_000
CHANGED = {"changed": {SHOP: [PUSHED]}}


def expect_state(page: Page, words: str | re.Pattern[str]) -> None:
    expect(page.locator("#live")).to_have_text(words, use_inner_text=True)


def opened(page: Page, address: str) -> Page:
    """The page of an address, once it is live."""
    page.goto(address)
    expect_state(page, "● live")
    return page


def streams(place: Place) -> int:
    """How many streams of changes the server has open."""
    found = re.search(r"^gantry_event_readers(?:\{[^}]*\})? (\d+)", place.server.ask("GET", "/metrics").text, re.M)
    assert found is not None
    return int(found[1])


def is_of_builds(answer: Response) -> bool:
    """Whether it is an answer with the builds of a repository, and nothing else."""
    return "builds" in answer.request.headers.get("gantry-region", "")


def row(page: Page, number: int) -> Locator:
    return page.locator(f"#build-{number}")


def test_what_another_person_does_is_seen_without_a_load(browse: Browse, place: Place) -> None:
    page = opened(browse("reader"), f"/{SHOP}")

    number = place.promote("1.4.1", "staging")

    expect(row(page, number)).to_contain_text("success")
    expect(page.locator("#targets")).to_contain_text(f"build {number}")
    place.server.finished(SHOP, number)


def test_the_title_and_the_icon_of_a_build_follow_it(browse: Browse, place: Place) -> None:
    server, slug = place.server, place.server.register(place.repository.url, "acme/safe", visibility="private")
    server.push(slug, place.repository.git("rev-parse", "HEAD").strip())
    server.finished(slug, PUSHED)
    server.json("PATCH", f"/api/repos/{slug}", json={"protected": True})
    number = place.promote("2.0.0", slug=slug)
    page = opened(browse("octocat"), f"/{slug}/{number}")
    expect(page).to_have_title(f"‖ {number} {slug} · Gantry")

    assert server.ask("POST", f"/api/repos/{slug}/builds/{number}/decline/1").status_code == 204

    expect(page).not_to_have_title(f"‖ {number} {slug} · Gantry")
    expect(page.locator("link[rel=icon]")).not_to_have_attribute("href", re.compile("waits"))
    expect(page.locator("#head")).to_contain_text("octocat declined")


def test_a_renewal_keeps_focus_typed_text_selection_and_what_is_open(browse: Browse, place: Place) -> None:
    page = browse("reader")
    extra = '<input id="typed"><select id="kept"><option>a<option>b</select>'
    extra += '<details id="open"><summary>x</summary></details>'

    def add(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace("<table", extra + "<table", 1))

    page.route(re.compile(f"/{SHOP}$"), add)
    opened(page, f"/{SHOP}")
    page.locator("#open summary").click()
    page.locator("#kept").select_option("b")
    page.locator("#typed").fill("half a wor")
    page.evaluate("() => document.getElementById('typed').setSelectionRange(2, 4)")

    first = place.promote("1.4.2", "staging")
    expect(row(page, first)).to_contain_text("success")

    expect(page.locator("#typed")).to_be_focused()
    expect(page.locator("#typed")).to_have_value("half a wor")
    assert page.evaluate("() => document.getElementById('typed').selectionStart") == 2
    expect(page.locator("#kept")).to_have_value("b")
    expect(page.locator("#open")).to_have_attribute("open", "")

    link = row(page, first).get_by_role("link")
    link.focus()
    second = place.promote("1.4.3", "staging")
    expect(row(page, second)).to_contain_text("success")

    expect(link).to_be_focused()
    expect(link).to_have_text(str(first))


def test_new_rows_wait_while_somebody_reads_further_down(browse: Browse, place: Place) -> None:
    page = browse("reader")
    page.set_viewport_size({"width": 1280, "height": 260})
    opened(page, f"/{SHOP}")
    read = row(page, STAGED)
    read.scroll_into_view_if_needed()
    expect(page.locator("#builds-title")).not_to_be_in_viewport()
    before = read.bounding_box()

    number = place.promote("1.4.4", "staging")

    button = page.get_by_role("button", name="1 new")
    expect(button).to_be_visible()
    assert read.bounding_box() == before
    button.click()
    expect(row(page, number)).to_be_in_viewport()
    expect(row(page, number).get_by_role("link")).to_be_focused()
    expect(button).to_be_hidden()
    place.server.finished(SHOP, number)


def test_nothing_moves_below_the_pointer_of_who_decides(browse: Browse, place: Place) -> None:
    page = browse("keeper")
    page.clock.install()
    opened(page, "/-/approvals")
    page.locator("#approvals caption").first.hover()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.headers.get("gantry-region", "")))

    number = place.promote("2.1.0", slug=VAULT)
    page.evaluate(_CHANGED, {"changed": {VAULT: [number]}})
    page.clock.run_for(10_000)
    assert "approvals" not in asked
    page.mouse.move(0, 0)

    expect(page.get_by_role("link", name=f"{VAULT} build {number}")).to_be_visible()


def test_what_would_happen_follows_what_is_in_the_form(browse: Browse) -> None:
    page = browse("writer")
    page.goto(f"/{SHOP}/{STAGED}/-/promote")
    plan = page.locator("#plan")

    page.get_by_label("production").check()
    expect(plan.get_by_role("button", name="Promote to production")).to_be_visible()
    page.locator("[name^=value-]").first.fill("9.9.9")

    expect(plan).to_contain_text("9.9.9")
    expect(plan).not_to_have_attribute("aria-busy", "true")
    page.get_by_label("staging").check()
    expect(plan.get_by_role("button", name="Promote to staging")).to_be_visible()


def test_seven_tabs_share_one_stream_and_all_are_live(browse: Browse, place: Place) -> None:
    first = browse("reader")
    pages = [first, *(first.context.new_page() for _ in range(6))]
    for page in pages:
        opened(page, f"/{SHOP}")

    number = place.promote("1.4.5", "staging")

    for page in pages:
        expect(row(page, number)).to_contain_text("success")
    place.server.until(lambda: streams(place) == 1, "one stream is open")
    first.close()
    pages[1].goto("/login")
    later = place.promote("1.4.6", "staging")
    for page in pages[2:]:
        expect(row(page, later)).to_contain_text("success")
    place.server.finished(SHOP, later)


def test_a_page_that_is_not_looked_at_rests_and_catches_up(browse: Browse, place: Place) -> None:
    page = browse("reader")
    page.clock.install()
    opened(page, f"/{SHOP}")
    page.evaluate(_HIDE, True)
    page.clock.fast_forward(31_000)
    expect_state(page, "‖ paused")
    place.server.until(lambda: streams(place) == 0, "no stream is open")
    number = place.promote("1.4.7", "staging")
    place.server.finished(SHOP, number)
    assert row(page, number).count() == 0

    page.evaluate(_HIDE, False)

    expect(row(page, number)).to_contain_text("success")
    expect_state(page, "● live")


def test_a_page_outlives_a_restart_of_the_server(browse: Browse, place: Place) -> None:
    browse.accepted.append("net::ERR_|Failed to load resource")
    page = opened(browse("reader"), f"/{SHOP}")

    place.server.stop()
    expect_state(page, re.compile(r"○ reconnecting since \d\d:\d\d"))
    expect(page.get_by_role("status").first).to_contain_text(re.compile(r"what you see is as of \d\d:\d\d"))
    place.server.start()
    number = place.promote("1.4.8", "staging")

    expect(row(page, number)).to_contain_text("success")
    expect_state(page, "● live")
    expect(page.get_by_text("No connection to the server")).to_be_hidden()


def test_a_page_tells_that_its_reader_signed_out_elsewhere(browse: Browse, place: Place) -> None:
    browse.accepted.append("status 401|status of 401")
    page = browse()
    sign_in(page, place.tokens["reader"])
    opened(page, f"/{SHOP}")
    other = page.context.new_page()
    other.goto("/logout")
    other.get_by_role("main").get_by_role("button", name="Sign out").click()

    expect_state(page, "■ signed out")
    page.get_by_role("status").get_by_role("link", name="Sign in").click()
    page.get_by_label("Token").fill(place.tokens["reader"])
    page.get_by_role("button", name="Sign in").click()

    expect(page).to_have_url(f"{place.server.url}/{SHOP}")
    expect_state(page, "● live")


def test_pages_are_live_where_storage_is_blocked(browse: Browse, place: Place) -> None:
    page = browse("reader")
    page.context.add_init_script(_BLOCKED)
    opened(page, f"/{SHOP}")

    number = place.promote("1.4.9", "staging")

    expect(row(page, number)).to_contain_text("success")
    page.keyboard.press("?")
    expect(page.get_by_label("Letters and signs act as keys")).to_be_checked()
    place.server.finished(SHOP, number)


def test_who_is_not_signed_in_follows_public_repositories(browse: Browse, place: Place) -> None:
    slug = place.server.register(place.repository.url, "acme/open", visibility="public")
    page = opened(browse(), f"/{slug}")
    expect(page.locator("#builds")).to_contain_text("There is no build yet")

    assert place.server.push(slug, place.repository.git("rev-parse", "HEAD")).json()["number"] == 1

    expect(row(page, 1)).to_be_visible()
    place.server.finished(slug, 1)


def test_ages_and_durations_move_on_by_themselves(browse: Browse) -> None:
    page = browse("reader")
    page.clock.install()
    opened(page, f"/{SHOP}")
    seen = row(page, PUSHED).locator("time")
    page.evaluate("() => document.querySelector('#build-1 .number.soft').dataset.since = Date.now() / 1000 - 3700 | 0")

    page.clock.run_for(61_000)
    expect(seen).to_have_text(re.compile(r"^[1-9] min ago$"))
    expect(row(page, PUSHED).locator("[data-since]")).to_have_text("1 h 2 min")
    page.clock.fast_forward(7200_000)

    expect(seen).to_have_text("2 h ago")


def test_times_are_told_in_the_words_of_the_server(browse: Browse) -> None:
    page = browse("reader")
    browse.accepted.append("503")
    page.route("**/api/stream?**", lambda route: route.fulfill(status=503))  # so that the clock of the browser holds
    page.clock.install(time=NOW)
    page.goto(f"/{SHOP}")
    lengths = [0, 1, 43, 59, 60, 130, 3599, 3600, 3659, 3900, 86_399, 86_400, 90_000, 30 * 86_400, 366 * 86_400]
    page.evaluate(_TIMES, [NOW - length for length in lengths])

    page.clock.run_for(61_000)

    ages, durations = (page.locator(f"#builds [{name}]").all_inner_texts() for name in ("data-age", "data-since"))
    passed = range(60, 240)
    assert ages in [[views.age(NOW - one, NOW + more) for one in lengths] for more in passed]
    assert durations in [[views.duration(one + more) for one in lengths] for more in passed]


def test_a_crowd_of_changes_is_one_request_in_five_seconds(browse: Browse) -> None:
    page = browse("reader")
    page.clock.install()
    opened(page, f"/{SHOP}")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.headers.get("gantry-region", "")))

    with page.expect_response(is_of_builds):
        page.evaluate(_CHANGED, CHANGED | {"times": 30})
        page.clock.run_for(300)
    page.evaluate(_CHANGED, CHANGED | {"times": 30})
    page.clock.run_for(3000)
    assert asked == ["builds, targets"]

    with page.expect_response(is_of_builds):
        page.clock.run_for(3000)
    assert asked == ["builds, targets"] * 2


def test_a_region_that_takes_long_is_dimmed_and_one_that_fails_is_said(browse: Browse) -> None:
    page = opened(browse("reader"), f"/{SHOP}")
    held: list[Route] = []
    page.route(re.compile(f"/{SHOP}$"), lambda route: held.append(route))
    browse.accepted.append("status 503|status of 503")

    page.evaluate(_CHANGED, CHANGED)
    expect(page.locator("#builds")).to_have_attribute("aria-busy", "true")
    for route in held:
        route.fulfill(status=503, body="not now", content_type="text/plain")

    expect(page.get_by_text("The server could not renew a part of this page.")).to_be_visible()
    expect(page.locator("#builds")).not_to_have_attribute("aria-busy", "true")


@pytest.mark.parametrize("answer", [{"content_type": "text/plain"}, {"headers": {"Content-Type": "image/svg+xml"}}])
def test_only_a_page_of_the_server_is_put_into_the_page(browse: Browse, answer: dict[str, Any]) -> None:
    page = opened(browse("reader"), f"/{SHOP}")
    fake = '<section id="builds" data-live="repo:acme/shop">not from here</section>'
    page.route(re.compile(f"/{SHOP}$"), lambda route: route.fulfill(body=fake, **answer))

    with page.expect_response(re.compile(f"/{SHOP}$")):
        page.evaluate(_CHANGED, CHANGED)

    expect(page.locator("#builds")).not_to_contain_text("not from here")


def test_a_form_is_sent_once_and_comes_back_usable(browse: Browse, place: Place) -> None:
    page = browse()
    sign_in(page, place.tokens["reader"])
    page.goto("/logout")
    sent: list[str] = []

    def answer(route: Route) -> None:
        sent.append(route.request.method)
        route.fulfill(status=204)  # the browser stays where it is

    page.route("**/logout", answer)
    button = page.get_by_role("main").get_by_role("button", name="Sign out")

    button.dblclick()
    expect(button).to_have_attribute("aria-busy", "true")
    assert sent == ["POST"]
    page.evaluate("() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(button).not_to_have_attribute("aria-busy", "true")
    button.click()

    expect(button).to_have_attribute("aria-busy", "true")
    assert sent == ["POST", "POST"]


def test_an_open_page_does_not_grow(browse: Browse) -> None:
    page = browse("reader")
    page.clock.install()
    opened(page, f"/{SHOP}")

    def whole(route: Route) -> None:
        route.continue_(headers={k: v for k, v in route.request.headers.items() if k != "if-none-match"})

    page.route(re.compile(f"/{SHOP}$"), whole)
    tools = page.context.new_cdp_session(page)
    tools.send("Performance.enable")

    def weight() -> dict[str, float]:
        tools.send("HeapProfiler.collectGarbage")
        return {one["name"]: one["value"] for one in tools.send("Performance.getMetrics")["metrics"]}

    def renew(times: int) -> None:
        for _ in range(times):
            with page.expect_response(re.compile(f"/{SHOP}$")):
                page.evaluate(_CHANGED, CHANGED)
                page.clock.run_for(1500)
            expect(page.locator("#builds")).not_to_have_attribute("aria-busy", "true")

    renew(5)
    before = weight()
    renew(25)
    after = weight()

    log.info(f"heap {before['JSHeapUsedSize']:,.0f} → {after['JSHeapUsedSize']:,.0f}")
    assert after["Nodes"] < before["Nodes"] + 500
    assert after["JSEventListeners"] <= before["JSEventListeners"] + 5


def test_how_soon_a_change_is_seen_is_printed(browse: Browse, place: Place) -> None:
    page = browse("reader")
    times, regions, morphs = [], [], []
    for count in range(5):
        opened(page, f"/{SHOP}")
        page.evaluate(_WATCH, "#builds")
        number = place.promote(f"2.{count}", "staging")
        answered = time.time()
        expect(row(page, number)).to_be_visible()
        place.server.finished(SHOP, number)
        expect(row(page, number)).to_contain_text("success")
        watched = page.evaluate("() => globalThis.watched")
        times.append(watched["seen"] / 1000 - answered)
        morphs += watched["morphs"]
        regions += page.evaluate(_WAITED)

    log.info(f"change → seen: median {1000 * statistics.median(times):.0f} ms")
    log.info(f"region: server {statistics.median(regions):.1f} ms, browser {statistics.median(morphs):.1f} ms")
    assert morphs
