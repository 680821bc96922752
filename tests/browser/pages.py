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
    "build, runs there": Shown(f"/{SHOP}/{CURRENT}"),
    "build, runs there, for readers": Shown(f"/{SHOP}/{CURRENT}", "reader"),
    "approvals": Shown("/-/approvals"),
    "approvals of others": Shown("/-/approvals", "reader"),
    "approvals, told": Shown(f"/-/approvals?done=approved&build={SHOP}%231"),
    "approve": Shown(f"/{VAULT}/{WAITS}/-/approve"),
    "reject": Shown(f"/{VAULT}/{WAITS}/-/reject"),
    "reject, for readers": Shown(f"/{VAULT}/{WAITS}/-/reject", "reader"),
    "approve, nothing": Shown(f"/{SHOP}/{FAILED}/-/approve"),
    "cancel": Shown(f"/{VAULT}/{WAITS}/-/cancel"),
    "cancel, over": Shown(f"/{SHOP}/{FAILED}/-/cancel"),
    "run again": Shown(f"/{SHOP}/{FAILED}/-/again"),
    "run again, for readers": Shown(f"/{SHOP}/{FAILED}/-/again", "reader"),
    "step": Shown(f"/{SHOP}/{CURRENT}/2/1"),
    "step, black line": Shown(f"/{SHOP}/{CURRENT}/2/1#L8"),
    "go to": Shown("/-/go?q=shop"),
    "go to, nothing": Shown(f"/-/go?q={BROKEN}"),
    "keys": Shown("/-/keys"),
    "builds": Shown("/-/builds"),
    "builds, wrong filter": Shown("/-/builds?status=hungry"),
    "deployments": Shown("/-/deployments"),
    "compare": Shown(f"/{SHOP}/-/compare/{PUSHED}...{CURRENT}"),
    "artifacts": Shown("/-/artifacts", "root"),
    "build-info": Shown("/-/build-info", "root"),
    "release bundles": Shown("/-/bundles", "root"),
    "missing": Shown("/acme/nowhere"),
}
