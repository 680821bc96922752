"""By which properties the files of packages are found. Pure.

Contract release-bundle 3.3. The package clients and their plugins set these properties; this server sets none.
"""

from collections.abc import Mapping

#: Types whose properties do not begin with the name of the type.
_OTHERS: Mapping[str, tuple[str, str]] = {
    "nuget": ("nuget.id", "nuget.version"),
    "gems": ("gem.name", "gem.version"),
    "helm": ("chart.name", "chart.version"),
    "debian": ("deb.name", "deb.version"),
    "rpm": ("rpm.metadata.name", "rpm.metadata.version"),
    "cargo": ("crate.name", "crate.version"),
    "conan": ("conan.package.name", "conan.package.version"),
}
#: A package is not the files with these properties alone: an image also needs the layers that its manifest names.
_NOT_FOUND = frozenset({"docker", "oci", "helmoci"})


def coordinates(package_type: str) -> tuple[str, str] | None:
    """The properties that hold name and version of packages of a type; None when they do not lead to all files."""
    kind = package_type.lower()
    if kind in _NOT_FOUND:
        return None
    return _OTHERS.get(kind, (f"{kind}.name", f"{kind}.version"))
