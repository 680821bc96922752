"""The codes of errors about builds, and about the pipeline files that builds are made of."""

from app.web import codes

CODES = codes.of(
    {
        400: {
            "ambiguous_commit": ("Several commits begin with these digits.", "Write more digits."),
            "ambiguous_ref": ("More than one of branch, tag and commit is given.", "Give only one."),
            "bad_commit": ("The commit of a filter is none.", "Write 7 to 64 hexadecimal digits."),
            "bad_dry_run": ("`dry_run` is neither true nor false; nothing was done.", "Send `dry_run=true`."),
            "bad_part": ("The part of a log is not said rightly.", "Send what the message says."),
            "bad_request_key": ("The key of a request is empty, too long or not printable.", "Send a random text."),
            "bad_range": ("It is not said what is compared.", "Write `a...b` at the end of the path."),
            "cron_too_often": ("The cron job would run too often.", "Write a longer interval."),
            "missing_before": ("It is not said which builds are deleted.", "Say `?before=` with a build's number."),
            "missing_ref": ("It is not said what is promoted.", "Say one of branch, tag and commit."),
            "missing_target": ("The target of a promotion is missing.", "Say `?target=`."),
            "no_commit": ("A build that is compared has no commit.", "Compare another build, or a branch."),
            "not_blocked": ("Nothing waits for approval.", "Look at the build's status."),
            "not_startable": ("A build of this status cannot be started from.", "Choose a build that is over."),
            "parameter_value": ("A parameter holds a NUL.", "Send a text."),
            "parameters_too_large": ("The parameters are too large together.", "Send fewer or shorter ones."),
            "reason_too_long": ("The reason of a decision is too long.", "Write a shorter one."),
            "stale_delivery": ("A delivery is too old, or from the future.", "Set the clocks of both servers."),
            "unknown_event": ("No build has this event.", "Filter by an event of the message."),
            "unknown_show": ("The board cannot show this.", "Choose a word of the message."),
            "unknown_status": ("No build has this status.", "Filter by a status of the message."),
            "unknown_value": ("A parameter of the query has no such value.", "Send a value of the message."),
        },
        409: {
            "card_exists": ("The step has a card already.", "Delete the card first."),
            "cron_claimed": ("The run of the cron job was begun elsewhere.", "Look at the newest builds."),
            "cron_exists": ("There is a cron job of this name.", "Change it, or delete it first."),
            "delivered": ("The delivery has become a build before.", "Nothing is to be done."),
            "key_in_use": ("The same request was sent twice at one moment.", "Send it again to get its build."),
            "key_reused": ("The key was sent with another request before.", "Give each request a key of its own."),
            "repo_disabled": ("The repository is disabled, so that nothing is built.", "Enable the repository first."),
            "stage_over": ("The stage is over.", "Read the build again."),
            "stage_taken": ("The stage does not wait for a runner any more.", "Ask for the next stage."),
            "stale_version": ("The stage or step was changed meanwhile.", "Read it again, then change it."),
            "target_changed": ("Something else runs in the target now.", "Look at what runs there, then decide anew."),
            "step_running": ("The log of a running step cannot be deleted.", "Wait, or cancel the build."),
        },
        422: {
            "config_empty": ("The pipeline file is empty.", "Write a pipeline into the file."),
            "excluded": ("A condition of a pipeline does not let it run.", "Change the `trigger` of the message."),
            "extension_failed": ("An extension of the server failed.", "Tell the operator what the message says."),
            "file_declined": ("An administrator declined this pipeline file.", "Change it, or have it signed."),
            "nothing_to_run": ("No pipeline wants this event or target.", "Read `errors`: one for each pipeline."),
        },
        503: {
            "too_many_streams": ("Too many streams are open.", "Close some."),
        },
    }
)
