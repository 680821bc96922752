"""Which forms of an answer a client prefers and takes, by its headers `Accept` and `Accept-Encoding`."""


def prefers_text(accept: str) -> bool:
    """Whether the client prefers plain text to JSON; false for equal weights and for an empty header."""
    weights = dict(_weights(accept))
    return _weight(weights, "text/plain") > _weight(weights, "application/json")


def prefers_page(accept: str) -> bool:
    """Whether the client prefers HTML to JSON, as browsers do for a person; false for equal weights."""
    weights = dict(_weights(accept))
    return _weight(weights, "text/html") > _weight(weights, "application/json")


def takes(coding: str, accept_encoding: str) -> bool:
    """Whether the client takes answers in this coding, such as gzip; false for an empty header."""
    weights = dict(_weights(accept_encoding))
    return weights.get(coding, weights.get("*", 0.0)) > 0


def _weights(accept: str) -> list[tuple[str, float]]:
    ranges = [part.partition(";") for part in accept.lower().split(",")]
    return [(name.strip(), _quality(parameters)) for name, _, parameters in ranges]


def _quality(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "q":
            return float(value) if value.replace(".", "", 1).isdecimal() and value.isascii() else 0.0
    return 1.0


def _weight(weights: dict[str, float], kind: str) -> float:
    """The weight of the most specific range that the type matches."""
    for name in (kind, f"{kind.partition('/')[0]}/*", "*/*"):
        if name in weights:
            return weights[name]
    return 0.0
