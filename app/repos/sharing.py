"""Which repositories share what a namespace has: its secrets and its templates, and whose rights count in it.

Anybody may make a group at one host that has the name of a group at another. So a namespace is that of the host whose
repository was known here first. Repositories of plain git share, too: administrators of the server register them.
"""


def condition(scm: str, namespace: str) -> str:
    """The condition, as SQL, that a repository of a host shares in a namespace; both are SQL of values."""
    return f"""({scm} = '' OR {scm} = (
        SELECT known.scm FROM repos known WHERE known.namespace = {namespace} AND known.scm <> ''
        ORDER BY known.id LIMIT 1
    ))"""  # noqa: S608 - SQL of ours
