"""Examples of calls about release bundles, where the types of their rows do not tell enough."""

from collections.abc import Mapping

from app.web.examples import Example

_NAMED = {"release_bundle_name": "shop", "release_bundle_version": "1.0"}
_SOURCE = {
    "source_type": "builds",
    "source": {"builds": [{"build_name": "app", "build_number": "42"}]},
}
_ADDED = {"source_type": "artifacts", "artifacts": [{"path": "libs-dev-local/org/app.jar"}]}

EXAMPLES: Mapping[str, Example] = {
    "bundles.create": Example(body={**_NAMED, **_SOURCE}),
    "bundles.update": Example(body={**_NAMED, "add_sources": [_ADDED]}),
    "bundles.promote": Example(body={"environment": "PROD", "included_repository_keys": ["libs-release-local"]}),
    "bundles.import": Example(body="the bytes of an exported version"),
    "bundles.tag": Example(body={"tag": "candidate"}),
    "platform.create_key_pair": Example({"pairName": "releases"}, answer="The key pair releases was registered\n"),
    "platform.remove_key_pair": Example(answer="The key pair releases was removed\n"),
    "platform.release_bundle": Example(answer=""),
}
