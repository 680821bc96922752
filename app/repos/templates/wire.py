"""Templates as clients read them (contract drone-rest 2.6)."""

from typing_extensions import TypedDict

from app.repos.templates.store import Template


class TemplateJSON(TypedDict):
    """A template with its text."""

    id: int
    name: str
    namespace: str
    data: str


def template_json(template: Template) -> TemplateJSON:
    """The JSON of a template; like Drone's, without times."""
    return TemplateJSON(id=template.id, name=template.name, namespace=template.namespace, data=template.data)
