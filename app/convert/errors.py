"""The error of a pipeline file that cannot be converted."""

from app.errors import AppError


class BadConversion(AppError):
    """A pipeline file or template that cannot be turned into YAML; `line` counts from 1, 0 = not known."""

    code = "bad_conversion"

    def __init__(self, converter: str, file: str, reason: str, *, line: int = 0) -> None:
        self.file = file
        self.line = line
        self.reason = reason
        super().__init__(f"{converter}: {reason} ({file}:{line})" if line else f"{converter}: {reason} ({file})")
