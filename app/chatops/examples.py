"""Examples of calls about chats, where the types of their rows do not tell enough."""

from collections.abc import Mapping

from app.chatops.systems.examples import EXAMPLES as SYSTEMS
from app.web.examples import Example

EXAMPLES: Mapping[str, Example] = {
    "chats.command": Example(
        body={
            "user": "U012AB3CD",
            "id": "17",
            "channel": "deploys",
            "text": "octocat/hello-world#1 to production TAG=v1.2.3",
        },
        answer={"text": "Promotion #2 was accepted", "response_type": "in_channel", "build": 2},
    ),
    "chats.link": Example(body={"code": "code-of-the-chat"}),
    **SYSTEMS,
}
