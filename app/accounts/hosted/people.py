"""Which account here has a person who has proved an account at a host, and whether there may be one.

Contract scm-api 7.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

from app import names
from app.accounts import moments, proofs
from app.accounts import store as accounts
from app.accounts.hosted import store
from app.accounts.hosted.model import AccountHost, HostAccount
from app.accounts.input import LONGEST_EMAIL, NO_MACHINE
from app.accounts.model import User
from app.db.tx import Tx
from app.errors import Conflict, Forbidden, Invalid
from app.moments import Actor, Recorders
from app.names import LONGEST_LOGIN
from app.scm.forge import Credential, Person

#: Seconds after which a log-in synchronises the repositories at once.
WEEK = 7 * 24 * 3600
#: Characters of the address of a picture.
LONGEST_AVATAR = 1000


class LoginRefused(Forbidden):
    """Who has proved an account at a host gets no account here; the message is for that person."""

    code = "login_refused"


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may log in."""

    #: The only logins and organisations whose people may log in, in any letter case; none for everybody.
    only: Collection[str] = ()
    #: Whether only accounts that are there already may log in.
    closed: bool = False

    async def check(self, host: AccountHost, person: Person, credential: Credential) -> None:
        """LoginRefused for a person who is not of `only`."""
        if not self.only:
            return
        only = {name.lower() for name in self.only}
        if person.login.lower() in only:
            return
        mine = await host.directory.organisations(credential)
        if only.isdisjoint(name.lower() for name in mine):
            words = f"{person.login} of {host.title} is in no organisation whose people may log in here"
            raise LoginRefused(f"{words}: ask an administrator of this server")


def whose(host: AccountHost, person: Person, rules: Rules, *, user_id: int = 0) -> Tx[User]:
    """The account of a person; one with the id 0 is still to be made. LoginRefused.

    The host's id of the person decides. A login says who somebody is only for an account whose person is expected from
    this host: anybody may have, or get, any login there. `user_id` is the account here that shall get the person's
    account at the host, 0 for a log-in.
    """
    known = yield from store.by_uid(host.name, person.uid)
    if user_id:
        user = yield from _linked_to(host, person, user_id, known)
    elif known is not None:
        user = yield from accounts.find_by_id(known.user_id)
    else:
        user = yield from _by_login(host, person, rules)
    if user is None:  # removed at this moment
        raise LoginRefused("the account was removed")
    if user.machine:
        raise LoginRefused(f"{user.login} is an account of a machine, and those log in nowhere")
    if not user.active:
        raise LoginRefused(f"the account {user.login} is not active: ask an administrator of this server")
    return user


def _by_login(host: AccountHost, person: Person, rules: Rules) -> Tx[User]:
    user = yield from accounts.find_if_any(person.login)
    if user is None:
        if rules.closed:
            words = f"{person.login} of {host.title} has no account here, and nobody may make one by logging in"
            way_out = f"gantry user add {person.login} --host {host.name}"
            raise LoginRefused(f"{words}: ask an administrator of this server for one ({way_out})")
        if not names.is_name(person.login, LONGEST_LOGIN):
            words = f"the login {person.login} of {host.title} cannot be a login here, which has"
            raise LoginRefused(f"{words} {names.rule(LONGEST_LOGIN)}")
        return User(0, person.login)
    if user.machine or user.expected_from != host.name:
        words = f"the login {user.login} belongs to another account here"
        way_out = f"if it is yours, log in to it first and connect it with {host.title} then"
        raise LoginRefused(f"{words}: {way_out}; else ask an administrator of this server")
    return user


def _linked_to(host: AccountHost, person: Person, user_id: int, known: HostAccount | None) -> Tx[User | None]:
    other = yield from store.of(user_id, host.name)
    if (known is not None and known.user_id != user_id) or (other is not None and other.uid != person.uid):
        words = f"{person.login} of {host.title} belongs to another account here, or this account has another one there"
        raise LoginRefused(f"{words}: an account has one account at a host")
    return (yield from accounts.find_by_id(user_id))


@dataclass(frozen=True, slots=True)
class Entry:
    """A person who has logged in at a host."""

    host: AccountHost
    person: Person
    #: What is to be stored of the account at the host; its `user_id` does not count.
    account: HostAccount
    #: The account here that shall get the account at the host; 0 for a log-in.
    user_id: int = 0


def enter(
    entry: Entry, rules: Rules, recorders: Recorders, *, admin: bool | None, token: str, address: str, now: int
) -> Tx[tuple[User, int]]:
    """The account of a person, made if need be, with the tokens of this log-in; and the id of its default token.

    `admin` is what a new account is, `token` the default token of an account that has none. LoginRefused.
    """
    person = entry.person
    user = yield from whose(entry.host, person, rules, user_id=entry.user_id)
    email = person.email if len(person.email) <= LONGEST_EMAIL and person.email.isprintable() else ""
    avatar = person.avatar if len(person.avatar) <= LONGEST_AVATAR else ""
    if not user.id:
        user = yield from accounts.create(person.login, token=token, now=now, email=email, admin=bool(admin))
        yield from recorders.record(moments.created(_by(user, address), user))
    user = yield from accounts.set_profile(user, avatar=avatar, email=email)
    is_new = yield from _keep(entry, user)
    if is_new and user.expected_from:
        come = accounts.expect(user, "", now)
        user = yield from moments.updating(recorders, _by(user, address), user.id, come)
    return user, (yield from proofs.default_id(user.id, proofs.hash_token(token), now))


def _by(user: User, address: str) -> Actor:
    return Actor("person", user.login, user.id, address, "session")


def _keep(entry: Entry, user: User) -> Tx[bool]:
    """Whether the account at the host is new here."""
    new = replace(entry.account, user_id=user.id)
    known = yield from store.by_uid(new.host, new.uid)
    if known is None:
        if (yield from store.link(new)) is None:
            raise LoginRefused("this account has another account at the host already, or got one at this moment")
    else:
        late = known.broken or not known.due or known.synced <= new.updated - WEEK
        yield from store.log_in(known, new if late else replace(new, due=known.due))
    return known is None


def expect(user: User, host: str, now: int) -> Tx[User]:
    """Say from which host the person of an account is expected; empty for none.

    Invalid for a machine, and Conflict when the account has an account at the host already.
    """
    if host and user.machine:
        raise Invalid.of([NO_MACHINE])
    if host and (known := (yield from store.of(user.id, host))):
        words = f"{user.login} has the account {known.login} at {host} already"
        raise Conflict(words, code="host_account_exists")
    return (yield from accounts.expect(user, host, now))
