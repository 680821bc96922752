"""The tables of chats: who of a chat has which account, and what people of chats have asked for."""

from sqlalchemy import Column, Index, Table, Text

from app.db.columns import belongs_to, flags, ident, index_of_some, metadata, numbers, octets, table, texts

chat_accounts = table(
    "chat_accounts",
    ident(),
    belongs_to("users", "user_id"),
    *texts("system", "tenant", "chat_user", "name", "tenant_name"),
    *numbers("created"),
)
Index(
    "chat_accounts_person",
    chat_accounts.c.system,
    chat_accounts.c.tenant,
    chat_accounts.c.chat_user,
    unique=True,
)
Index("chat_accounts_user", chat_accounts.c.user_id, chat_accounts.c.id)

chat_links = Table(
    "chat_links",
    metadata,
    Column("system", Text, primary_key=True),
    Column("tenant", Text, primary_key=True),
    Column("chat_user", Text, primary_key=True),
    *texts("name", "tenant_name", "code"),
    *numbers("expires"),
)
Index("chat_links_code", chat_links.c.code, unique=True)
Index("chat_links_expires", chat_links.c.expires)

chat_requests = table(
    "chat_requests",
    ident(),
    *texts("key", "system", "tenant", "chat_user", "channel"),
    *numbers("user_id", "created"),
    *texts("state", "answer"),
    *numbers("repo_id", "build_id"),
    *texts("intent"),
    *octets("place"),
    *texts("host"),
    *flags("follows"),
    *texts("shown"),
    *numbers("posts"),
    *texts("note"),
)
Index("chat_requests_key", chat_requests.c.key, unique=True)
Index(
    "chat_requests_person",
    chat_requests.c.system,
    chat_requests.c.tenant,
    chat_requests.c.chat_user,
    chat_requests.c.created,
)
Index("chat_requests_user", chat_requests.c.user_id, chat_requests.c.created)
_about_a_build = chat_requests.c.build_id != 0
index_of_some("chat_requests_build", chat_requests.c.build_id, chat_requests.c.id, where=_about_a_build)
_unanswered = chat_requests.c.state == "working"
index_of_some("chat_requests_working", chat_requests.c.created, where=_unanswered)
Index("chat_requests_created", chat_requests.c.created, chat_requests.c.id)
