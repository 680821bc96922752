"""Pages as a person opens them, and the complaints of the browser about what the server sent.

Playwright runs an event loop in the thread of the tests as long as its Chromium lives, so what a test does besides may
start no loop in this thread (`tests.postgres.apart` starts one in another). The pages' policy forbids evaluated text:
wait with locators and `expect`, never with a predicate.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    StorageState,
    ViewportSize,
    WebError,
    expect,
    sync_playwright,
)

from tests.browser.place import Place
from tests.soon import PATIENCE

Scheme = Literal["light", "dark"]
#: Where Chromium may be; Playwright's own is never fetched.
PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
#: Widths of a desk, a phone, and the narrowest that pages are made for, in pixels.
DESK, PHONE, NARROWEST = 1280, 390, 320
#: Milliseconds.
PATIENT = 1000 * PATIENCE
#: A process for pictures and one for each site are of no use here, and take a fifth of the time of a new page.
_CHEAPER = ["--disable-gpu", "--disable-site-isolation-trials"]
_WIDE_HEIGHT, _TALL_HEIGHT = 800, 844
#: Tells the console, which is watched, what the policy refused.
_TELL = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`policy: ${event.violatedDirective} refused ${event.blockedURI} ${event.sourceFile || ""}`);
});
"""
#: What Chromium says of a page with the status of an error, which our pages of errors are.
_STATUS = "Failed to load resource: the server responded with a status of"


class Browse:
    """Opens pages, each in a browser of its own, and collects the complaints."""

    def __init__(self, chromium: Browser, place: Place) -> None:
        self.chromium = chromium
        self.place = place
        #: Patterns of complaints that a test wants, such as those about a server that it stopped.
        self.accepted: list[str] = []
        self._complaints: list[str] = []
        self._errors: set[str] = set()
        self._contexts: list[BrowserContext] = []

    def __call__(
        self,
        login: str = "",
        *,
        scheme: Scheme = "light",
        width: int = DESK,
        scripts: bool = True,
        calm: bool = False,
        bypass_csp: bool = False,
    ) -> Page:
        """An empty page of a browser in which this person is signed in, or nobody.

        `calm` is for people who want little motion. Pages that are opened from it are watched, too.
        """
        context = self.chromium.new_context(
            base_url=self.place.server.url,
            storage_state=self.session(login) if login else None,
            color_scheme=scheme,
            viewport=_viewport(width),
            has_touch=width != DESK,
            java_script_enabled=scripts,
            reduced_motion="reduce" if calm else "no-preference",
            bypass_csp=bypass_csp,
            locale="en-GB",
            timezone_id="Europe/Berlin",
        )
        self._contexts.append(context)
        context.set_default_timeout(PATIENT)
        context.add_init_script(_TELL)
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("request", self._request)
        context.on("response", self._response)
        return context.new_page()

    def session(self, login: str) -> StorageState:
        """What the browser of somebody keeps who has signed in, once in a module."""
        if login not in self.place.sessions:
            page = self()
            sign_in(page, self.place.tokens[login])
            self.place.sessions[login] = page.context.storage_state()
            page.context.close()
        return self.place.sessions[login]

    def become(self, page: Page, login: str) -> None:
        """Be signed in as another person in the browser of a page, or as nobody for an empty login."""
        page.context.clear_cookies()
        for cookie in self.session(login)["cookies"] if login else ():
            page.context.add_cookies([{"name": cookie["name"], "value": cookie["value"], "url": self.place.server.url}])

    def close(self) -> None:
        """Close all browsers; AssertionError as `check`."""
        for context in self._contexts:
            context.close()
        self._contexts.clear()
        self.check()

    def check(self) -> None:
        """AssertionError with what the browsers have complained about since the last call."""
        accepted = [*self.accepted, *(f"{_STATUS}.*{re.escape(f'({url})')}$" for url in self._errors)]
        complaints = [one for one in self._complaints if not any(re.search(each, one) for each in accepted)]
        self._complaints.clear()
        assert not complaints, "\n".join(complaints)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._complaints.append(f"console {message.type}: {message.text} ({message.location['url']})")

    def _error(self, error: WebError) -> None:
        self._complaints.append(f"script: {error.error}")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != urlsplit(self.place.server.url).netloc:
            self._complaints.append(f"request to another host: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status < 400:
            return
        if response.request.is_navigation_request():
            self._errors.add(response.url)
        else:
            self._complaints.append(f"status {response.status}: {response.url}")


class Device:
    """An open page on one device after another: what the page has loaded stays."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._session = page.context.new_cdp_session(page)  # as long as it lives, what it emulates stays

    def become(self, width: int, scheme: Scheme = "light") -> None:
        """Be a device of this width and scheme of colours; all but a desk are touched."""
        self._session.send("Emulation.setTouchEmulationEnabled", {"enabled": width != DESK})
        self.page.emulate_media(color_scheme=scheme)
        self.page.set_viewport_size(_viewport(width))


def _viewport(width: int) -> ViewportSize:
    return {"width": width, "height": _WIDE_HEIGHT if width == DESK else _TALL_HEIGHT}


def sign_in(page: Page, token: str, *, back: str = "") -> None:
    """Sign in by the page for that, with a token; `back` is the page that a person wanted to see."""
    page.goto(f"/login?next={back}" if back else "/login")
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("header details summary")).to_be_visible()


@contextmanager
def started() -> Iterator[Browser]:
    """A Chromium, in which each test has contexts of its own."""
    expect.set_options(timeout=PATIENT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=_CHEAPER, timeout=PATIENT)
        yield browser
        browser.close()
