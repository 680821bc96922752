"""Chooses the converter of a pipeline file and runs it (contract drone-yaml 14)."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from collections.abc import Mapping as Values
from typing import Any

from app.convert import names, sandbox
from app.convert.errors import BadConversion
from app.convert.fault import Fault
from app.convert.gotemplate import times
from app.convert.gotemplate.render import render
from app.convert.imports import Imports, ReadFile
from app.convert.limits import USUAL, Limits
from app.convert.names import Facts
from app.convert.values import values
from app.pipeline import source
from app.pipeline.fields import Fields
from app.pipeline.nodes import Mapping
from app.pipeline.problems import quoted

__all__ = ["BadConversion", "Converter", "Facts", "FindTemplate", "converts"]

YAML = (".yml", ".yaml")
STARLARK = (".star", ".starlark", ".script")
JSONNET = (".jsonnet",)
#: Starlark and Jsonnet files that are run at the same time; the others wait.
AT_ONCE = 2
_TEMPLATE = re.compile(r"""^kind[ \t]*:[ \t]+["']?template["']?[ \t\r]*(?:#.*)?$""", re.MULTILINE)

#: Finds the text of a template by namespace, host of the repository that asks, and name; None without one for it.
FindTemplate = Callable[[str, str, str], Awaitable[str | None]]


def converts(path: str, text: str) -> bool:
    """Whether the file at `path` has to be converted: it is not plain YAML."""
    return path.endswith(STARLARK + JSONNET) or (path.endswith(YAML) and _TEMPLATE.search(text) is not None)


class Converter:
    """Turns pipeline files into YAML."""

    def __init__(self, find_template: FindTemplate, limits: Limits = USUAL) -> None:
        self._find_template = find_template
        self._limits = limits
        self._free = asyncio.Semaphore(AT_ONCE)
        self._renders = asyncio.Lock()

    async def convert(self, path: str, text: str, facts: Facts, read: ReadFile) -> str:
        """The YAML of the file at `path`; plain YAML is returned unchanged. `read` gives the files that it imports.

        Raises BadConversion, and Unavailable when the machine has no room for another process, or as `read` does.
        """
        if not converts(path, text):
            return text
        if path.endswith(YAML):
            return await self._loaded(path, text, facts)
        return await self._made(path, text, facts, {}, read)

    async def _loaded(self, path: str, text: str, facts: Facts) -> str:
        """The YAML that the template makes; the file holds the template's name and data."""
        try:
            name, data = _template_document(text)
        except Fault as fault:
            raise BadConversion("template", path, fault.reason, line=fault.line) from None
        namespace = str(facts.repo.get("namespace", ""))
        template = await self._find_template(namespace, str(facts.repo.get("scm", "")), name)
        if template is None:
            raise BadConversion("template", path, f"there is no template {quoted(name)} in {quoted(namespace)}")
        return await self._made(name, template, facts, data)

    async def _made(
        self, file: str, text: str, facts: Facts, data: Values[str, Any], read: ReadFile | None = None
    ) -> str:
        imports = Imports(file, self._limits.imports, read)
        if file.endswith(STARLARK):
            return await self._evaluated("starlark", text, names.starlark(facts, data), imports)
        if file.endswith(JSONNET):
            return await self._evaluated("jsonnet", text, names.jsonnet(facts, data), imports)
        # The largest templates take half a second: a thread, one template at a time, keeps the event loop free.
        async with self._renders:
            return await asyncio.to_thread(render, file, text, names.template(facts, data), _now())

    async def _evaluated(self, language: sandbox.Language, text: str, context: Any, imports: Imports) -> str:
        if len(text) > source.MAX_BYTES:
            raise BadConversion(language, imports.path, f"it has more than {source.MAX_BYTES} characters")
        try:
            async with self._free:
                return await sandbox.evaluate(language, text, context, self._limits, imports)
        except Fault as fault:
            raise BadConversion(language, imports.path, fault.reason, line=fault.line) from None


def _now() -> times.Time:
    """The time as a template sees it."""
    return times.at(*divmod(time.time_ns(), 1_000_000_000))


def _template_document(text: str) -> tuple[str, dict[str, Any]]:
    """The template's name and data, from the first document. The documents after it are dropped."""
    documents, problems = source.load(text)
    fields = Fields(documents[0] if documents else Mapping(1, {}), problems)
    kind, name, data = fields.text("kind"), fields.text("load"), fields.section("data").node
    if problems:
        raise Fault(problems[0].text, problems[0].line)
    if kind != "template":
        raise Fault("the document of kind template must be the first of its file", fields.line)
    if not name.endswith(YAML + STARLARK + JSONNET) or "\0" in name:
        raise Fault(
            f"load names a template that ends with .yaml, .starlark or .jsonnet, not {quoted(name)}", fields.line
        )
    return name, values(data)
