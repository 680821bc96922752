"""Commands of JFrog's command line as the requests that it sends (contract artifactory-storage 7.3)."""

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus

import httpx2

from tests.acceptance.server import Server

FIELDS = ("name", "repo", "path", "actual_md5", "actual_sha1", "sha256", "size", "type", "modified", "created")
#: Statuses that end a command well.
FINE = (200, 201, 202, 204)
_seconds = itertools.count(10)


def sums(content: bytes) -> dict[str, str]:
    """The checksums of bytes, as a build-info says them."""
    return {name: hashlib.new(name, content).hexdigest() for name in ("sha1", "sha256", "md5")}


@dataclass
class Build:
    """What `jf` keeps of a build until it is published."""

    name: str
    number: str
    started: str = ""
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    dependencies: list[dict[str, Any]] = field(default_factory=list)
    modules: list[dict[str, Any]] = field(default_factory=list)
    project: str = ""

    def __post_init__(self) -> None:
        at = next(_seconds)
        self.started = self.started or f"2026-02-03T04:{at // 60:02}:{at % 60:02}.000+0000"

    @property
    def path(self) -> str:
        """The address of the run."""
        return f"api/build/{quote(self.name, safe='')}/{quote(self.number, safe='')}"


class Jf:
    """The commands; each one fails as the real one does when a status is not the one it wants."""

    def __init__(self, server: Server, client: httpx2.Client | None = None) -> None:
        self.server = server
        self._client = client or server.client

    def ask(self, method: str, path: str, *fine: int, **options: Any) -> httpx2.Response:
        """A request whose answer must have one of these statuses."""
        answer = self._client.request(method, f"/artifactory/{path}", **options)
        assert answer.status_code in (fine or FINE), f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def repo_create(self, key: str, **fields: Any) -> str:
        """`jf rt repo-create`; the key."""
        body = {"key": key, "rclass": "local", "packageType": "generic", **fields}
        self.ask("PUT", f"api/repositories/{key}", 200, json=body)
        return key

    def u(self, path: str, content: bytes = b"x", build: Build | None = None, **props: str | Sequence[str]) -> None:
        """`jf rt u` of one file."""
        pairs = [
            (key.replace("__", "."), value)
            for key, values in props.items()
            for value in ([values] if isinstance(values, str) else values)
        ]
        if build is not None:
            pairs += [("build.name", build.name), ("build.number", build.number)]
            repo, _, inner = path.partition("/")
            name = inner.rpartition("/")[2]
            of = {"name": name, "type": name.rpartition(".")[2], "path": inner, "originalDeploymentRepo": repo}
            build.artifacts.append({**of, **sums(content)})
        matrix = "".join(f";{quote_plus(key)}={quote_plus(value)}" for key, value in pairs)
        self.ask("PUT", quote(path) + matrix, 200, 201, 202, content=content)

    def bp(self, build: Build) -> None:
        """`jf rt bp`."""
        module = {"type": "generic", "id": build.name, "artifacts": build.artifacts, "dependencies": build.dependencies}
        modules = build.modules + [module] * bool(build.artifacts or build.dependencies)
        body = {"name": build.name, "number": build.number, "started": build.started, "modules": modules}
        headers = {"Content-Type": "application/vnd.org.jfrog.artifactory+json"}
        self.ask("PUT", "api/build", 200, 201, 204, content=json.dumps(body), headers=headers, params=_of(build))
        self.ask("GET", "api/system/version", 200)

    def bpr(self, build: Build, target: str, **options: Any) -> list[Any]:
        """`jf rt bpr`; the messages."""
        body = {"targetRepo": target, "dependencies": False, "copy": False, "failFast": True, "dryRun": False}
        path = f"api/build/promote/{quote_plus(build.name)}/{quote_plus(build.number)}"
        answer = self.ask("POST", path, 200, json=body | options, params=_of(build))
        messages: list[Any] = answer.json()["messages"]
        return messages

    def ba(self, into: Build, other: Build) -> None:
        """`jf rt ba`: the run becomes a module of another one."""
        self.info(other)
        query = _compact(
            {
                "repo": "artifactory-build-info",
                "path": {"$match": other.name},
                "name": {"$match": f"{other.number}-*.json"},
            }
        )
        [file] = self.aql(f'items.find({query}).include("name","repo","path","actual_sha1","actual_md5")')
        module = {"type": "build", "id": f"{other.name}/{other.number}"}
        into.modules.append({**module, "sha1": file["actual_sha1"], "md5": file["actual_md5"]})

    def info(self, build: Build) -> Any:
        """GET of a run."""
        return self.ask("GET", build.path, 200, params=_of(build)).json()["buildInfo"]

    def latest(self, name: str) -> str:
        """The number of the newest run, as `--build=NAME/LATEST` finds it."""
        query = f'{{"type": "file","repo": "artifactory-build-info","path": {{"$match": {json.dumps(name)}}}}}'
        [file] = self.aql(f'items.find({query}).sort({{"$desc":["created"]}}).limit(1)')
        number: str = file["name"].rpartition("-")[0]
        return number

    def aql(self, query: str) -> list[Any]:
        """The results of a query."""
        results: list[Any] = self.ask("POST", "api/search/aql", 200, content=query).json()["results"]
        return results

    def s(
        self,
        pattern: str,
        *,
        props: Mapping[str, str] | None = None,
        exclude_props: Mapping[str, str] | None = None,
        exclude: Sequence[str] = (),
        dirs: bool = False,
        tail: str = "",
    ) -> list[Any]:
        """`jf rt s`: the items that a pattern names."""
        parts = [f'"$and":[{{"@{key}":{_value(value)}}}],' for key, value in (props or {}).items()]
        if exclude_props:
            parts.append(f'"$or":{_compact([{f"@{key}": {"$ne": v}} for key, v in exclude_props.items()])},')
        parts += ['"type":"any",'] * dirs + ['"path":{"$ne":"."},'] * (pattern.count("/") > 1)
        for one in exclude:
            path, _, name = one.rpartition("/")
            parts.append(f'"$or":[{{"path":{{"$nmatch":"{path or "*"}"}},"name":{{"$nmatch":"{name}"}}}}],')
        parts.append(f'"$or":[{",".join(_triples(pattern))}]')
        fields = FIELDS if tail else (*FIELDS, "property")
        return self.aql(f"items.find({{{''.join(parts)}}}).include({_compact(fields)[1:-1]}){tail}")

    def of_builds(self, *builds: Build) -> list[Any]:
        """`jf rt s --build` without a pattern: also the files of the runs that a run has taken up."""
        clauses = [{"$and": [_clause(build)]} for build in self._all(builds)]
        found = self.aql(f"items.find({_compact({'$or': clauses})}).include({_compact((*FIELDS, 'property'))[1:-1]})")
        wanted = {(build.name, build.number) for build in self._all(builds)}
        return [one for one in found if (_prop(one, "build.name"), _prop(one, "build.number")) in wanted]

    def _all(self, builds: Iterable[Build]) -> list[Build]:
        found: list[Build] = []
        for build in builds:
            found.append(build)
            for module in self.info(build).get("modules", []):
                if module.get("type") == "build":
                    name, _, number = module["id"].rpartition("/")
                    found += self._all([Build(name, number)])
        return found

    def dl(self, items: Iterable[Any]) -> dict[str, bytes]:
        """`jf rt dl` of what was found: the bytes by path, their sha1 checked."""
        files = {place(one): (one, self.ask("GET", quote(place(one)), 200).content) for one in items}
        assert all(hashlib.sha1(content).hexdigest() == one["actual_sha1"] for one, content in files.values())
        return {path: content for path, (_, content) in files.items()}

    def sp(self, items: Iterable[Any], text: str) -> None:
        """`jf rt sp` of what was found."""
        for one in items:
            self.ask("PUT", f"api/storage/{quote(place(one))}?properties={text}&recursive=0", 204)

    def delete(self, items: Iterable[Any]) -> None:
        """`jf rt del` of what was found: the outermost items only."""
        paths = sorted(f"{place(one)}/" if one["type"] == "folder" else place(one) for one in items)
        for path in [
            p for p in paths if not any(p != other and p.startswith(other) for other in paths if other[-1:] == "/")
        ]:
            self.ask("DELETE", quote(path), 204)

    def to(self, verb: str, item: Any, target: str) -> None:
        """`jf rt cp` and `jf rt mv` of one item."""
        if item["type"] == "folder":
            self.ask("PUT", f"{quote(target)}/", 201)
        self.ask("POST", f"api/{verb}/{quote(place(item))}?to={quote_plus(target)}", 200)


