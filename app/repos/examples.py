"""Examples of calls about repositories, where the types of their rows do not tell enough."""

from collections.abc import Mapping

from app.web.examples import Example

_FILE = "kind: pipeline\ntype: exec\nname: deploy\n\nsteps:\n- name: deploy\n  commands:\n  - ./deploy.sh\n"

EXAMPLES: Mapping[str, Example] = {
    "repos.set_credentials": Example(body={"name": "octocat", "token": "token-of-the-host"}),
    "repos.update": Example(body={"protected": True, "parameters": ["VERSION"]}),
    "repos.sign": Example(body={"data": _FILE}),
    "secrets.create": Example(body={"name": "deploy_key", "data": "s3cr3t"}),
    "secrets.create.namespace": Example(body={"name": "deploy_key", "data": "s3cr3t"}),
    "templates.create": Example(body={"name": "deploy.yaml", "data": _FILE}),
    "templates.update": Example(body={"data": _FILE}),
    "templates.update.put": Example(body={"data": _FILE}),
    "people.delete": Example(answer="User 'octocat' has been removed successfully.\n"),
}
