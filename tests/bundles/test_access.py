"""Who may do what with which versions of release bundles, and promote them to which environments."""

from collections.abc import Mapping

import pytest

from app.accounts import proofs, store
from app.accounts.auth import Claim
from app.artifacts import permissions
from app.artifacts.access import Visitor, visitor_of
from app.artifacts.permissions import Part, Subject, Target
from app.bundles import access
from app.bundles.model import BUNDLES
from app.db.connect import Database
from app.db.tx import Tx
from app.errors import Forbidden, Unauthorized

PROJECT = f"apps-{BUNDLES}"
VERSIONS = [(BUNDLES, "shop", "1.0"), (BUNDLES, "shop", "2.0"), (BUNDLES, "web", "1.0"), (PROJECT, "shop", "1.0")]
ENVIRONMENTS = ("DEV", "QA", "PROD")
ALL = "DEV QA PROD"
#: The sections of permission targets of each account: repository, pattern, actions, environments.
GRANTED: Mapping[str, list[tuple[str, str, str, str]]] = {
    "nobody": [],
    "reader": [("ANY", "**", "read", "")],
    "creator": [("ANY", "**", "read deploy", "")],
    "promoter": [("ANY", "**", "read promote", "")],
    "blind": [("ANY", "**", "promote", "")],
    "tester": [("ANY", "**", "read", ""), ("ANY", "shop/**", "promote", "DEV QA")],
    "releaser": [("ANY", "shop/1.*", "read promote", "PROD"), (BUNDLES, "**", "read promote", "DEV")],
    "ofproject": [(PROJECT, "**", "read deploy promote delete", "")],
}
#: Where each account may promote each of VERSIONS to.
REACHED = {
    "administrator": (ALL, ALL, ALL, ALL),
    "promoter": (ALL, ALL, ALL, ALL),
    "tester": ("DEV QA", "DEV QA", "", "DEV QA"),
    "releaser": ("DEV PROD", "DEV", "DEV", "PROD"),
    "ofproject": ("", "", "", ALL),
}


@pytest.fixture
async def callers(db: Database) -> Mapping[str, Visitor]:
    """A visitor for each account, and a stranger without one."""
    return await db.write(_callers())


def _callers() -> Tx[Mapping[str, Visitor]]:
    found = {"stranger": (yield from visitor_of(Claim(), anonymous=True))}
    for login in ("administrator", *GRANTED):
        token = f"a token of {login}"
        user = yield from store.create(login, token=token, now=0, admin=login == "administrator")
        for at, (key, pattern, actions, environments) in enumerate(GRANTED.get(login, ())):
            grants = {Subject("user", user.id, login): tuple(actions.split())}
            part = Part((key,), (pattern,), (), grants, tuple(environments.split()))
            yield from permissions.put(Target(f"{login} {at}", {"releaseBundle": part}), 0)
        claim = Claim(token_hash=proofs.hash_token(token))
        found[login] = yield from visitor_of(claim, anonymous=False)
    return found


def reached(visitor: Visitor, version: tuple[str, str, str]) -> str:
    """The environments that a caller may promote a version to."""
    return " ".join(name for name in ENVIRONMENTS if not refusal(visitor, version, name))


def refusal(visitor: Visitor, version: tuple[str, str, str], environment: str) -> str:
    try:
        access.require_promote(visitor, *version, environment)
    except (Forbidden, Unauthorized) as error:
        return error.message
    return ""


async def test_who_may_promote_what_to_which_environment(callers: Mapping[str, Visitor]) -> None:
    found = {login: tuple(reached(visitor, version) for version in VERSIONS) for login, visitor in callers.items()}

    assert found == {login: REACHED.get(login, ("", "", "", "")) for login in callers}


@pytest.mark.parametrize(
    ("login", "message"),
    [
        ("tester", "Forbidden: the right promote to PROD is needed on release-bundles-v2:shop/1.0"),
        ("creator", "Forbidden: the right promote to PROD is needed on release-bundles-v2:shop/1.0"),
        ("blind", "Forbidden: the right read is needed on release-bundles-v2:shop/1.0"),
        ("nobody", "Forbidden: the right read is needed on release-bundles-v2:shop/1.0"),
        ("stranger", "Bad credentials: this needs an account"),
    ],
)
async def test_a_refusal_names_the_right_and_the_environment(
    callers: Mapping[str, Visitor], login: str, message: str
) -> None:
    assert refusal(callers[login], VERSIONS[0], "PROD") == message


async def test_each_right_is_for_itself(callers: Mapping[str, Visitor]) -> None:
    visitors = {login: callers[login] for login in ("reader", "creator", "promoter", "ofproject")}

    assert {
        login: [
            action for action in ("read", "deploy", "promote", "delete") if access.may(visitor, action, *VERSIONS[3])
        ]
        for login, visitor in visitors.items()
    } == {
        "reader": ["read"],
        "creator": ["read", "deploy"],
        "promoter": ["read", "promote"],
        "ofproject": ["read", "deploy", "promote", "delete"],
    }
