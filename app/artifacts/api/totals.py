"""Routes that tell how much all repositories hold (contract artifactory-storage 5.4)."""

from starlette.requests import Request
from typing_extensions import TypedDict

from app import size as sizes
from app.artifacts import listing
from app.artifacts.access import ACCOUNT, VISITOR, State, Visitor
from app.artifacts.blobs.store import Space
from app.artifacts.configuration import displayed
from app.artifacts.listing import Total
from app.web.path import Path
from app.web.reply import JSON, Accepted
from app.web.route import Endpoint

#: The most seconds that the database sums: all items are looked at.
SECONDS = 20.0


class BinariesJSON(TypedDict):
    """What is stored in all; bytes that several files share count once in `binariesSize`."""

    binariesCount: str
    binariesSize: str
    artifactsSize: str
    optimization: str
    itemsCount: str
    artifactsCount: str


class FileStoreJSON(TypedDict):
    """Where bytes are stored."""

    storageType: str
    storageDirectory: str
    totalSpace: str
    usedSpace: str
    freeSpace: str


class SummaryJSON(TypedDict):
    """What a repository holds."""

    repoKey: str
    repoType: str
    foldersCount: int
    filesCount: int
    usedSpace: str
    usedSpaceInBytes: str
    itemsCount: int
    packageType: str
    projectKey: str
    percentage: str


class StoredJSON(TypedDict):
    """What all repositories hold that the caller may read."""

    binariesSummary: BinariesJSON
    fileStoreSummary: FileStoreJSON
    repositoriesSummaryList: list[SummaryJSON]


async def calculate(_: Request[State], __: Visitor) -> Accepted:
    """Nothing: totals are computed when they are asked for."""
    return Accepted()


async def show_totals(request: Request[State], visitor: Visitor) -> JSON[StoredJSON]:
    """What all repositories hold that the caller may read.

    Where bytes lie, and how much room is there, is told to administrators of the server.
    """
    totals = await request.state["db"].search(listing.totals(visitor), SECONDS)
    shown = [total for _, total in totals.of_repos]
    size, files = sum(total.size for total in shown), sum(total.files for total in shown)
    share = totals.size / size * 100 if size else 100.0
    space = await request.state["blobs"].space()
    if not visitor.rights.everything:
        space = Space(space.kind, "")  # the room would tell how much all others store
    return JSON(
        StoredJSON(
            binariesSummary=BinariesJSON(
                binariesCount=str(totals.blobs),
                binariesSize=sizes.text(totals.size),
                artifactsSize=sizes.text(size),
                optimization=f"{share:.2f}%",
                itemsCount=str(files + sum(total.folders for total in shown)),
                artifactsCount=str(files),
            ),
            fileStoreSummary=FileStoreJSON(
                storageType=space.kind,
                storageDirectory=space.where,
                totalSpace=sizes.text(space.total) if space.total else "unlimited",
                usedSpace=sizes.text(space.total - space.free) if space.total else sizes.text(totals.size),
                freeSpace=sizes.text(space.free) if space.total else "unlimited",
            ),
            repositoriesSummaryList=[
                SummaryJSON(
                    repoKey=repo.key,
                    repoType="LOCAL",
                    foldersCount=total.folders,
                    filesCount=total.files,
                    usedSpace=sizes.text(total.size),
                    usedSpaceInBytes=str(total.size),
                    itemsCount=total.folders + total.files,
                    packageType=displayed(repo.package_type),
                    projectKey=repo.project or "default",
                    percentage=f"{_percent(total, size)}%",
                )
                for repo, total in totals.of_repos
            ],
        )
    )


def _percent(total: Total, size: int) -> str:
    return f"{total.size / size * 100:.2f}" if size else "0"


_TOTALS = Path.of("/artifactory/api/storageinfo")
routes = [
    Endpoint("POST", _TOTALS / "calculate", calculate, operation="artifacts.calculate", needs=ACCOUNT),
    Endpoint("GET", _TOTALS, show_totals, operation="artifacts.totals", needs=VISITOR, errors=[400]),
]
