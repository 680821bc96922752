"""What happened to a repository, as far as a pipeline file can ask for it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """The values that conditions are compared with; an empty one meets no include list of names."""

    #: push, pull_request, tag, promote, rollback, cron or custom
    kind: str
    #: slug, `owner/name`
    repo: str
    #: the build's target branch; often empty for tags
    branch: str = ""
    ref: str = ""
    action: str = ""
    #: the environment of a promotion or rollback (`deploy_to`)
    target: str = ""
    #: name of the cron job
    cron: str = ""
    #: the server's host name; only a step's `when` looks at it
    instance: str = ""
