"""The names that parameters of builds may have (`docs/parameters.md`). Pure.

A parameter is an environment variable of every step. A name is reserved when a program that steps commonly run lets the
variable decide which code the program runs, which server the program trusts and talks to, or where the program finds
its configuration: otherwise who may promote could run code, or read secrets, without a change of the pipeline file.
"""

import re
from collections.abc import Collection, Mapping

from app.errors import Problem

#: Characters of a name that an error repeats.
SHOWN = 100
#: Who reads the names, and the names; `*` stands for any characters.
FAMILIES: dict[str, str] = {
    "the server and its runners": "CI CI_* DRONE DRONE_* GANTRY_* PLUGIN_*",
    "the shell": (
        "BASHOPTS BASH_* CDPATH ENV EXECIGNORE FCEDIT FIGNORE FPATH GLOBIGNORE HISTCMD HISTFILE IFS INPUTRC "
        "KSH_* MAILPATH OLDPWD POSIXLY_CORRECT PROMPT_COMMAND PS0 PS1 PS2 PS3 PS4 PWD SHELL SHELLOPTS SHLVL "
        "TMOUT ZDOTDIR"
    ),
    "every program that looks for files": "HOME LOGNAME PATH TEMP TEMPDIR TMP TMPDIR XDG_*",
    "the loader and the C library": (
        "CAML_LD_LIBRARY_PATH DYLD_* GCONV_PATH GETCONF_DIR GLIBC_TUNABLES HOSTALIASES LD_* LIBPATH "
        "LOCALDOMAIN LOCPATH MALLOC_* NLSPATH RESOLV_* RES_OPTIONS SHLIB_PATH _RLD*"
    ),
    "the terminal and the programs that open it": (
        "BROWSER DBUS_* DISPLAY EDITOR EXINIT LESS LESSCLOSE LESSKEY* LESSOPEN MANPAGER MORE MYVIMRC PAGER "
        "SYSTEMD_* TERM TERMCAP TERMINFO TERMINFO_DIRS VIM VIMINIT VIMRUNTIME VISUAL XAUTHORITY"
    ),
    "git and other version control": "CVS_* GCM_* GIT_* HGEDITOR HGMERGE HGPLAIN* HGRCPATH SVN_*",
    "ssh, sudo and rsync": "RSYNC_* SSH_* SUDO_*",
    "programs that talk TLS": (
        "CURL_* HTTPLIB2_* NETRC NIX_SSL_CERT_FILE OPENSSL_* REQUESTS_CA_BUNDLE SSLKEYLOGFILE SSL_CERT_DIR "
        "SSL_CERT_FILE SYSTEM_WGETRC WGETRC"
    ),
    "make, compilers and their tools": (
        "ACLOCAL_PATH AR ARFLAGS AS ASFLAGS AUTOM4TE* CC CCACHE_* CCC_* CFLAGS CMAKE_* COMPILER_PATH CPATH "
        "CPLUS_INCLUDE_PATH CPP CPPFLAGS CXX CXXFLAGS C_INCLUDE_PATH DISTCC_* FC FFLAGS GCC_* GNUMAKEFLAGS "
        "LDFLAGS LEX LIBRARY_PATH M4PATH MAKE MAKEFILES MAKEFLAGS MAKEOVERRIDES MAKESHELL MESON_* MFLAGS "
        "NINJA_* OBJC_INCLUDE_PATH PKG_CONFIG* RM SCCACHE_* YACC"
    ),
    "perl": "PERL*",
    "python": (
        "CONDA_* COVERAGE_* IPYTHONDIR JUPYTER_* MYPYPATH PDM_* PIPENV_* PIPX_* PIP_* POETRY_* PYENV_* "
        "PYTEST_* PYTHON* TOX_* TWINE_* UV_* VIRTUAL_ENV"
    ),
    "node": "BUN_* COREPACK_* DENO_* NODE_* NVM_* PNPM_* TS_NODE_*",
    "ruby": "BUNDLER_* BUNDLE_* GEM_* IRBRC RAKEOPT RBENV_* RUBY* RVM_*",
    "java": (
        "ANT_* CATALINA_OPTS CLASSPATH GRADLE_* GROOVY_* IVY_* JAVA_* JDK_JAVA_OPTIONS JRE_HOME JVM_OPTS "
        "KOTLIN_* LEIN_* M2_HOME MAVEN_* MVN_* SBT_* SCALA_* _JAVA_OPTIONS"
    ),
    "go": (
        "CGO_* GCCGO GO111MODULE GOAUTH GOBIN GOCACHE GOCACHEPROG GODEBUG GOENV GOEXPERIMENT GOFLAGS "
        "GOINSECURE GOMODCACHE GONOPROXY GONOSUMCHECK GONOSUMDB GOPATH GOPRIVATE GOPROXY GOROOT GOSUMDB "
        "GOTMPDIR GOTOOLCHAIN GOTOOLDIR GOVCS GOWORK"
    ),
    "rust": "CARGO CARGO_* RUSTC RUSTC_* RUSTDOC RUSTDOCFLAGS RUSTFLAGS RUSTUP_*",
    "other languages": (
        "AWKLIBPATH AWKPATH CABAL_* COMPOSER_* COMPlus_* CORECLR_* COR_* DOTNET_* ELIXIR_ERL_OPTIONS EMACS* "
        "ERL_* GAWK_* GHCRTS GHC_* GUILE_* HEX_* JULIA_* LUA_* MIX_* MSBUILD* NUGET_* OCAML* OPAM* PHPRC "
        "PHP_INI_SCAN_DIR PSModulePath R_* STACK_* TCLLIBPATH TCL_LIBRARY"
    ),
    "tar, gzip and other tools": (
        "BC_ENV_ARGS GREP_OPTIONS GZIP TAPE TAR_OPTIONS UNZIP UNZIPOPT XZ_DEFAULTS XZ_OPT ZIP ZIPOPT"
    ),
    "gpg": "GNUPGHOME GPG_* PINENTRY_*",
    "containers and clusters": (
        "BUILDAH_* BUILDKIT_* BUILDX_* COMPOSE_* CONTAINERD_* CONTAINERS_* CONTAINER_* DOCKER_* HELM_* "
        "KUBECONFIG KUBECTL_* KUBERNETES_* KUBE_* KUSTOMIZE_* PODMAN_* REGISTRIES_* REGISTRY_AUTH_FILE "
        "SKAFFOLD_*"
    ),
    "clouds": (
        "ALIBABA_* AWS_* AZURE_* BOTO_* CLOUDSDK_* DIGITALOCEAN_* GCE_METADATA_* GOOGLE_* HCLOUD_* OCI_* OS_* "
        "PULUMI_* SAM_*"
    ),
    "tools that hold secrets or deploy": (
        "ANSIBLE_* BW_* CHECKPOINT_DISABLE CONSUL_* GH_* GITLAB_HOST GITLAB_URI GLAB_* NOMAD_* OP_* PACKER_* "
        "SOPS_* TERRAGRUNT_* TF_* VAGRANT_* VAULT_*"
    ),
    "databases": (
        "MYSQL_* PGAPPNAME PGCHANNELBINDING PGHOST PGHOSTADDR PGOPTIONS PGPASSFILE PGPORT PGREQUIRESSL "
        "PGSERVICE PGSERVICEFILE PGSSL* PGSYSCONFDIR PSQLRC PSQL_* REDISCLI_* SQLITE_HISTORY"
    ),
}
#: As FAMILIES, for programs that do not heed the case of letters.
ANY_CASE: dict[str, str] = {
    "every program that talks HTTP": "*_PROXY",
    "npm and yarn": "NPM_CONFIG_* YARN_*",
    "dotnet's hosts": "ASPNETCORE_HOSTINGSTARTUP*",
    "Windows": (
        "ALLUSERSPROFILE APPDATA COMSPEC HOMEDRIVE HOMEPATH LOCALAPPDATA PATHEXT PROGRAMDATA PROGRAMFILES "
        "PSMODULEPATH SYSTEMDRIVE SYSTEMROOT USERPROFILE WINDIR"
    ),
}
#: Names of families that only choose among what the pipeline file provides: common parameters, and free.
FREE = (
    "AWS_ACCOUNT_ID AWS_DEFAULT_REGION AWS_REGION AZURE_LOCATION AZURE_REGION DOCKER_IMAGE DOCKER_TAG "
    "DOTNET_ENVIRONMENT DOTNET_VERSION GOOGLE_CLOUD_PROJECT GOOGLE_CLOUD_REGION GRADLE_VERSION "
    "HELM_RELEASE HELM_VERSION JAVA_VERSION JULIA_VERSION KUBERNETES_NAMESPACE KUBERNETES_VERSION "
    "KUBE_NAMESPACE MAVEN_VERSION MIX_ENV MYSQL_VERSION NODE_ENV NODE_VERSION OS_NAME OS_VERSION "
    "PYTHON_VERSION RUBY_VERSION SCALA_VERSION"
)
#: Variables of Terraform's own language: data, not options.
_FREE_START = "TF_VAR_"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class _Words:
    """The names of some families, for a look-up that costs the same however many there are."""

    def __init__(self, families: Mapping[str, str]) -> None:
        words = [word for names in families.values() for word in names.split()]
        self._exact = frozenset(word for word in words if "*" not in word)
        self._ends = tuple(word[1:] for word in words if word.startswith("*"))
        self._starts: dict[str, tuple[str, ...]] = {}
        for word in words:
            if word.endswith("*"):
                self._starts[word[:2]] = (*self._starts.get(word[:2], ()), word[:-1])

    def __contains__(self, name: str) -> bool:
        return name in self._exact or name.startswith(self._starts.get(name[:2], ())) or name.endswith(self._ends)


