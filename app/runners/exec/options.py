"""The options of a runner, for all its stages (contract drone-env 10)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.pipeline.globs import matches
from app.runners.exec.plugins import Plugins
from app.runners.manager import Context
from app.settings.values import LOG_LIMIT, MOST_OF_WHAT_IS_FREE, Allowance


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a runner; an empty option changes nothing."""

    #: Variables of every step. All other variables win over them, except those of the host.
    environ: Mapping[str, str] = field(default_factory=dict)
    #: PATH of every step in place of the host's.
    path: str = ""
    #: Symbolic links in every workspace: by the target of the link, the path of the link below the root.
    symlinks: Mapping[str, str] = field(default_factory=dict)
    #: How many steps of all stages may run at once; 0 = no limit.
    max_procs: int = 0
    #: Globs of the repositories' slugs, and of the events, whose stages are run; none = all.
    limit_repos: tuple[str, ...] = ()
    limit_events: tuple[str, ...] = ()
    #: Whether only stages of trusted repositories are run.
    limit_trusted: bool = False
    #: Whether the values of `${…}` in commands are quoted for the shell of the step.
    quote_substitution: bool = False
    #: Bytes of the stored log of a step: of a longer log the end is kept.
    log_limit: int = LOG_LIMIT
    #: How much a step may add to its workspace.
    allowance: Allowance = MOST_OF_WHAT_IS_FREE
    #: The umask of every step; negative: that of the runner.
    umask: int = -1
    plugins: Plugins = field(default_factory=Plugins)

    def refusal(self, context: Context) -> str:
        """Why this runner must not run a stage; empty when the runner may run the stage."""
        repo, event = context.repo, context.build.event
        refused = "insufficient permission to run the pipeline: this runner serves"
        if self.limit_repos and not any(matches(glob, repo.slug) for glob in self.limit_repos):
            return f"{refused} {', '.join(self.limit_repos)}, not {repo.slug}"
        if self.limit_events and not any(matches(glob, event) for glob in self.limit_events):
            return f"{refused} the events {', '.join(self.limit_events)}, not {event}"
        if self.limit_trusted and not repo.trusted:
            return f"{refused} trusted repositories, and {repo.slug} is none"
        return ""
