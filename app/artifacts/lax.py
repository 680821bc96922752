"""JSON bodies as clients of Artifactory send them."""

from typing import Annotated, Any, Self

import orjson
from pydantic import AfterValidator, ConfigDict, model_validator

from app.web.body import Input

#: The most bytes of the keys that are unknown, with their values.
EXTRA_LIMIT = 64 * 1024


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

    @model_validator(mode="after")
    def _storable(self) -> Self:
        extra = self.model_extra or {}
        for name, value in extra.items():
            try:
                orjson.dumps(value)
            except TypeError:
                words = f"{name[:100]}: the value has a number beyond 64 bits, or a text that is no Unicode"
                raise ValueError(words) from None
        if extra and len(orjson.dumps(extra)) > EXTRA_LIMIT:
            raise ValueError(f"the fields that are only stored take more than {EXTRA_LIMIT} bytes; leave some out")
        return self


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("a NUL cannot be stored; leave it out")
    return text


#: A text that both engines can store.
Storable = Annotated[str, AfterValidator(_without_nul)]
