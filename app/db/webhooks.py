"""The tables of webhooks, and of what they send."""

from sqlalchemy import Index

from app.db.columns import belongs_to, flags, ident, may_belong_to, numbers, octets, table, texts

webhooks = table(
    "webhooks",
    ident(),
    may_belong_to("repos", "repo_id"),
    *texts("namespace"),
    *octets("url"),
    *texts("format"),
    *octets("secrets"),
    *texts("events", "targets", "statuses"),
    *flags("active"),
    *texts("reason"),
    *numbers("failing_since", "created", "updated"),
    *texts("creator"),
)
Index("webhooks_place", webhooks.c.repo_id, webhooks.c.namespace, webhooks.c.id)

webhook_events = table("webhook_events", ident(), *texts("key", "type", "drone", "payload"), *numbers("created"))
Index("webhook_events_created", webhook_events.c.created, webhook_events.c.id)

webhook_deliveries = table(
    "webhook_deliveries",
    ident(),
    belongs_to("webhooks", "webhook_id"),
    belongs_to("webhook_events", "event_id"),
    *texts("state"),
    *numbers("created", "attempted", "tries"),
    *texts("request"),
    *numbers("status"),
    *texts("answer"),
    *numbers("duration"),
    *texts("error"),
)
Index("webhook_deliveries_of", webhook_deliveries.c.webhook_id, webhook_deliveries.c.id)
Index(
    "webhook_deliveries_state",
    webhook_deliveries.c.webhook_id,
    webhook_deliveries.c.state,
    webhook_deliveries.c.id,
)
Index("webhook_deliveries_event", webhook_deliveries.c.event_id)
