"""Commands of JFrog's command line about release bundles, as the requests that it sends.

Contract jfrog-client-cases 2, 8.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2

from tests.acceptance import jf
from tests.acceptance.jf import Build, place

LIFECYCLE = "/lifecycle/api/v2"
BUNDLES = "release-bundles-v2"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
#: States that the command line knows, and those at which it asks again.
STATES = {"PENDING", "PROCESSING", "STARTED", "COMPLETED", "FAILED", "REJECTED", "DRAFT", "DELETING"}
WAITING = {"PENDING", "PROCESSING", "STARTED"}
#: The fields that the clients read, and their types.
PROMOTED = {
    "repository_key": str, "release_bundle_name": str, "release_bundle_version": str, "environment": str,
    "included_repository_keys": list, "excluded_repository_keys": list, "created": str, "created_millis": int,
}  # fmt: skip
SPECIFIED = {"created_by": str, "created": str, "created_millis": int, "artifacts": list}
ARTIFACT = {
    "path": str, "checksum": str, "source_repository_key": str, "package_type": str, "size": int, "properties": list,
}  # fmt: skip
RECORD = {
    "status": str, "repository_key": str, "release_bundle_name": str, "release_bundle_version": str,
    "environment": str, "service_id": str, "created_by": str, "created": str, "created_millis": int,
}  # fmt: skip
LIST = {"total": int, "limit": int, "offset": int}
VERSION = {
    "status": str, "repository_key": str, "release_bundle_name": str, "release_bundle_version": str,
    "service_id": str, "created_by": str, "created": str, "release_status": str,
}  # fmt: skip
GROUP = {
    "repository_key": str, "project_key": str, "project_name": str, "service_id": str, "created": str,
    "release_bundle_name": str, "release_bundle_version_latest": str, "release_bundle_versions_count": int,
}  # fmt: skip


class Jf(jf.Jf):
    """The commands; each one fails as the real one does when an answer is not the one that it wants."""

    def call(self, method: str, path: str, *fine: int, **options: Any) -> httpx2.Response:
        """A request below the lifecycle API, whose answer must have one of these statuses."""
        answer = self._client.request(method, f"{LIFECYCLE}/{path}", **options)
        assert answer.status_code in fine, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def rbc(self, name: str, version: str = "1.0", *, key: str = "", sync: bool = True, project: str = "",
            draft: bool = False, **said: Any) -> None:  # fmt: skip
        """`jf rbc`; `source_type` and `source`, or `sources`."""
        self.ask("GET", "api/system/version", 200)
        body = {"release_bundle_name": name, "release_bundle_version": version, **said}
        if draft:  # left out when false
            body["draft"] = True
        fine = (201,) if sync else (200, 202)
        self.call("POST", "release_bundle", *fine, json=body, headers=_headers(key), params=_query(project, sync=sync))

    def rbu(self, name: str, *sources: Mapping[str, Any], version: str = "1.0") -> None:
        """`jf rbu --add`."""
        body = {"release_bundle_name": name, "release_bundle_version": version, "add_sources": list(sources)}
        self.call("PATCH", "release_bundle", 200, json=body, params=_query(sync=True))

    def rbf(self, name: str, version: str = "1.0", key: str = "") -> None:
        """`jf rbf`."""
        path = f"release_bundle/{name}/{version}/finalize"
        self.call("POST", path, 200, headers=_headers(key), params=_query(sync=True))

    def rbp(
        self,
        name: str,
        environment: str,
        version: str = "1.0",
        *,
        promotion_type: str = "copy",
        key: str = "",
        sync: bool = True,
        project: str = "",
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
    ) -> Any:
        """`jf rbp`; what it prints."""
        self.ask("GET", "api/system/version", 200)
        body: dict[str, Any] = {"environment": environment}
        if include:
            body["included_repository_keys"] = list(include)
        if exclude:
            body["excluded_repository_keys"] = list(exclude)
        query = {"operation": promotion_type} | _query(project, sync=sync)
        fine = (201,) if sync else (200, 202)
        path = f"promotion/records/{name}/{version}"
        return _read(self.call("POST", path, *fine, json=body, headers=_headers(key), params=query).json(), PROMOTED)

    def rbdell(self, name: str, version: str = "1.0", environment: str = "", *, sync: bool = True) -> None:
        """`jf rbdell`: a version, or its promotions to an environment."""
        self.ask("GET", "api/system/version", 200)
        fine = 204 if sync else 200
        if not environment:
            self._delete(f"release_bundle/records/{name}/{version}", fine, sync=sync)
            return
        for one in self.promotions(name, version):
            if one["environment"].lower() == environment.lower():
                self._delete(f"promotion/records/{name}/{version}/{one['created_millis']}", fine, sync=sync)

    def _delete(self, path: str, fine: int, *, sync: bool) -> None:
        assert self.call("DELETE", path, fine, params=_query(sync=sync)).content == b""

    def rbdelr(self, name: str, version: str = "1.0") -> None:
        """`jf rbdelr`: a remote deletion, which says no mode."""
        body = {"dry_run": False, "distribution_rules": [{"site_name": "*", "city_name": "*", "country_codes": ["*"]}]}
        self.call("DELETE", f"release_bundle/records/{name}/{version}", 200, json=body)

    def rba(self, name: str, version: str = "1.0", *, tag: str | None = None, properties: str = "", del_prop: str = "",
            project: str = "") -> None:  # fmt: skip
        """`jf rba`."""
        self.ask("GET", "api/system/version", 200)
        if tag is not None:
            body = {"tag": tag, "exist": True} if tag else {"exist": True}
            path = f"release_bundle/records/{name}/{version}/tag"
            self.call("PUT", path, 200, json=body, params={"project": project or "default"})
        manifest = f"api/storage/{_repository(project)}/{name}/{version}/release-bundle.json.evd"
        for method, said in (("PUT", properties), ("DELETE", del_prop)):
            if said:
                self.ask(method, manifest, 200, 204, params={"properties": said, "recursive": "1"})

    def dl_bundle(self, name: str, version: str = "1.0", project: str = "") -> dict[str, bytes]:
        """`jf rt dl --bundle=NAME/VERSION`: the bytes by local path, which begins with the name of the bundle."""
        repo, triples = _repository(project), ""
        if self.exists(name, version, project):
            for path in (f"{name}/{version}", {"$match": f"{name}/{version}/*"}):
                triples += jf._compact({"$and": [{"repo": repo, "path": path, "name": {"$match": "*"}}]}) + ","
            condition = '"path":{"$ne":"."},' + f'"$or":[{triples[:-1]}]'
        else:
            of = {"release_artifact.release.name": name, "release_artifact.release.version": version}
            condition = f'"$and":[{jf._compact(of)}]'
        self.ask("GET", "api/system/version", 200)
        fields = jf._compact([*jf.FIELDS, "property"])[1:-1]
        found = self.dl(self.aql(f"items.find({{{condition}}}).include({fields})"))
        return {path.partition("/")[2]: content for path, content in found.items()}

    def exists(self, name: str, version: str = "1.0", project: str = "") -> bool:
        """Whether there is a version."""
        path = f"release_bundle/existence/{name}/{version}"
        headers = {"Content-Type": "application/json"}
        answer = self.call("GET", path, 200, 202, 404, headers=headers, params=_of(project)).json()
        assert answer in ({"exists": True}, {"exists": False})
        return bool(answer["exists"])

    def status(self, name: str, version: str = "1.0") -> str:
        """The state of a creation, when it is one at which the command line does not ask again."""
        return self._ended(f"release_bundle/statuses/{name}/{version}")

    def promotion_status(self, name: str, millis: int, version: str = "1.0") -> str:
        """The state of a promotion, in the same way."""
        return self._ended(f"promotion/statuses/{name}/{version}/{millis}")

    def _ended(self, path: str) -> str:
        def state() -> str:
            said: str = self.call("GET", path, 200).json()["status"]
            assert said in STATES
            return said

        self.server.until(lambda: state() not in WAITING, f"{path} ends")
        return state()

    def specification(self, name: str, version: str = "1.0") -> set[str]:
        """The files of a version, as `repository/path`; each is there once."""
        said = _read(self.call("GET", f"release_bundle/records/{name}/{version}", 200).json(), SPECIFIED)
        for one in said["artifacts"]:
            _read(one, ARTIFACT)
            assert all(entry.keys() == {"key", "values"} for entry in one["properties"])
        found = [f"{one['source_repository_key']}/{one['path']}" for one in said["artifacts"]]
        assert len(found) == len(set(found))
        return set(found)

    def promotions(self, name: str, version: str = "1.0") -> list[Any]:
        """The promotions of a version."""
        said = _read(self.call("GET", f"promotion/records/{name}/{version}", 200).json(), LIST)
        return [_read(one, RECORD) for one in said["promotions"]]

    def rbs_versions(self, name: str, **query: Any) -> tuple[list[str], int]:
        """`jf rbs versions`: the versions of a page, and how many there are."""
        return self._listed(f"records/{name}", "release_bundle_version", VERSION, query)

    def rbs_names(self, **query: Any) -> tuple[list[str], int]:
        """`jf rbs names`: the names of a page, and how many there are."""
        return self._listed("groups", "release_bundle_name", GROUP, query)

    def _listed(
        self, path: str, field: str, fields: Mapping[str, type], query: Mapping[str, Any]
    ) -> tuple[list[str], int]:
        said = _read(self.call("GET", f"release_bundle/{path}", 200, params=query).json(), LIST)
        return [str(_read(one, fields)[field]) for one in said["release_bundles"]], said["total"]

    def stored(self, repo: str) -> set[str]:
        """The files of a repository."""
        return {place(one).partition("/")[2] for one in self.s(f"{repo}/*")}


def of_build(build: Build, *, dependencies: bool = False, repository: str = "artifactory-build-info") -> dict[str, Any]:
    """A build as a source."""
    said = {"build_name": build.name, "build_number": build.number, "build_repository": repository}
    return said | ({"include_dependencies": True} if dependencies else {})


def of_bundle(name: str, version: str = "1.0", **more: str) -> dict[str, Any]:
    """A version as a source."""
    return {"release_bundle_name": name, "release_bundle_version": version, **more}


def _read(said: Any, fields: Mapping[str, type]) -> Any:
    """The JSON of an answer, which has these fields with values of these types."""
    for name, kind in fields.items():
        assert type(said[name]) is kind, f"{name} is {said[name]!r}"
        assert name != "created" or TIME.fullmatch(said[name]), said[name]
    return said


def _headers(key: str) -> dict[str, str]:
    return {"X-JFrog-Signing-Key-Name": key, "Content-Type": "application/json"}


def _query(project: str = "", *, sync: bool) -> dict[str, str]:
    return {"async": "false" if sync else "true", **_of(project)}


def _of(project: str) -> dict[str, str]:
    return {"project": project} if project else {}


def _repository(project: str) -> str:
    return f"{project}-{BUNDLES}" if project not in ("", "default") else BUNDLES
