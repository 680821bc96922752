"""The signature of a pipeline file: HMAC-SHA256 over its text with the repository's key (contract drone-yaml 12)."""

import hashlib
import hmac

from app.pipeline import source
from app.pipeline.nodes import Mapping, Scalar, compose
from app.pipeline.problems import BadPipeline


def sign(text: str, key: str) -> str:
    """The hmac of all documents but signatures, as lower-case hex. BadPipeline for a file that cannot be parsed."""
    documents, _ = _read(text)
    return _hmac(documents, key)


def verify(text: str, key: str) -> bool:
    """Whether the file holds its own hmac, made with this key; of several signatures the last counts."""
    try:
        documents, given = _read(text)
    except BadPipeline:
        return False
    return hmac.compare_digest(_hmac(documents, key).encode(), given.lower().encode())


def signed(text: str, value: str) -> str:
    """The file with this hmac as its only signature. Raises BadPipeline for a file that cannot be parsed."""
    documents, _ = _read(text)
    body = "".join(f"---\n{document}" for document in documents if document)
    return f"{body}---\nkind: signature\nhmac: {value}\n\n...\n"


def _hmac(documents: list[str], key: str) -> str:
    return hmac.new(key.encode(), "".join(documents).encode(), hashlib.sha256).hexdigest()


def _read(text: str) -> tuple[list[str], str]:
    """The documents that the signature covers, and the hmac in the file."""
    _, problems = source.load(text)
    if problems:
        raise BadPipeline(problems)
    documents, given = [], ""
    for line, chunk in source.split(text):
        root, _ = compose(chunk, line)
        if isinstance(root, Mapping) and _text(root, "kind") == "signature":
            given = _text(root, "hmac")
        else:
            documents.append(chunk)
    return documents, given


def _text(root: Mapping, key: str) -> str:
    value = root.values.get(key)
    return value.text if isinstance(value, Scalar) else ""
