"""Builds that wait for an approval, and a record of who decides about them."""

from dataclasses import replace

from app.audit import store
from app.builds.model import Build
from app.moments import Recorder, Recorders
from tests.builds.farside import pipeline
from tests.ui.farside import Place

#: A pipeline file that every event and every target runs.
FILE = pipeline("deploy", trigger={})


async def held(place: Place, *documents: str) -> Build:
    """A build whose stages all wait, as in a repository that is protected."""
    await place.set("repos WHERE id = 1", protected=True)
    place.scene.repo = replace(place.repo, protected=True)
    build = await place.scene.push(*documents or (FILE,))
    for stage in build.stages:
        place.why[stage.id] = "an administrator of the repository must approve it"
    return build


def recorded(place: Place) -> None:
    """From now on, what is done to builds is recorded."""
    place.scene.ports.moments.recorders = Recorders(Recorder(lambda moment: store.record(moment, place.scene.clock())))
