"""The SQL of accounts at hosts."""

from dataclasses import replace

from app.accounts.hosted.model import HostAccount
from app.db import accounts, schema
from app.db.mapper import Mapper
from app.db.tx import Tx, many, one, run

OF_USER = "SELECT * FROM host_accounts WHERE user_id = :user_id ORDER BY host"
OF = "SELECT * FROM host_accounts WHERE user_id = :user_id AND host = :host"
BY_ID = "SELECT * FROM host_accounts WHERE id = :id"
BY_UID = "SELECT * FROM host_accounts WHERE host = :host AND uid = :uid"
#: The account at the host of whoever owns a repository.
OF_OWNER = """
    SELECT host_accounts.* FROM repos JOIN users ON users.id = repos.user_id AND users.active
        JOIN host_accounts ON host_accounts.user_id = users.id AND host_accounts.host = repos.scm
    WHERE repos.id = :repo_id
"""
ADD = schema.insert_sql(accounts.host_accounts, "ON CONFLICT DO NOTHING RETURNING *")
LOG_IN = """
    UPDATE host_accounts SET login = :login, kind = :kind, token = :token, refresh = :refresh, expires = :expires,
        broken = '', updated = :now, due = :due, renewing = 0
    WHERE id = :id RETURNING *
"""
#: For one caller at a time, until the lease is over.
LEASE_TOKEN = """
    UPDATE host_accounts SET renewing = :until WHERE id = :id AND renewing < :now AND token = :token RETURNING *
"""
RENEW = """
    UPDATE host_accounts SET token = :token, refresh = :refresh, expires = :expires, broken = '', updated = :now,
        renewing = 0
    WHERE id = :id AND token = :old RETURNING *
"""
BREAK = "UPDATE host_accounts SET broken = :reason, updated = :now, renewing = 0 WHERE id = :id AND token = :token"
RELEASE_TOKEN = "UPDATE host_accounts SET renewing = 0 WHERE id = :id AND token = :token"
#: The longest overdue account whose synchronisation no server does.
TAKE_DUE = """
    UPDATE host_accounts SET lease = :until, due = :next, found = 0
    WHERE lease < :now AND id = (
        SELECT id FROM host_accounts WHERE due <> 0 AND due <= :now AND lease < :now ORDER BY due, id LIMIT 1
    )
    RETURNING *
"""
TAKE = """
    UPDATE host_accounts SET lease = :until, due = :next, found = 0
    WHERE id = :id AND lease < :now RETURNING *
"""
GO_ON = "UPDATE host_accounts SET lease = :until, found = :found WHERE id = :id"
END = """
    UPDATE host_accounts SET lease = 0, synced = :now, repositories = :repositories, fault = '' WHERE id = :id
"""
FAIL = "UPDATE host_accounts SET lease = 0, fault = :fault WHERE id = :id"
PUT_BACK = "UPDATE host_accounts SET lease = 0, due = :now WHERE id = :id AND lease > 0"
#: Until the next log-in.
REST = "UPDATE host_accounts SET lease = 0, due = 0 WHERE id = :id"

MAPPER = Mapper(HostAccount, accounts.host_accounts)


def of_user(user_id: int) -> Tx[list[HostAccount]]:
    """What an account has at hosts, by host."""
    return [MAPPER.make(row) for row in (yield from many(OF_USER, user_id=user_id))]


def of(user_id: int, host: str) -> Tx[HostAccount | None]:
    """What an account has at a host."""
    row = yield from one(OF, user_id=user_id, host=host)
    return MAPPER.make(row) if row else None


def find(account_id: int) -> Tx[HostAccount | None]:
    """The account at a host by our id; None when it is gone."""
    row = yield from one(BY_ID, id=account_id)
    return MAPPER.make(row) if row else None


def by_uid(host: str, uid: str) -> Tx[HostAccount | None]:
    """The account at a host by the host's id."""
    row = yield from one(BY_UID, host=host, uid=uid)
    return MAPPER.make(row) if row else None


def of_owner(repo_id: int) -> Tx[HostAccount | None]:
    """What the owner of a repository has at the repository's host; None also when the owner is not active."""
    row = yield from one(OF_OWNER, repo_id=repo_id)
    return MAPPER.make(row) if row else None


def link(account: HostAccount) -> Tx[HostAccount | None]:
    """Store an account at a host; None when it is another account's, or the account has one at that host already."""
    row = yield from one(ADD, **MAPPER.values(account), renewing=0)
    return MAPPER.make(row) if row else None


def log_in(known: HostAccount, new: HostAccount) -> Tx[HostAccount]:
    """Store the login and the tokens of a log-in, and when the next synchronisation is due."""
    row = yield from one(
        LOG_IN,
        id=known.id,
        login=new.login,
        kind=new.kind,
        token=new.token,
        refresh=new.refresh,
        expires=new.expires,
        due=new.due,
        now=new.updated,
    )
    return MAPPER.make(row) if row else replace(new, id=known.id, user_id=known.user_id)


def lease_token(account: HostAccount, now: int, until: int) -> Tx[bool]:
    """Whether the caller may now ask the host for another token; nobody else may before a time."""
    leased = yield from one(LEASE_TOKEN, id=account.id, token=account.token, now=now, until=until)
    return leased is not None


def renew(account: HostAccount, token: bytes, refresh: bytes, expires: int, now: int) -> Tx[HostAccount | None]:
    """Store the next tokens; None when others are there meanwhile."""
    row = yield from one(
        RENEW, id=account.id, old=account.token, token=token, refresh=refresh, expires=expires, now=now
    )
    return MAPPER.make(row) if row else None


def break_token(account: HostAccount, reason: str, now: int) -> Tx[None]:
    """Store why the host does not take the token any more, unless another token is there meanwhile."""
    yield from run(BREAK, id=account.id, token=account.token, reason=reason, now=now)


def release_token(account: HostAccount) -> Tx[None]:
    """Let others ask for another token: this caller has failed to."""
    yield from run(RELEASE_TOKEN, id=account.id, token=account.token)


def take_due(now: int, until: int, following: int) -> Tx[HostAccount | None]:
    """Take an account whose synchronisation is due, until a time; the next one is due at `following`."""
    row = yield from one(TAKE_DUE, now=now, until=until, next=following)
    return MAPPER.make(row) if row else None


def take(account_id: int, now: int, until: int, following: int) -> Tx[HostAccount | None]:
    """As `take_due`, for one account, due or not; None while a server synchronises the account."""
    row = yield from one(TAKE, id=account_id, now=now, until=until, next=following)
    return MAPPER.make(row) if row else None


def go_on(account_id: int, found: int, until: int) -> Tx[None]:
    """Keep a taken account until a later time, and store how many repositories were found so far."""
    yield from run(GO_ON, id=account_id, found=found, until=until)


def end(account_id: int, repositories: int, now: int) -> Tx[None]:
    """A taken account is synchronised."""
    yield from run(END, id=account_id, repositories=repositories, now=now)


def fail(account_id: int, fault: str) -> Tx[None]:
    """A taken account could not be synchronised, and why."""
    yield from run(FAIL, id=account_id, fault=fault)


def put_back(account_id: int, now: int) -> Tx[None]:
    """Leave a taken account to another server, or to this one at its next start."""
    yield from run(PUT_BACK, id=account_id, now=now)


def rest(account_id: int) -> Tx[None]:
    """A taken account is not synchronised again until its person logs in."""
    yield from run(REST, id=account_id)
