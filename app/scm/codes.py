"""The codes of errors about git repositories and their hosts."""

from app.web import codes

CODES = codes.of(
    {
        400: {
            "ambiguous": ("A short commit id begins several commits.", "Write more digits."),
            "bad_json": ("A delivery is not JSON in UTF-8.", "Let the host send webhooks as JSON."),
            "bad_scheme": ("The address has no scheme that is read from.", "Use https://, ssh:// or file:///."),
            "credentials_in_url": ("The address holds credentials.", "Store them with `gantry repo credentials`."),
            "insecure_scheme": ("Neither http:// nor git:// is private.", "Use https://."),
            "no_payload": ("A form has no field `payload`.", "Let the host send webhooks as JSON."),
            "outside_roots": ("The directory is not one that is read from.", "Set `GANTRY_GIT_ROOTS`."),
            "scp_form": ("The address is written as scp does.", "Write it as the message shows."),
        },
        422: {
            "another_repository": ("Another repository has taken the address.", "Register the repository anew."),
            "cannot_compare": ("The host of the repository compares no commits.", "Compare in a clone."),
            "config_not_found": ("The commit has no pipeline file.", "Commit one, or change `config_path`."),
            "config_not_utf8": ("The pipeline file is no text in UTF-8.", "Save the file as UTF-8."),
            "config_too_large": ("The pipeline file is too large.", "Make the file smaller."),
            "config_symlink": ("The pipeline file is a symbolic link.", "Commit a regular file."),
            "config_not_a_file": ("The path of the pipeline file is no file.", "Change `config_path`."),
            "host_forbids": ("The host refuses the account (403).", "Give the account or its token the right there."),
            "host_redirects": ("The host redirects too often, or elsewhere.", "Correct the host's address."),
            "host_refused": ("The host refuses the call.", "Read the host's reason in the message."),
            "host_token_rejected": ("The host does not take the credential.", "Renew the credential."),
            "mirror_damaged": ("The server's copy of the repository is damaged.", "Try again: it is fetched anew."),
            "no_default_branch": ("The repository has no default branch.", "Push a commit, or set the branch."),
            "no_oauth": ("The host has no OAuth application.", "Let the operator set its id and secret."),
            "oauth_application_refused": ("The host refuses the OAuth application.", "Let the operator check it."),
            "object_missing": ("An object of the repository is missing.", "Check the commit at the host."),
            "repository_too_large": ("An object or an answer of git is too large.", "Make the file smaller."),
            "repository_unreachable": (
                "The program git cannot read the repository.",
                "Check its address and credentials.",
            ),
            "tag_exists": ("The repository has the tag, of another commit.", "Delete the tag at the host."),
            "unknown_host": ("The settings no longer name the host.", "Let the operator set the host again."),
        },
        503: {
            "host_answer_too_large": ("The host answers with too many bytes.", "Try again later."),
            "host_busy": ("The host wants no call for some time.", "Try again after `Retry-After`."),
            "host_failed": ("The host answers with an error of its own.", "Try again later."),
            "host_not_understood": ("The host answers otherwise than its API.", "Check the host's address."),
            "host_unreachable": ("The host does not answer.", "Check that the host runs, then try again."),
            "notes_overtaken": ("Others write git notes at the same moment.", "Try again later."),
        },
    }
)
