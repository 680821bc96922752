"""Routes of templates (contract drone-rest 3.5)."""

from starlette.requests import Request

from app.accounts import auth
from app.accounts import moments as written
from app.accounts.auth import Claim
from app.db.tx import Tx
from app.errors import Invalid, Problem
from app.repos import moments, namespaces
from app.repos.access import State
from app.repos.input import check_name
from app.repos.templates import store
from app.repos.templates.input import NewTemplate, TemplateChanges, data_problem, name_problem
from app.repos.templates.store import Template
from app.repos.templates.wire import TemplateJSON, template_json
from app.web import body
from app.web.reply import JSON, Empty
from app.web.route import Endpoint


async def list_all_templates(request: Request[State]) -> JSON[list[TemplateJSON]]:
    """All templates of all namespaces, by name."""
    await auth.user(request)
    return JSON([template_json(one) for one in await request.state["db"].read(store.list_all())])


async def list_templates(request: Request[State]) -> JSON[list[TemplateJSON]]:
    """The templates of a namespace, by name."""
    namespace = await namespaces.granted(request)
    return JSON([template_json(one) for one in await request.state["db"].read(store.list_of(namespace))])


async def create(request: Request[State]) -> JSON[TemplateJSON]:
    """Add a template; the extension of its name says what it is written in."""
    namespace, user = await namespaces.entered(request)
    new = await body.parse(request, NewTemplate)
    _refuse(check_name("namespace", namespace), name_problem(new.name), data_problem(new.data))
    now = request.state["now"]()
    creating = store.create(Template(0, namespace, new.name, new.data, now, now))
    made = await written.write(request, user, creating, moments.template_created)
    return JSON(template_json(made))


async def show(request: Request[State]) -> JSON[TemplateJSON]:
    """A template with its text."""
    namespace = await namespaces.granted(request)
    found = await request.state["db"].read(store.find(namespace, request.path_params["template"]))
    return JSON(template_json(found))


async def update(request: Request[State]) -> JSON[TemplateJSON]:
    """Give a template another text, or put it into another namespace of the caller."""
    namespace, user = await namespaces.entered(request)
    name = request.path_params["template"]
    new = await body.parse(request, TemplateChanges)
    _refuse(
        check_name("namespace", new.namespace) if new.namespace is not None else None,
        data_problem(new.data) if new.data is not None else None,
    )
    tx = _update(await auth.claim(request), namespace, name, new, request.state["now"]())
    _, changed = await written.write(request, user, tx, moments.template_changed)
    return JSON(template_json(changed))


def _update(shown: Claim, namespace: str, name: str, new: TemplateChanges, now: int) -> Tx[tuple[Template, Template]]:
    """The template as it was and as it is."""
    before = changed = yield from store.find(namespace, name)
    if new.data is not None:
        changed = yield from store.update(namespace, name, new.data, now)
    if new.namespace not in (None, namespace):
        yield from namespaces.find(shown, new.namespace, "owner")
        changed = yield from store.move(namespace, name, new.namespace, now)
    return before, changed


async def delete(request: Request[State]) -> Empty:
    """Remove a template."""
    namespace, user = await namespaces.entered(request)
    deleting = store.delete(namespace, request.path_params["template"])
    await written.write(request, user, deleting, moments.template_deleted)
    return Empty()


def _refuse(*found: Problem | None) -> None:
    if problems := [problem for problem in found if problem]:
        raise Invalid.of(problems)


_NAMESPACE = "/api/templates/{namespace}"
_TEMPLATE = _NAMESPACE + "/{template}"
routes = [
    Endpoint("GET", "/api/templates", list_all_templates, operation="templates.list_all_templates", needs="system"),
    Endpoint("GET", _NAMESPACE, list_templates, operation="templates.list_templates", needs="member"),
    Endpoint("POST", _NAMESPACE, create, operation="templates.create", needs="owner", body=NewTemplate, errors=[409]),
    Endpoint("GET", _TEMPLATE, show, operation="templates.show", needs="member"),
    Endpoint(
        "PATCH", _TEMPLATE, update, operation="templates.update", needs="owner", body=TemplateChanges, errors=[409]
    ),
    Endpoint(
        "PUT", _TEMPLATE, update, operation="templates.update.put", needs="owner", body=TemplateChanges, errors=[409]
    ),
    Endpoint("DELETE", _TEMPLATE, delete, operation="templates.delete", needs="owner"),
]
