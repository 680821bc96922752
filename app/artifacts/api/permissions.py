"""Routes of permission targets, in the second form and in the first, and of grants in one repository."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from starlette.requests import Request

from app.artifacts import environments, moments, permissions, repositories
from app.artifacts.access import ACCOUNT, State, Visitor
from app.artifacts.api import grants
from app.artifacts.permissions import SUBJECTS, Target
from app.artifacts.repositories import Repositories
from app.artifacts.rights import Section
from app.artifacts.targets import (
    FirstTargetInput,
    FirstTargetJSON,
    ListedTargetJSON,
    SectionInput,
    TargetInput,
    TargetJSON,
    environments_in,
    may_manage,
    names_in,
    of_first,
    sections_of,
    shown,
    shown_first,
    target_of,
)
from app.db.tx import Tx
from app.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from app.web import body
from app.web.path import Path, Word, decoded
from app.web.reply import JSON, MadeText, Text
from app.web.route import Endpoint


async def list_targets(request: Request[State], visitor: Visitor) -> JSON[list[ListedTargetJSON]]:
    """The permission targets that the caller may change, by name."""
    targets, known = await request.state["db"].read(_all())
    base = f"{request.state['public_url']}{str(request.url.path).rstrip('/')}"
    mine = [target.name for target in targets if may_manage(visitor.rights, target, known)]
    return JSON([ListedTargetJSON(name=name, uri=f"{base}/{quote(name)}") for name in mine])


def _all() -> Tx[tuple[list[Target], Repositories]]:
    return (yield from permissions.list_all()), (yield from repositories.read_all())


async def show(request: Request[State], visitor: Visitor) -> JSON[TargetJSON]:
    """A permission target."""
    return JSON(shown(await request.state["db"].read(_found(visitor, _name(request)))))


async def show_first(request: Request[State], visitor: Visitor) -> JSON[FirstTargetJSON]:
    """A permission target in the first form: its section for files, with letters for actions."""
    return JSON(shown_first(await request.state["db"].read(_found(visitor, _name(request)))))


async def create(request: Request[State], visitor: Visitor) -> MadeText:
    """Make a permission target; 409 when there is one of the name."""
    wanted = await body.parse(request, TargetInput)
    await _put(request, visitor, wanted.name, sections_of(wanted), new=True)
    return MadeText(f"The permission target {_name(request)} was made\n")


async def put(request: Request[State], visitor: Visitor) -> Text | MadeText:
    """Make a permission target, or replace it: a section that is not sent is removed.

    The grants of the steps of git repositories stay when the section has no `repos`, and the environments to which
    release bundles may be promoted when the section has no `environments`.
    """
    wanted = await body.parse(request, TargetInput)
    made = await _put(request, visitor, wanted.name, sections_of(wanted))
    return _answer(_name(request), made=made)


async def put_first(request: Request[State], visitor: Visitor) -> Text | MadeText:
    """Make a permission target, or replace its section for files."""
    wanted = await body.parse(request, FirstTargetInput)
    made = await _put(request, visitor, wanted.name, {"repo": of_first(wanted)}, others=True)
    return _answer(_name(request), made=made)


async def delete(request: Request[State], visitor: Visitor) -> Text:
    """Remove a permission target: its grants end at once."""
    name = _name(request)
    await request.state["db"].write(_removing(request, visitor, name))
    return Text(f"The permission target {name} was removed\n")


async def _put(
    request: Request[State],
    visitor: Visitor,
    said: str,
    sections: Mapping[Section, SectionInput],
    *,
    new: bool = False,
    others: bool = False,
) -> bool:
    """Store a target; whether it is new."""
    name = _name(request)
    if said and said != name:
        words = f"name: the body says {said[:100]!r}, and the path says {name[:100]!r}"
        raise Invalid.of([Problem("name", "other_name", words)])
    return bool(await request.state["db"].write(_putting(request, visitor, name, sections, new=new, others=others)))


def _answer(name: str, *, made: bool) -> Text | MadeText:
    if made:
        return MadeText(f"The permission target {name} was made\n")
    return Text(f"The permission target {name} was replaced\n")


def _putting(
    request: Request[State],
    visitor: Visitor,
    name: str,
    sections: Mapping[Section, SectionInput],
    *,
    new: bool,
    others: bool,
) -> Tx[bool]:
    known = yield from repositories.read_all()
    old = yield from permissions.lock(name)
    _check(visitor, old or _named(name, sections), known)
    if old is not None and new:
        raise Conflict(f"name: there is a permission target {name} already; send PUT to replace it", code="name_taken")
    subjects = {}
    for kind in SUBJECTS:
        subjects[kind] = yield from permissions.subjects(kind, names_in(sections).get(kind, ()))
    _check(visitor, _named(name, sections), known)
    reached = yield from environments.among(environments_in(sections))
    target = target_of(name, sections, subjects, known, reached, old)
    if others and old is not None:
        target = Target(name, {**old.sections, **target.sections})
    yield from permissions.put(target, request.state["now"]())
    for change in moments.rights_changed(visitor.by, name, old.facts() if old else {}, target.facts()):
        yield from request.state["recorders"].record(change)
    return old is None


def _removing(request: Request[State], visitor: Visitor, name: str) -> Tx[None]:
    yield from permissions.lock(name)
    old = yield from _found(visitor, name)
    yield from permissions.remove(name)
    for change in moments.rights_changed(visitor.by, name, old.facts(), {}):
        yield from request.state["recorders"].record(change)


def _found(visitor: Visitor, name: str) -> Tx[Target]:
    """A target that the caller may change; Forbidden, and for administrators NotFound."""
    target = yield from permissions.find(name)
    _check(visitor, target or Target(name), (yield from repositories.read_all()))
    if target is None:
        raise NotFound(f"there is no permission target {name[:100]}")
    return target


def _named(name: str, sections: Mapping[Section, SectionInput]) -> Target:
    """A target with the repositories that were sent."""
    parts = {section: permissions.Part(tuple(wanted.repositories)) for section, wanted in sections.items()}
    return Target(name, parts)


def _check(visitor: Visitor, target: Target, known: Repositories) -> None:
    """Forbidden when the caller may not change a target."""
    if not may_manage(visitor.rights, target, known):
        words = (
            f"Forbidden: the right manage is needed on every repository of the permission target {target.name[:100]}"
        )
        raise visitor.refused(Forbidden(words, code="right_needed"))


def _name(request: Request[State]) -> str:
    return decoded(request.path_params["target"])


_SECOND = Path.of("/artifactory/api/v2/security/permissions")
_FIRST = Path.of("/artifactory/api/security/permissions")
_TARGET = Word("target", "Name of the permission target; it may have slashes.", "developers", rest=True)
routes: Sequence[Endpoint] = [
    Endpoint("GET", _SECOND, list_targets, operation="permissions.list", needs=ACCOUNT),
    Endpoint("GET", _SECOND / _TARGET, show, operation="permissions.show", needs=ACCOUNT),
    Endpoint(
        "POST",
        _SECOND / _TARGET,
        create,
        operation="permissions.create",
        needs=ACCOUNT,
        body=TargetInput,
        errors=[409],
    ),
    Endpoint("PUT", _SECOND / _TARGET, put, operation="permissions.put", needs=ACCOUNT, body=TargetInput),
    Endpoint("DELETE", _SECOND / _TARGET, delete, operation="permissions.delete", needs=ACCOUNT),
    Endpoint("GET", _FIRST, list_targets, operation="permissions.list_first", needs=ACCOUNT),
    Endpoint("GET", _FIRST / _TARGET, show_first, operation="permissions.show_first", needs=ACCOUNT),
    Endpoint(
        "PUT", _FIRST / _TARGET, put_first, operation="permissions.put_first", needs=ACCOUNT, body=FirstTargetInput
    ),
    Endpoint("DELETE", _FIRST / _TARGET, delete, operation="permissions.delete_first", needs=ACCOUNT),
    *grants.routes,
]
