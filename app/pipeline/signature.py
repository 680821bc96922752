"""The signature of a pipeline file: HMAC-SHA256 over its text with the repository's key (`spec` drone-yaml 12)."""

import hashlib
import hmac

from app.pipeline import source
from app.pipeline.nodes import Mapping, Scalar, compose
from app.pipeline.problems import BadPipeline


def sign(text: str, key: str) -> str:
    """The hmac of all documents but signatures, as lower-case hex. Raises BadPipeline for a file nobody can read."""
    message, _ = _read(text)
    return _hmac(message, key)


def verify(text: str, key: str) -> bool:
    """Whether the file carries its own hmac, by this key; of several signatures the last counts."""
    try:
        message, given = _read(text)
    except BadPipeline:
        return False
    return hmac.compare_digest(_hmac(message, key).encode(), given.lower().encode())


def _hmac(message: str, key: str) -> str:
    return hmac.new(key.encode(), message.encode(), hashlib.sha256).hexdigest()


def _read(text: str) -> tuple[str, str]:
    """What is signed, and the hmac in the file."""
    _, problems = source.load(text)
    if problems:
        raise BadPipeline(problems)
    message, given = [], ""
    for line, chunk in source.split(text):
        root, _ = compose(chunk, line)
        if isinstance(root, Mapping) and _text(root, "kind") == "signature":
            given = _text(root, "hmac")
        else:
            message.append(chunk)
    return "".join(message), given


def _text(root: Mapping, key: str) -> str:
    value = root.values.get(key)
    return value.text if isinstance(value, Scalar) else ""
