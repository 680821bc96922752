"""The media type of a file: as the client says it, or by the end of the file's name."""

import re

GENERAL = "application/octet-stream"
#: What clients send without knowing the file: curl says that every body is a form.
_UNSPECIFIC = {"", GENERAL, "application/x-www-form-urlencoded", "application/x-download", "binary/octet-stream"}
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,100}")
_ENDS = {
    "application/gzip": "gz tgz",
    "application/java-archive": "jar war ear",
    "application/json": "json map",
    "application/pdf": "pdf",
    "application/toml": "toml",
    "application/vnd.android.package-archive": "apk",
    "application/vnd.debian.binary-package": "deb",
    "application/wasm": "wasm",
    "application/x-7z-compressed": "7z",
    "application/x-bzip2": "bz2 tbz2",
    "application/x-java-pack200": "pack",
    "application/x-maven-pom+xml": "pom",
    "application/x-nupkg": "nupkg",
    "application/x-rpm": "rpm",
    "application/x-ruby-gem": "gem",
    "application/x-sh": "sh",
    "application/x-tar": "tar",
    "application/x-xz": "xz txz",
    "application/x-checksum": "md5 sha1 sha256 sha512",
    "application/xml": "xml xsd xsl ivy",
    "application/yaml": "yaml yml",
    "application/zip": "zip whl egg",
    "application/zstd": "zst tzst",
    "image/gif": "gif",
    "image/jpeg": "jpg jpeg",
    "image/png": "png",
    "image/svg+xml": "svg",
    "image/webp": "webp",
    "text/css": "css",
    "text/csv": "csv",
    "text/html": "html htm xhtml",
    "text/javascript": "js mjs",
    "text/markdown": "md",
    "text/plain": "txt log asc properties",
}
_BY_END = {end: kind for kind, ends in _ENDS.items() for end in ends.split()}


def of(name: str, said: str) -> str:
    """The media type of a file with this name; `said` is what the client sent, which wins if it is specific."""
    kind = said.partition(";")[0].strip().lower()
    if kind not in _UNSPECIFIC and _TYPE.fullmatch(kind):
        return kind
    return _BY_END.get(name.rpartition(".")[2].lower(), GENERAL) if "." in name else GENERAL
