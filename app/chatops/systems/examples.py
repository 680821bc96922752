"""Examples of what Slack, Mattermost and Teams send, as one sends it by hand."""

from collections.abc import Mapping
from urllib.parse import urlencode

from app.web.examples import Example

_TEXT = "octocat/hello-world#1 to production TAG=v1.2.3"
_SLACK = {"team_id": "T012AB3CD", "user_id": "U012AB3CD", "channel_id": "C012AB3CD", "trigger_id": "1.2", "text": _TEXT}
_PRESS = (
    '{"type":"block_actions","team":{"id":"T012AB3CD"},"user":{"id":"U012AB3CD"},'
    '"actions":[{"type":"button","action_id":"press-0","action_ts":"1.2","value":"value-of-the-button"}]}'
)
_SIGNED_BY_SLACK = (
    '"X-Slack-Request-Timestamp: ${now:=$(date +%s)}"',
    '"X-Slack-Signature: v0=$(printf v0:%s:%s "$now" "$body"'
    ' | openssl dgst -sha256 -hmac "$GANTRY_SLACK_SIGNING_SECRET" -r | cut -c1-64)"',
)
_MATTERMOST = {"user_id": "u" * 26, "channel_id": "c" * 26, "team_id": "t" * 26, "trigger_id": "1", "text": _TEXT}
_CONTEXT = {"value": "value-of-the-button", "channel": "c" * 26, "asker": "u" * 26, "signature": "of-this-server"}
_TEAMS = {
    "type": "message",
    "id": "1767225600000",
    "timestamp": "2026-01-01T00:00:00Z",
    "text": f"<at>Gantry</at> {_TEXT}",
    "from": {"aadObjectId": "11111111-2222-3333-4444-555555555555"},
    "conversation": {"tenantId": "66666666-7777-8888-9999-000000000000"},
}
_KEY_OF_TEAMS = 'printf %s "$GANTRY_TEAMS_SECRET" | base64 -d | od -An -v -tx1 | tr -d " \\n"'
_SIGNED_BY_TEAMS = (
    f'printf %s "$body" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$({_KEY_OF_TEAMS})" -binary | base64'
)

EXAMPLES: Mapping[str, Example] = {
    "chats.slack_command": Example(
        body=urlencode(_SLACK),
        headers=_SIGNED_BY_SLACK,
        answer={"response_type": "in_channel", "text": "Promotion #2 was accepted", "blocks": []},
    ),
    "chats.slack_press": Example(body=urlencode({"payload": _PRESS}), headers=_SIGNED_BY_SLACK),
    "chats.mattermost_command": Example(
        body=urlencode(_MATTERMOST),
        headers=('"Authorization: Token $GANTRY_MATTERMOST_TOKEN"',),
        answer={"response_type": "in_channel", "text": "Promotion #2 was accepted", "attachments": []},
    ),
    "chats.mattermost_press": Example(
        body={"user_id": "u" * 26, "user_name": "ada", "channel_id": "c" * 26, "context": _CONTEXT},
        answer={"update": {"message": "Promotion #2 was accepted", "props": {"attachments": []}}},
    ),
    "chats.teams_command": Example(
        body=_TEAMS,
        headers=(f'"Authorization: HMAC $({_SIGNED_BY_TEAMS})"',),
        answer={"type": "message", "textFormat": "markdown", "text": "Promotion #2 was accepted"},
    ),
}
