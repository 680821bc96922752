"""How long the rights that a host has told count (contract scm-api 6.1): the accounts whose rights are told anew hourly
are those that are synchronised. One whose token is broken, or that rests, or whose host is away, is not.
"""

#: Seconds after which rights that a host has told count no more. Those that were given here count for ever.
DAY = 24 * 3600
#: The condition, as SQL, that a row of `permissions` counts; `:since` is a DAY ago, in Unix seconds.
COUNTS = "(permissions.synced = 0 OR permissions.synced >= :since)"
#: As COUNTS; also in repositories that others than those with rights may read, for lists of who has rights.
LISTED = """(permissions.synced = 0 OR permissions.synced >= :since OR EXISTS (
        SELECT 1 FROM repos seen WHERE seen.id = permissions.repo_id AND seen.visibility <> 'private'
    ))"""


def since(now: int) -> int:
    """The value of `:since` at a time."""
    return now - DAY
