"""Errors for queries that are no AQL, or that ask for what is not known. Pure."""

from app.errors import Invalid, Problem


def wrong(code: str, message: str, field: str = "query") -> Invalid:
    """The error that says what is wrong in a query."""
    return Invalid.of([Problem(field, code, f"the query {message}")])
