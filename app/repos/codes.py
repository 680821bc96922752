"""The codes of errors about repositories, their settings, secrets and templates."""

from app.web import codes

CODES = codes.of(
    {
        400: {
            "bad_branch": ("The default branch is no name of a branch.", "Write the branch without `refs/heads/`."),
            "bad_data": ("A template holds a NUL.", "Send a text."),
            "bad_pipeline": ("The pipeline file has faults.", "Correct the lines of the message."),
            "counter_goes_back": ("Build numbers would be given twice.", "Send at least the number of the message."),
            "in_the_past": ("The time of expiry is over.", "Send a later time, or 0."),
            "listed_host": ("Repositories of this host are listed.", "Run `gantry repo sync`, then enable it."),
            "no_data": ("The text of a file is empty.", "Send the text."),
            "not_needed": ("The repository is read without credentials.", "Store none."),
            "not_plain_git": ("The repository is at a host with its own API.", "Change it there."),
            "parameter_name": ("A parameter is no name of an environment variable.", "Use letters, digits and _."),
            "parameter_not_allowed": ("The repository does not allow the parameter.", "Allow it, or leave it out."),
            "parameter_reserved": ("A tool would read the parameter.", "Choose another name."),
            "reserved_name": ("A path of the server begins with the namespace.", "Choose another namespace."),
            "template_extension": ("A template's name has no known ending.", "End it with .yaml, .star or .jsonnet."),
            "unknown_repo": ("A token names a repository that you may not read.", "Correct the name."),
            "wrong_kind": ("The credential is for another kind of address.", "Send the fields of the message."),
        },
        409: {
            "key_changed": ("The key of the hook was exchanged meanwhile.", "Exchange it again."),
            "repo_exists": ("There is a repository of this name.", "Choose another name, or enable that one."),
            "rights_changed": ("The rights were changed meanwhile.", "Look at the rights again, then change them."),
            "secret_exists": ("There is a secret of this name.", "Change it with PATCH, or delete it first."),
            "settings_changed": ("The settings were changed meanwhile.", "Look at them again, then change them."),
            "template_exists": ("There is a template of this name.", "Change it, or choose another name."),
        },
        422: {
            "no_host_account": ("Your account has none at the host.", "Connect it, or ask the repository's owner."),
            "repository_gone": ("The repository is not at its host any more.", "Check it at the host; then sync."),
        },
    }
)
