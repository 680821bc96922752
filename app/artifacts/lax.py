"""JSON bodies as clients of Artifactory send them."""

from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, model_validator

from app.web.body import Input


class Lax(Input):
    """A JSON body: null means absent, and unknown keys are kept, in `model_extra`."""

    model_config = ConfigDict(extra="allow", populate_by_name=False)

    @model_validator(mode="before")
    @classmethod
    def _as_go_reads(cls, data: Any) -> Any:
        """In place of what Input does: here the names of keys have one letter case."""
        if not isinstance(data, dict):
            return data
        return {name: value for name, value in data.items() if value is not None}


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("a NUL cannot be stored; leave it out")
    return text


#: A text that both engines can store.
Storable = Annotated[str, AfterValidator(_without_nul)]
