"""POST …/sign: the signature of a pipeline file (contract drone-yaml 12)."""

import asyncio
from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from typing_extensions import TypedDict

from app.errors import Invalid, Problem
from app.pipeline import signature
from app.pipeline.problems import BadPipeline
from app.pipeline.source import MAX_BYTES
from app.repos.access import SIGN, Access, State
from app.repos.model import SECRET
from app.repos.paths import REPO
from app.web import body
from app.web.reply import JSON
from app.web.route import Endpoint

#: Bytes of the body: JSON may write a character of the file as two.
LIMIT = 2 * MAX_BYTES


class PipelineFile(body.Input):
    """The text of a pipeline file, as YAML."""

    model_config = body.required("data") | {"str_max_length": MAX_BYTES}

    data: Annotated[str, Field(json_schema_extra={"minLength": 1})] = ""


class SignatureJSON(TypedDict):
    """The `hmac` of a file's signature document."""

    data: str


async def sign(request: Request[State], found: Access) -> JSON[SignatureJSON]:
    """Sign a pipeline file with the repository's key; a signature that it already has does not count.

    A protected repository runs what is signed, so there only administrators sign.
    """
    await body.read(request, LIMIT)
    file = await body.parse(request, PipelineFile)
    if not file.data.strip():
        raise Invalid.of([Problem("data", "no_data", "data must be the text of a pipeline file; it is empty")])
    key = request.state["seal"].open(found.repo.secret, SECRET)
    try:
        return JSON(SignatureJSON(data=await asyncio.to_thread(signature.sign, file.data, key)))
    except BadPipeline as bad:
        raise Invalid.of([Problem("data", bad.code, f"line {p.line}: {p.text}") for p in bad.problems]) from bad


routes = [Endpoint("POST", REPO / "sign", sign, operation="repos.sign", needs=SIGN, body=PipelineFile)]
