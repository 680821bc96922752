"""Examples of calls about artifacts, where the types of their rows do not tell enough."""

from collections.abc import Mapping

from app.web.examples import Example

_REPOSITORY = {"rclass": "local", "packageType": "maven", "environments": ["DEV"]}
_SECTION = {
    "repositories": ["libs-release-local"],
    "include-patterns": ["org/**"],
    "actions": {"users": {"octocat": ["read", "write"]}, "groups": {"deployers": ["read"]}},
}
_FIRST_TARGET = {
    "name": "developers",
    "repositories": ["libs-release-local"],
    "principals": {"users": {"octocat": ["r", "w"]}, "groups": {"deployers": ["r"]}},
}
_REMOVED = Example(answer="The permission target developers was removed\n")
_SERVICE = "gantry@5a5bd3ca-0a4e-4ec8-a4e5-9d7e6d1c3f7a"
_FOUND = 'items.find({"repo": "libs-release-local", "@qa": "passed"}).include("name", "sha256")'
_OK = Example(answer="OK")

EXAMPLES: Mapping[str, Example] = {
    "artifacts.put": Example(body="the bytes of the file"),
    "artifacts.get": Example(answer="the bytes of the file"),
    "properties.update": Example(body={"props": {"qa": "passed", "draft": None}}),
    "search.aql": Example(body=_FOUND, headers=("'Content-Type: text/plain'",)),
    "environments.set_order": Example(body={"order": ["DEV", "STAGING", "PROD"]}),
    "platform.add_environment": Example(body={"name": "STAGING"}),
    "platform.add_project_environment": Example(body={"name": "apps-QA"}),
    "platform.rename_environment": Example(body={"new_name": "PREPROD"}),
    "platform.create_project": Example(body={"project_key": "apps", "display_name": "Apps"}),
    "platform.update_project": Example(body={"display_name": "Apps"}),
    "artifact_repositories.create": Example(_REPOSITORY, answer="Successfully created repository 'libs'\n"),
    "artifact_repositories.update": Example(
        {"description": "What is released"}, answer="Repository libs was updated\n"
    ),
    "artifact_repositories.delete": Example(answer="Repository libs and all its content were removed\n"),
    "artifact_repositories.create_several": Example(
        [{"key": "libs-dev-local", **_REPOSITORY}], answer="The repositories were created\n"
    ),
    "artifact_repositories.update_several": Example(
        [{"key": "libs-dev-local", "description": "What is tried"}], answer="The repositories were updated\n"
    ),
    "permissions.create": Example({"repo": _SECTION}, answer="The permission target developers was made\n"),
    "permissions.put": Example({"repo": _SECTION}, answer="The permission target developers was replaced\n"),
    "permissions.put_first": Example(_FIRST_TARGET, answer="The permission target developers was replaced\n"),
    "permissions.delete": _REMOVED,
    "permissions.delete_first": _REMOVED,
    "permissions.grant": Example(body={"actions": ["read", "deploy"], "includes": ["org/**"]}),
    "platform.ping": _OK,
    "platform.ping_access": _OK,
    "platform.service_id": Example(answer=_SERVICE),
    "platform.report_usage": Example(body={"productId": "jfrog-cli-go/2.78.0", "features": []}, answer=""),
    "platform.report_metrics": Example(body={"metrics_name": "jfcli_commands_count"}, answer=""),
}
