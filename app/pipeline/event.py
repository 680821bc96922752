"""The event that starts a build, as far as the conditions of a pipeline file can test it."""

from dataclasses import dataclass

#: The kinds of events (contract drone-yaml 16).
EVENTS = ("push", "pull_request", "tag", "promote", "rollback", "cron", "custom")


@dataclass(frozen=True, slots=True)
class Event:
    """The values that conditions test; an empty value matches no name in an include list."""

    #: one of EVENTS
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
    #: the server's host name; only a step's `when` tests it
    instance: str = ""
