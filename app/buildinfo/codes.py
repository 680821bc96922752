"""The codes of errors about build-info."""

from app.web import codes

CODES = codes.of(
    {
        400: {
            "bad_count": ("The number of runs to keep is none.", "Send -1 for no limit, or a number from 0."),
            "bad_repository": ("This is no repository of its kind.", "Name a repository as the message says."),
            "missing_field": ("A required field is missing or blank.", "Send the field."),
            "missing_other_number": ("The run to compare with is missing.", "Say `?otherNumber=`."),
            "run_exists": ("Both builds have such a run.", "Delete one of the runs first."),
            "wrong_repository": ("The repository is for something else.", "Choose another project."),
        },
        404: {"no_run": ("There is no such run.", "List the runs: `GET /artifactory/api/build/{name}`.")},
        409: {"run_changed": ("Somebody else changed the run first.", "Try again.")},
    }
)
