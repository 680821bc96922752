"""What tests of creation ask a server for over HTTP."""

import re
from typing import Any

import httpx2

from tests.artifacts.site import Site

API = "/lifecycle/api/v2"
BUNDLE = f"{API}/release_bundle"
RECORDS = f"{BUNDLE}/records"
PROMOTIONS = f"{API}/promotion/records"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
STARTED = "2024-03-09T14:05:06.700+0000"


def files(*paths: str, sha256: str = "") -> dict[str, Any]:
    """The source of some files."""
    checked = {"sha256": sha256} if sha256 else {}
    return {"source_type": "artifacts", "artifacts": [{"path": path, **checked} for path in paths]}


def build(number: str, **more: Any) -> dict[str, Any]:
    return {"source_type": "builds", "builds": [{"build_name": "app", "build_number": number, **more}]}


def bundle(name: str, **more: str) -> dict[str, Any]:
    entry = {"release_bundle_name": name, "release_bundle_version": "1.0", **more}
    return {"source_type": "release_bundles", "release_bundles": [entry]}


def query(text: str) -> dict[str, Any]:
    return {"source_type": "aql", "aql": text}


def package(**fields: str) -> dict[str, Any]:
    asked = {"package_name": "left-pad", "package_version": "1.3.0", "package_type": "npm"}
    return {"source_type": "packages", "packages": [{**asked, "repository_key": "npm-local", **fields}]}


def single(source: dict[str, Any]) -> dict[str, Any]:
    """The form for sources of one type."""
    return {"source_type": source["source_type"], "source": {k: v for k, v in source.items() if k != "source_type"}}


def ask(site: Site, name: str, mode: str = "async=false", version: str = "1.0", **said: Any) -> httpx2.Response:
    """Ask for a version."""
    body = {"release_bundle_name": name, "release_bundle_version": version, **said}
    return site.ask("POST", f"{BUNDLE}?{mode}", json=body)


def create(site: Site, name: str, *sources: dict[str, Any], mode: str = "async=false", **said: Any) -> Any:
    """Create a version; the JSON of the answer."""
    answer = ask(site, name, mode, **said, **_several(sources))
    assert answer.status_code == (201 if "async=false" in mode else 200), answer.text
    return answer.json()


def _several(sources: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    return {"sources": list(sources)} if sources else {}


def content(site: Site, name: str, version: str = "1.0") -> list[str]:
    """The files of a specification."""
    told = site.json("GET", f"{RECORDS}/{name}/{version}")
    return sorted(f"{one['source_repository_key']}/{one['path']}" for one in told["artifacts"])


def status(site: Site, name: str, version: str = "1.0") -> str:
    return str(site.json("GET", f"{BUNDLE}/statuses/{name}/{version}")["status"])


def exists(site: Site, name: str) -> bool:
    return bool(site.json("GET", f"{BUNDLE}/existence/{name}/1.0")["exists"])
