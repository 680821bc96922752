"""The parts of a request's path that name a repository or a namespace."""

from app.web.path import Path, Word

OWNER = Word("owner", "Namespace of the repository.", "octocat")
NAME = Word("name", "Name of the repository.", "hello-world")
NAMESPACE = Word("namespace", "The namespace, as in `octocat/hello-world`.", "octocat")

REPO = Path.of("/api/repos") / OWNER / NAME
