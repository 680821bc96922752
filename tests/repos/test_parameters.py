"""Which names of parameters would let a program run other code, trust another server, or read other settings."""

import re
from pathlib import Path

import pytest

from app.repos.parameters import ANY_CASE, FAMILIES, FREE, is_reserved, problem

RESERVED = [
    *("PERL5OPT", "PERL5LIB", "PERLLIB", "PERL5DB", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONHOME", "PIP_INDEX_URL"),
    *("PYTEST_PLUGINS", "NODE_OPTIONS", "NODE_PATH", "NODE_EXTRA_CA_CERTS", "RUBYOPT", "RUBYLIB", "BUNDLE_GEMFILE"),
    *("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "MAVEN_OPTS", "GRADLE_USER_HOME", "CLASSPATH"),
    *("GOFLAGS", "GOPROXY", "GOROOT", "GOAUTH", "RUSTC_WRAPPER", "CARGO_HOME", "LUA_INIT", "DOTNET_STARTUP_HOOKS"),
    *("BASH_ENV", "ENV", "SHELLOPTS", "BASHOPTS", "PS4", "PROMPT_COMMAND", "CDPATH", "ZDOTDIR", "IFS", "TMPDIR"),
    *("LD_PRELOAD", "LD_AUDIT", "GCONV_PATH", "GLIBC_TUNABLES", "HOSTALIASES", "DYLD_INSERT_LIBRARIES"),
    *("GIT_SSH_COMMAND", "GIT_CONFIG_COUNT", "SSH_ASKPASS", "SSH_AUTH_SOCK", "RSYNC_RSH", "SUDO_ASKPASS"),
    *("MAKEFLAGS", "MAKEFILES", "GNUMAKEFLAGS", "CC", "CFLAGS", "PKG_CONFIG_PATH", "CMAKE_TOOLCHAIN_FILE"),
    *("http_proxy", "HTTP_PROXY", "Https_Proxy", "no_proxy", "ALL_PROXY", "ftp_proxy", "grpc_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "OPENSSL_CONF"),
    *("KUBECONFIG", "DOCKER_HOST", "DOCKER_CONFIG", "HELM_PLUGINS", "AWS_CONFIG_FILE", "AWS_ENDPOINT_URL_S3"),
    *("CLOUDSDK_CONFIG", "GOOGLE_APPLICATION_CREDENTIALS", "AZURE_CONFIG_DIR", "TF_CLI_ARGS", "VAULT_ADDR"),
    *("ANSIBLE_LIBRARY", "PGHOST", "PGPASSFILE", "PSQLRC", "XDG_CONFIG_HOME", "HOME", "GNUPGHOME", "NETRC"),
    *("TERM", "TERMINFO", "PAGER", "EDITOR", "LESSOPEN", "BROWSER", "TAR_OPTIONS", "GANTRY_SERVER", "DRONE_TOKEN"),
    *("npm_config_registry", "NPM_CONFIG_SCRIPT_SHELL", "yarn_registry", "PSModulePath", "psmodulepath", "ComSpec"),
]
COMMON = [
    *(
        "VERSION",
        "REGION",
        "TARGET",
        "TAG",
        "IMAGE",
        "REPLICAS",
        "DRY_RUN",
        "FORCE",
        "DEBUG",
        "LOG_LEVEL",
        "LANG",
        "TZ",
    ),
    *(
        "NODE_ENV",
        "PYTHON_VERSION",
        "AWS_REGION",
        "AWS_ACCOUNT_ID",
        "TF_VAR_size",
        "MIX_ENV",
        "DOCKER_TAG",
        "HELM_RELEASE",
    ),
    *(
        "env",
        "path",
        "home",
        "term",
        "cc",
        "GOAL",
        "GOLIVE",
        "PERSON",
        "MAKER",
        "CURLY",
        "RUBBER",
        "PROXY",
        "proxy_url",
    ),
    *("GITHUB_TOKEN", "CIRCLE", "DRONES", "DEPLOY_OPTS", "APP_ENV", "GOOS", "GOARCH", "RUST_LOG", "SLACK_CHANNEL"),
]


@pytest.mark.parametrize("name", RESERVED)
def test_what_programs_read_for_themselves_is_reserved(name: str) -> None:
    found = problem(name)

    assert found is not None
    assert (found.field, found.code) == (name, "parameter_reserved")
    assert re.fullmatch(
        rf"parameter '{name}' is reserved, because .+ would read it; choose another name", found.message
    )


@pytest.mark.parametrize("name", COMMON)
def test_common_names_are_free(name: str) -> None:
    assert problem(name) is None


def test_every_word_of_the_list_reserves_what_it_says() -> None:
    for families in (FAMILIES, ANY_CASE):
        for word in " ".join(families.values()).split():
            assert is_reserved(word.replace("*", "X")), word
            assert families is FAMILIES or is_reserved(word.replace("*", "x").lower()), word
    assert not [name for name in FREE.split() if is_reserved(name)]


def test_a_name_that_is_free_for_itself_would_be_reserved_otherwise() -> None:
    for name in FREE.split():
        assert is_reserved(f"{name}_X"), name


def test_the_page_lists_every_name() -> None:
    page = (Path(__file__).parents[2] / "docs" / "parameters.md").read_text()

    rows = dict(re.findall(r"^\| (.+?) \| `(.+)` \|$", page, re.MULTILINE))

    assert rows == FAMILIES | ANY_CASE
    assert f"`{FREE}`" in page
