"""A server with release bundles in its storage."""

import hashlib
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from app.artifacts.blobs.store import Received
from app.artifacts.model import Sums
from tests.artifacts.site import Site
from tests.bundles.storage.frozen import frozen

PERMISSIONS = "/artifactory/api/v2/security/permissions"


class Bundles(Site):
    """A server whose repository `dev` has files, which are frozen in versions."""

    def freeze(self, name: str, version: str, *paths: str, **more: Any) -> None:
        """Freeze files of `dev` in a version, which has a manifest with the text `{}` and a few spaces."""
        self.write(frozen(name, version, "dev", paths, manifest=self._received(f"{{}}{' ' * len(version)}"), **more))

    def _received(self, text: str) -> Received:
        """Bytes that are in the store, as an upload to another repository."""
        data = text.encode()
        assert self.put(f"spare/{hashlib.sha256(data).hexdigest()}", data).is_success
        sums = Sums(*(hashlib.new(name, data).hexdigest() for name in ("sha256", "sha1", "md5")))
        [row] = self.rows("SELECT place, size FROM blobs WHERE sha256 = :sum", sum=sums.sha256)
        return Received(sums, row["size"], row["place"])

    def bundler(self, login: str, *grants: tuple[str, str]) -> httpx2.Client:
        """A client of a new account that may do something with versions: actions and patterns."""
        client = self.caller(login)
        for at, (actions, patterns) in enumerate(grants):
            part = {
                "repositories": ["ANY"],
                "include-patterns": patterns.split(),
                "actions": {"users": {login: actions.split()}},
            }
            answer = self.ask("PUT", f"{PERMISSIONS}/{login}-bundles-{at}", json={"releaseBundle": part})
            assert answer.status_code == 201, answer.text
        return client


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bundles]:
    """A server with the versions shop 1.0, shop 2.0 and web 1.0, and one of the project `apps`."""
    with Bundles(tmp_path_factory.mktemp("bundles")) as site:
        site.repo("dev")
        site.repo("spare")
        for path in ("a1.in", "lib/b1.in;build.name=app;build.number=1", "lib/x/c1.in"):
            site.put(f"dev/{path}", path.encode())
        site.freeze("shop", "1.0", "a1.in", "lib/b1.in")
        site.freeze("shop", "2.0", "a1.in", "lib/b1.in", "lib/x/c1.in")
        site.freeze("web", "1.0", "lib/x/c1.in")
        site.freeze("shop", "1.0", "a1.in", key="apps-release-bundles-v2")
        yield site
