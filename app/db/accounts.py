"""The tables of accounts: people and machines, their tokens and sessions, and their accounts at git hosts."""

from sqlalchemy import Column, Index, Table, Text, func

from app.db.columns import belongs_to, flags, ident, index_of_some, metadata, numbers, octets, table, texts

users = table(
    "users",
    ident(),
    *texts("login", "email", "avatar"),
    *flags("machine", "admin", "active"),
    *numbers("synced", "created", "updated", "last_login"),
    *texts("expected_from"),
)
Index("users_login", func.lower(users.c.login), unique=True)
index_of_some("users_admins", func.lower(users.c.login), where=users.c.admin)

tokens = table(
    "tokens",
    ident(),
    belongs_to("users", "user_id"),
    *texts("name", "scope", "repos"),
    *numbers("created", "expires", "used"),
    *texts("hash"),
)
Index("tokens_hash", tokens.c.hash, unique=True)
Index("tokens_name", tokens.c.user_id, tokens.c.name, unique=True)
Index("tokens_name_alone", tokens.c.name)

refresh_tokens = Table(
    "refresh_tokens", metadata, Column("hash", Text, primary_key=True), belongs_to("tokens", "token_id")
)
Index("refresh_tokens_token", refresh_tokens.c.token_id)

api_keys = table("api_keys", ident(), belongs_to("users", "user_id"), *octets("data"))
Index("api_keys_user", api_keys.c.user_id, unique=True)

sessions = table(
    "sessions",
    ident(),
    belongs_to("users", "user_id"),
    belongs_to("tokens", "token_id"),
    *numbers("created", "seen", "expires"),
    *texts("browser", "address", "hash"),
)
Index("sessions_hash", sessions.c.hash, unique=True)
Index("sessions_user", sessions.c.user_id, sessions.c.id)
Index("sessions_token", sessions.c.token_id)

host_accounts = table(
    "host_accounts",
    ident(),
    belongs_to("users", "user_id"),
    *texts("host", "uid", "login", "kind"),
    *octets("token", "refresh"),
    *numbers("expires"),
    *texts("broken"),
    *numbers("created", "updated", "synced", "repositories", "found"),
    *texts("fault"),
    *numbers("due", "lease", "renewing"),
)
Index("host_accounts_uid", host_accounts.c.host, host_accounts.c.uid, unique=True)
Index("host_accounts_user", host_accounts.c.user_id, host_accounts.c.host, unique=True)
_is_due = host_accounts.c.due != 0
index_of_some("host_accounts_due", host_accounts.c.due, host_accounts.c.id, where=_is_due)
