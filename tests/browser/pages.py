"""The pages that the tests of all pages open: a new page, or a new state of one, is a new line here."""

from dataclasses import dataclass

from tests.browser.place import BROKEN, CURRENT, EMPTY, FAILED, PUSHED, SHOP, VAULT, WAITS


@dataclass(frozen=True, slots=True)
class Shown:
    """Where a page is, and who looks at it; nobody for an empty login."""

    address: str
    login: str = "keeper"


PAGES = {
    "first": Shown("/"),
    "first, signed out": Shown("/", ""),
    "sign in": Shown("/login", ""),
    "sign in, failed": Shown("/login?failed=true", ""),
    "account": Shown("/login"),
    "sign out": Shown("/logout"),
    "repository": Shown(f"/{SHOP}"),
    "repository, empty": Shown(f"/{EMPTY}"),
    "build, failed": Shown(f"/{SHOP}/{FAILED}"),
    "build, pushed": Shown(f"/{SHOP}/{PUSHED}"),
    "build, waits": Shown(f"/{VAULT}/{WAITS}"),
    "build, waits for others": Shown(f"/{VAULT}/{WAITS}", "reader"),
    "step": Shown(f"/{SHOP}/{CURRENT}/2/1"),
    "step, black line": Shown(f"/{SHOP}/{CURRENT}/2/1#L8"),
    "go to": Shown("/-/go?q=shop"),
    "go to, nothing": Shown(f"/-/go?q={BROKEN}"),
    "builds": Shown("/-/builds"),
    "builds, wrong filter": Shown("/-/builds?status=hungry"),
    "deployments": Shown("/-/deployments"),
    "compare": Shown(f"/{SHOP}/-/compare/{PUSHED}...{CURRENT}"),
    "artifacts": Shown("/-/artifacts", "root"),
    "build-info": Shown("/-/build-info", "root"),
    "release bundles": Shown("/-/bundles", "root"),
    "missing": Shown("/acme/nowhere"),
}
