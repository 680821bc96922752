"""Examples of calls about build-info, where the types of their rows do not tell enough."""

from collections.abc import Mapping

from app.web.examples import Example

_RUN = {
    "name": "app",
    "number": "42",
    "started": "2026-11-23T06:03:47.941+0000",
    "modules": [
        {
            "id": "org:app:1.0",
            "artifacts": [
                {"name": "app.jar", "type": "jar", "sha1": "a9993e364706816aba3e25717850c26c9cd0d89d"},
            ],
        }
    ],
}

EXAMPLES: Mapping[str, Example] = {
    "build_info.publish": Example(body=_RUN),
    "build_info.append": Example(
        body=[{"name": "app-part", "number": "42", "started": "2026-11-23T06:01:02.003+0000"}]
    ),
    "build_info.delete": Example(answer="Deleted: 'app#42'\n"),
    "build_info.delete_named": Example(
        {"buildName": "app", "buildNumbers": ["42"]},
        answer="Deleted: 'app#42'\n",
    ),
    "build_info.rename": Example(answer="Renamed 'app' to 'web': 3 runs\n"),
    "build_info.retain": Example(body={"count": 10, "buildNumbersNotToBeDiscarded": ["42"]}),
    "build_promotion.promote": Example(
        body={"status": "released", "targetRepo": "libs-release-local", "copy": True, "comment": "Tested"}
    ),
}
