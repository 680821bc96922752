"""What whoever runs a runner decides for all its stages (contract drone-env 10)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.pipeline.globs import matches
from app.runners.exec.plugins import Plugins
from app.runners.manager import Context


@dataclass(frozen=True, slots=True)
class Options:
    """Empty is no wish."""

    #: Variables of every step, below all others but the host's own.
    environ: Mapping[str, str] = field(default_factory=dict)
    #: PATH of every step in place of the host's.
    path: str = ""
    #: Links that every workspace has: the path below its root by what it leads to.
    symlinks: Mapping[str, str] = field(default_factory=dict)
    #: Steps that run at once, of all stages together; 0 = as many as there are.
    max_procs: int = 0
    #: Globs of the slugs, and of the events, that are run; none = all.
    limit_repos: tuple[str, ...] = ()
    limit_events: tuple[str, ...] = ()
    #: Whether only trusted repositories are run.
    limit_trusted: bool = False
    plugins: Plugins = field(default_factory=Plugins)

    def refusal(self, context: Context) -> str:
        """Why this runner must not run a stage; empty = it may."""
        repo, event = context.repo, context.build.event
        refused = "insufficient permission to run the pipeline: this runner serves"
        if self.limit_repos and not any(matches(glob, repo.slug) for glob in self.limit_repos):
            return f"{refused} {', '.join(self.limit_repos)}, not {repo.slug}"
        if self.limit_events and not any(matches(glob, event) for glob in self.limit_events):
            return f"{refused} the events {', '.join(self.limit_events)}, not {event}"
        if self.limit_trusted and not repo.trusted:
            return f"{refused} trusted repositories, and {repo.slug} is none"
        return ""
