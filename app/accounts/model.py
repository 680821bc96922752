"""The account."""

from dataclasses import dataclass


@dataclass(frozen=True)
class User:
    """An account (contract drone-rest 2.2). Only the hash of its token is stored, so it has no field for the token."""

    id: int
    login: str
    email: str = ""
    avatar: str = ""
    machine: bool = False
    admin: bool = False
    active: bool = True
    synced: int = 0
    created: int = 0
    updated: int = 0
    last_login: int = 0
