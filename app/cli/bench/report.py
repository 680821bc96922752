"""The report of the measures, as a table for people and as JSON for programs."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from app.cli.terminal import output

#: For `/s` a larger value is better, for other units a smaller one; `x` is times slower, an empty unit is a number, and
#: `kB` are 1,000 bytes.
Unit = Literal["/s", "ms", "s", "kB", "MiB", "x", ""]

_UNITS = {"_per_s": "/s", "_ms": " ms", "_kb": " kB"}


@dataclass(frozen=True, slots=True)
class Figure:
    """The result of one measure. `reached` is None when no request succeeded; `failed` counts failed requests."""

    measure: str
    reached: float | None
    unit: Unit
    goal: float | None = None
    failed: int = 0
    #: More values, such as percentiles; the end of a name is the value's unit: `_ms`, `_kb` or `_per_s`.
    detail: Mapping[str, float] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """`ok` or `missed`; `failed` if any request failed; empty without a goal."""
        if self.failed or self.reached is None:
            return "failed"
        if self.goal is None:
            return ""
        reached = self.reached >= self.goal if self.unit == "/s" else self.reached <= self.goal
        return "ok" if reached else "missed"


def machine(folder: Path) -> dict[str, Any]:
    """The facts that the figures depend on: processors, their load before, and the file system of `folder`."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "filesystem": _filesystem(folder),
        "load_average": round(os.getloadavg()[0], 2),
    }


def _filesystem(folder: Path) -> str:
    """The type of the folder's file system: a durable write costs nothing on `tmpfs`."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    types = {Path(mount[1]): mount[2] for mount in mounts}
    return next((types[parent] for parent in (folder, *folder.parents) if parent in types), "unknown")


def table(figures: Sequence[Figure], machine: Mapping[str, Any]) -> str:
    """A line about the machine, and the figures, one a row."""
    rows = [
        [
            figure.measure,
            _amount(figure.reached, figure.unit),
            _amount(figure.goal, figure.unit),
            figure.verdict,
            ", ".join(_details(figure)),
        ]
        for figure in figures
    ]
    about = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in machine.items())
    return f"{about}\n\n" + output.grid(["MEASURE", "REACHED", "TO REACH", "RESULT", "IN DETAIL"], rows)


def as_json(figures: Sequence[Figure], machine: Mapping[str, Any], sizes: Mapping[str, Any]) -> dict[str, Any]:
    """The machine, the figures and the sizes of the measures."""
    listed = [
        {
            "measure": figure.measure,
            "reached": None if figure.reached is None else round(figure.reached, 3),
            "unit": figure.unit,
            "to_reach": figure.goal,
            "verdict": figure.verdict,
            "failed": figure.failed,
            **{name: round(value, 3) for name, value in figure.detail.items()},
        }
        for figure in figures
    ]
    return {"machine": dict(machine), "sizes": dict(sizes), "figures": listed}


def _details(figure: Figure) -> list[str]:
    named = [
        f"{name.removesuffix(ending)} {_number(value)}{unit}"
        for name, value in figure.detail.items()
        for ending, unit in _UNITS.items()
        if name.endswith(ending)
    ]
    return [*([f"{figure.failed:,} requests failed"] if figure.failed else []), *named]


def _amount(value: float | None, unit: Unit) -> str:
    if value is None:
        return "-"
    return _number(value) + ("" if unit in ("/s", "x") else " ") + unit if unit else f"{value:,.0f}"


def _number(value: float) -> str:
    """A number with at least three digits, and no decimals from 100 on."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
