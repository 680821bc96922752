"""What a caller must be able to show (contract drone-rest, "caller levels")."""

from typing import Literal

#: What a caller must be able to show (contract drone-rest, "caller levels"). `member` and `owner` are of a namespace.
Needs = Literal["nothing", "account", "machine", "system", "read", "write", "admin", "member", "owner"]
#: Who may call, in words.
NEEDS: dict[Needs, str] = {
    "nothing": "Anybody.",
    "account": "Any account.",
    "machine": "Administrators of the server and machine accounts.",
    "system": "Administrators of the server.",
    "read": "Who may read the repository: anybody if it is public, every account if it is internal.",
    "write": "Who may write in the repository.",
    "admin": "Who administers the repository.",
    "member": "Who may write in a repository of the namespace.",
    "owner": "Who administers every repository of the namespace.",
}


_REFUSALS: dict[Needs, tuple[int, ...]] = {
    "nothing": (),
    "account": (401, 403),
    "machine": (401, 403),
    "system": (401, 403),
    "member": (401, 403),
    "owner": (401, 403),
}
