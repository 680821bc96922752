"""The state of a build as a picture and as CCMenu's XML (contract drone-rest 3.6; recorded: builds.json)."""

from datetime import UTC, datetime
from xml.sax.saxutils import quoteattr

from app.builds.model import Build, Status
from app.repos.model import Repo

_GREY, _GREEN, _YELLOW, _RED = "#9f9f9f", "#4c1", "#dfb317", "#e05d44"
_LOOKS: dict[Status, tuple[str, int, str]] = {
    "pending": ("started", 87, _YELLOW),
    "running": ("started", 87, _YELLOW),
    "blocked": ("blocked", 89, _YELLOW),
    "success": ("success", 91, _GREEN),
    "error": ("error", 76, _GREY),
}
_NONE = ("none", 75, _GREY)
_FAILURE = ("failure", 83, _RED)
_LABEL = 37
_SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20">'
    '<linearGradient id="a" x2="0" y2="100%"><stop offset="0" stop-color="#bbb" stop-opacity=".1"/>'
    '<stop offset="1" stop-opacity=".1"/></linearGradient>'
    '<rect rx="3" width="{width}" height="20" fill="#555"/>'
    '<rect rx="3" x="37" width="{right}" height="20" fill="{colour}"/>'
    '<path fill="{colour}" d="M37 0h4v20h-4z"/><rect rx="3" width="{width}" height="20" fill="url(#a)"/>'
    '<g fill="#fff" text-anchor="middle" font-family="DejaVu Sans,Verdana,Geneva,sans-serif" font-size="11">'
    '<text x="19.5" y="15" fill="#010101" fill-opacity=".3">build</text><text x="19.5" y="14">build</text>'
    '<text x="{middle:g}" y="15" fill="#010101" fill-opacity=".3">{text}</text>'
    '<text x="{middle:g}" y="14">{text}</text></g></svg>'
)


def svg(build: Build | None) -> str:
    """The badge of a build; without a build its text is `none`."""
    text, width, colour = _LOOKS.get(build.state, _FAILURE) if build else _NONE
    right = width - _LABEL
    return _SVG.format(text=text, width=width, colour=colour, right=right, middle=_LABEL + right / 2 - 1)


_CC_STATUS: dict[Status, str] = {
    "success": "Success",
    "failure": "Failure",
    "error": "Exception",
    "killed": "Exception",
    "declined": "Exception",
}


def cc_xml(repo: Repo, build: Build, public_url: str) -> str:
    """A build as the XML that CCMenu and similar programs read."""
    going_on = build.status in ("pending", "running", "blocked")
    moment = datetime.fromtimestamp(build.started, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    attributes = {
        "name": repo.slug,
        "activity": "Building" if going_on else "Sleeping",
        "lastBuildStatus": _CC_STATUS.get(build.status, "Unknown"),
        "lastBuildLabel": str(build.number),
        "lastBuildTime": moment,
        "webUrl": f"{public_url}/{repo.slug}/{build.number}",
    }
    text = " ".join(f"{name}={quoteattr(value)}" for name, value in attributes.items())
    return f"<Projects><Project {text}></Project></Projects>"
