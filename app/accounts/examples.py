"""Examples of calls about accounts, where the types of their rows do not tell enough."""

from collections.abc import Mapping

from app.web.examples import Example

_REVOKED = Example(answer="Token revoked\n")
_KEY_REVOKED = Example(answer="API key revoked\n")

EXAMPLES: Mapping[str, Example] = {
    "accounts.create": Example(body={"login": "kim", "email": "kim@example.com"}),
    "accounts.create_token": Example(body={"name": "deploy-bot", "scope": "promote", "repos": ["octocat/hello-world"]}),
    "people.create": Example(body={"email": "kim@example.com", "password": "a-token-of-16-characters", "admin": False}),
    "people.update": Example(body={"email": "kim@example.com", "groups": ["deployers"]}),
    "people.unlock": Example(answer="The account is not locked.\n"),
    "groups.create": Example(body={"description": "Who deploys", "userNames": ["octocat"]}),
    "groups.update": Example(body={"description": "Who deploys", "autoJoin": False}),
    "groups.delete": Example(answer="Group 'deployers' has been removed successfully.\n"),
    "tokens.password": Example(answer="gantry-token-of-24-chars"),
    "tokens.revoke": _REVOKED,
    "tokens.revoke.text": _REVOKED,
    "tokens.revoke.security": _REVOKED,
    "api_keys.delete": _KEY_REVOKED,
    "api_keys.delete.user": _KEY_REVOKED,
}