def _of(build: Build) -> dict[str, str]:
    return {"project": build.project} if build.project else {}


def _clause(build: Build) -> dict[str, str]:
    return {"artifact.module.build.name": build.name, "artifact.module.build.number": build.number}


def _prop(item: Any, key: str) -> str:
    return next((str(one["value"]) for one in item.get("properties", []) if one["key"] == key), "")


def place(item: Any) -> str:
    """The whole path of a result."""
    return "/".join(part for part in (item["repo"], item["path"], item["name"]) if part != ".")


def places(items: Iterable[Any]) -> list[str]:
    """The whole paths of results."""
    return [place(one) for one in items]


def _triples(pattern: str) -> list[str]:
    """Each way to split a pattern into repository, path and name."""
    repo, _, rest = pattern.partition("/")
    rest = f"{rest}*" if not rest or rest.endswith("/") else rest
    path, _, name = rest.rpartition("/")
    splits = [(path or ".", name)]
    if "*" in name:
        deep, last = ("*", name) if name.startswith("*") else (name, "*")
        splits.append((f"{path}/{deep}" if path else deep, last))
    return [f'{{"$and":[{{"repo":{_value(repo)},"path":{_value(p)},"name":{_value(n)}}}]}}' for p, n in splits]


def _value(text: str) -> str:
    return _compact({"$match": text} if "*" in text else text)


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
