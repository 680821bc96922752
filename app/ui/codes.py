"""The codes of errors about pages."""

from app.web import codes

CODES = codes.of(
    {
        400: {
            "given_twice": ("A form gives a parameter twice.", "Leave one of them out."),
            "missing_build": ("A form does not say which build.", "Choose a build."),
            "missing_name": ("A form has a value without a name.", "Write the name, or remove the value."),
            "missing_value": ("A form has a name without a value.", "Write the value, or remove the name."),
            "nothing_runs": ("Nothing runs in the target that is rolled back.", "Choose another target."),
            "unknown_build": ("There is no such build any more.", "Choose another build."),
            "unknown_region": ("The page has no such region.", "Ask for a region of the message, or the whole page."),
            "unknown_target": ("The pipeline file has no such target.", "Choose one of those that it has."),
        }
    }
)