_EXACT_CASE, _UPPER, _FREE = _Words(FAMILIES), _Words(ANY_CASE), frozenset(FREE.split())
_READERS = {reader: _Words({reader: names}) for reader, names in (FAMILIES | ANY_CASE).items()}


def is_reserved(name: str) -> bool:
    """Whether a parameter must not have the name."""
    if name in _EXACT_CASE:
        return name not in _FREE and not name.startswith(_FREE_START)
    return name.upper() in _UPPER


def problem(name: str, allowed: Collection[str] = ()) -> Problem | None:
    """The fault of a parameter's name; None for a right one. `allowed` are the only names of the repository, if any."""
    if _NAME.fullmatch(name) and not is_reserved(name) and (not allowed or name in allowed):
        return None
    field = shortened(name)
    shown = ascii(field)
    if not _NAME.fullmatch(name):
        text = f"parameter {shown} cannot be an environment variable: letters, digits and _ only, no digit first"
        return Problem(field, "parameter_name", text)
    if is_reserved(name):
        text = f"parameter {shown} is reserved, because {_reader(name)} would read it; choose another name"
        return Problem(field, "parameter_reserved", text)
    listed = ", ".join(sorted(allowed))
    text = (
        f"parameter {shown} is not one that the repository allows ({listed}); leave it out, start from a build without "
        "it, or let an administrator of the repository allow it"
    )
    return Problem(field, "parameter_not_allowed", text)


def shortened(name: str) -> str:
    """The part of a name that an error repeats."""
    return name if len(name) <= SHOWN else name[:SHOWN] + "..."


def _reader(name: str) -> str:
    """Who reads a reserved name."""
    return next(reader for reader, words in _READERS.items() if name in words or name.upper() in words)
