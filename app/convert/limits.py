"""The limits of files that are converted, as the settings give them."""

from dataclasses import dataclass

from app.pipeline.source import MAX_BYTES

#: Steps of a Starlark file, unless the settings say another number.
STEPS = 50_000


@dataclass(frozen=True, slots=True)
class Limits:
    """`steps` of a Starlark file, and `size` of what the file makes, in bytes; `imports` of a Jsonnet file."""

    steps: int = STEPS
    size: int = MAX_BYTES
    imports: int = 0


#: The limits when the settings say nothing.
USUAL = Limits()
