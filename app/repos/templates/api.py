"""Routes of templates (contract drone-rest 3.5)."""

from functools import partial

from starlette.requests import Request

from app.accounts import moments as written
from app.accounts.auth import SYSTEM, Caller
from app.db.tx import Tx
from app.errors import Invalid, Problem
from app.repos import moments, namespaces
from app.repos.access import State
from app.repos.hosted.owners import Owners
from app.repos.input import check_name
from app.repos.namespaces import MEMBER, OWNER, Namespace
from app.repos.paths import NAMESPACE
from app.repos.templates import store
from app.repos.templates.input import NewTemplate, TemplateChanges, data_problem, name_problem
from app.repos.templates.store import Template
from app.repos.templates.wire import TemplateJSON, template_json
from app.web import body
from app.web.needs import renewing
from app.web.path import Path, Word
from app.web.reply import JSON, Empty
from app.web.route import Endpoint


async def list_all_templates(_: Request[State], __: Caller, templates: list[Template]) -> JSON[list[TemplateJSON]]:
    """All templates of all namespaces, by name."""
    return JSON([template_json(template) for template in templates])


def _all(_: Request[State], __: Caller) -> Tx[list[Template]]:
    return store.list_all()


async def list_templates(_: Request[State], __: Namespace, templates: list[Template]) -> JSON[list[TemplateJSON]]:
    """The templates of a namespace, by name."""
    return JSON([template_json(template) for template in templates])


def _all_of_namespace(_: Request[State], found: Namespace) -> Tx[list[Template]]:
    return store.list_of(found.name)


async def create(request: Request[State], found: Namespace) -> JSON[TemplateJSON]:
    """Add a template; the extension of its name says what it is written in."""
    new = await body.parse(request, NewTemplate)
    _refuse(check_name("namespace", found.name), name_problem(new.name), data_problem(new.data))
    now = request.state["now"]()
    creating = store.create(Template(0, found.name, new.name, new.data, now, now))
    made = await written.write(request, found.by, creating, moments.template_created)
    return JSON(template_json(made))


async def show(_: Request[State], __: Namespace, template: Template) -> JSON[TemplateJSON]:
    """A template with its text."""
    return JSON(template_json(template))


def _named(request: Request[State], found: Namespace) -> Tx[Template]:
    return store.find(found.name, request.path_params["template"])


async def update(request: Request[State], found: Namespace) -> JSON[TemplateJSON]:
    """Give a template another text, or put it into another namespace of the caller."""
    new = await body.parse(request, TemplateChanges)
    _refuse(
        check_name("namespace", new.namespace) if new.namespace is not None else None,
        data_problem(new.data) if new.data is not None else None,
    )
    owners = request.state["owners"]
    if (to := new.namespace) not in (None, found.name):
        owned = partial(namespaces.find, found.caller.shown, to, "owner", owners)
        await renewing(lambda: request.state["db"].glance(owned()))
    tx = _update(found, request.path_params["template"], new, owners, request.state["now"]())
    _, changed = await written.write(request, found.by, tx, moments.template_changed)
    return JSON(template_json(changed))


def _update(
    found: Namespace, name: str, new: TemplateChanges, owners: Owners, now: int
) -> Tx[tuple[Template, Template]]:
    """Change a template; returns the template before and after the change."""
    before = changed = yield from store.find(found.name, name)
    if new.data is not None:
        changed = yield from store.update(found.name, name, new.data, now)
    if new.namespace not in (None, found.name):
        yield from namespaces.find(found.caller.shown, new.namespace, "owner", owners)
        changed = yield from store.move(found.name, name, new.namespace, now)
    return before, changed


async def delete(request: Request[State], found: Namespace) -> Empty:
    """Remove a template."""
    deleting = store.delete(found.name, request.path_params["template"])
    await written.write(request, found.by, deleting, moments.template_deleted)
    return Empty()


def _refuse(*found: Problem | None) -> None:
    if problems := [problem for problem in found if problem]:
        raise Invalid.of(problems)


_ALL = Path.of("/api/templates")
_OF_NAMESPACE = _ALL / NAMESPACE
_TEMPLATE = _OF_NAMESPACE / Word("template", "Name of the template, with its extension.", "deploy.yaml")
routes = [
    Endpoint("GET", _ALL, list_all_templates, operation="templates.list_all_templates", needs=SYSTEM, reads=_all),
    Endpoint(
        "GET",
        _OF_NAMESPACE,
        list_templates,
        operation="templates.list_templates",
        needs=MEMBER,
        reads=_all_of_namespace,
    ),
    Endpoint("POST", _OF_NAMESPACE, create, operation="templates.create", needs=OWNER, body=NewTemplate, errors=[409]),
    Endpoint("GET", _TEMPLATE, show, operation="templates.show", needs=MEMBER, reads=_named),
    Endpoint("PATCH", _TEMPLATE, update, operation="templates.update", needs=OWNER, body=TemplateChanges, errors=[409]),
    Endpoint(
        "PUT", _TEMPLATE, update, operation="templates.update.put", needs=OWNER, body=TemplateChanges, errors=[409]
    ),
    Endpoint("DELETE", _TEMPLATE, delete, operation="templates.delete", needs=OWNER),
]
