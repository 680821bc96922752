"""The pages that the tests of all pages open: a new page, or a new state of one, is a new line here."""

from dataclasses import dataclass

from tests.browser.place import BROKEN, BUNDLE, CURRENT, EMPTY, FAILED, PUSHED, RUN, SHOP, STORED, VAULT, WAITS


@dataclass(frozen=True, slots=True)
class Shown:
    """Where a page is, and who looks at it; nobody for an empty login."""

    address: str
    login: str = "keeper"
    #: Whether another line opens the same page in its usual state: then two devices are enough.
    again: bool = False


PAGES = {
    "first": Shown("/"),
    "first, signed out": Shown("/", "", again=True),
    "sign in": Shown("/login", ""),
    "sign in, failed": Shown("/login?failed=true", "", again=True),
    "signed in": Shown("/login", again=True),
    "account": Shown("/-/account"),
    "sign out": Shown("/logout"),
    "repository": Shown(f"/{SHOP}"),
    "repository, empty": Shown(f"/{EMPTY}"),
    "build, failed": Shown(f"/{SHOP}/{FAILED}"),
    "build, pushed": Shown(f"/{SHOP}/{PUSHED}", again=True),
    "build, waits": Shown(f"/{VAULT}/{WAITS}"),
    "build, waits for others": Shown(f"/{VAULT}/{WAITS}", "reader", again=True),
    "build, runs there": Shown(f"/{SHOP}/{CURRENT}", again=True),
    "build, runs there, for readers": Shown(f"/{SHOP}/{CURRENT}", "reader", again=True),
    "approvals": Shown("/-/approvals"),
    "approvals of others": Shown("/-/approvals", "reader", again=True),
    "approvals, told": Shown(f"/-/approvals?done=approved&build={SHOP}%231", again=True),
    "approve": Shown(f"/{VAULT}/{WAITS}/-/approve"),
    "reject": Shown(f"/{VAULT}/{WAITS}/-/reject"),
    "reject, for readers": Shown(f"/{VAULT}/{WAITS}/-/reject", "reader", again=True),
    "approve, nothing": Shown(f"/{SHOP}/{FAILED}/-/approve", again=True),
    "cancel": Shown(f"/{VAULT}/{WAITS}/-/cancel"),
    "cancel, over": Shown(f"/{SHOP}/{FAILED}/-/cancel", again=True),
    "run again": Shown(f"/{SHOP}/{FAILED}/-/again"),
    "run again, for readers": Shown(f"/{SHOP}/{FAILED}/-/again", "reader", again=True),
    "target": Shown(f"/{SHOP}/-/targets/production"),
    "promote": Shown(f"/{SHOP}/{PUSHED}/-/promote?target=staging"),
    "promote, for readers": Shown(f"/{SHOP}/{PUSHED}/-/promote?target=staging", "reader", again=True),
    "roll back": Shown(f"/{SHOP}/{CURRENT}/-/rollback?target=production"),
    "new build": Shown(f"/{SHOP}/-/new?branch=main"),
    **{
        f"settings, {subject}": Shown(f"/{SHOP}/-/settings/{subject}")
        for subject in ("general", "access", "secrets", "cron", "hooks", "danger")
    },
    "step": Shown(f"/{SHOP}/{CURRENT}/2/1"),
    "step, black line": Shown(f"/{SHOP}/{CURRENT}/2/1#L8", again=True),
    "go to": Shown("/-/go?q=shop"),
    "go to, nothing": Shown(f"/-/go?q={BROKEN}", again=True),
    "keys": Shown("/-/keys"),
    "builds": Shown("/-/builds"),
    "builds, wrong filter": Shown("/-/builds?status=hungry", again=True),
    "deployments": Shown("/-/deployments"),
    "compare": Shown(f"/{SHOP}/-/compare/{PUSHED}...{CURRENT}"),
    "artifacts": Shown("/-/artifacts", "root"),
    "build-info": Shown("/-/build-info", "root"),
    "release bundles": Shown("/-/bundles", "root"),
    "folder": Shown("/-/artifacts/libs-dev/org", "root"),
    "file": Shown(f"/-/artifacts/{STORED}", "root"),
    "runs": Shown("/-/build-info/shop", "root"),
    "run": Shown(f"/-/build-info/{RUN}", "root"),
    "versions of a bundle": Shown("/-/bundles/shop", "root"),
    "version of a bundle": Shown(f"/-/bundles/{BUNDLE}", "root"),
    "missing": Shown("/acme/nowhere"),
}
