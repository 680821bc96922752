import socket
import ssl
from collections.abc import Iterator

import httpx2
import pytest

from app.cli.remote.client import Client, Connection, Refused, Unreachable
from app.errors import AppError, Invalid
from tests.cli.conftest import Gantry
from tests.cli.farside import FarSide, answer, recorded, text

PATH = "/api/repos/octocat/hello-world"


@pytest.fixture
def client(far: FarSide) -> Iterator[Client]:
    with Client(Connection.checked(far.url, "secret-token")) as client:
        yield client


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("http://ci.example.com", "http://ci.example.com"),
        ("http://ci.example.com///", "http://ci.example.com"),
        (" https://example.com:8443/ci/ ", "https://example.com:8443/ci"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_server_s_address_loses_its_trailing_slashes(given: str, base: str) -> None:
    assert Connection.checked(given, "t").url("/api/user") == f"{base}/api/user"


@pytest.mark.parametrize(
    "server",
    [
        "ci.example.com",
        "ftp://ci.example.com",
        "http://",
        "http://user:hunter2@ci.example.com",
        "http://ci.example.com?x=hunter2",
        "http://ci.example.com/#hunter2",
        "http://ci.example.com:port",
        "http://[::1",
        "http://a\x00b",
    ],
)
def test_address_that_is_none_is_refused_without_repeating_it(server: str) -> None:
    with pytest.raises(Invalid, match="check --server, GANTRY_SERVER") as caught:
        Connection.checked(server, "t")

    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize("token", ["hunter2\nX-Evil: 1", "hunter2 x", "hünter2"])
def test_token_that_is_none_is_refused_without_repeating_it(token: str) -> None:
    with pytest.raises(Invalid, match="check --token, GANTRY_TOKEN") as caught:
        Connection.checked("http://127.0.0.1", token)

    assert "nter2" not in caught.value.message


def test_authorities_are_read_once_and_only_for_a_server_that_speaks_tls() -> None:
    plain, secure = Connection.checked("http://a", "t").trust(), Connection.checked("HTTPS://a", "t").trust()

    assert [context.verify_mode for context in (plain, secure)] == [ssl.CERT_REQUIRED] * 2
    assert plain.cert_store_stats()["x509_ca"] == 0
    assert Connection.checked("https://b", "t").trust() is secure


def test_a_file_of_certificates_that_is_not_there_is_told(gantry: Gantry, environment: dict[str, str]) -> None:
    wrong = environment | {"SSL_CERT_FILE": "/not/there", "GANTRY_SERVER": "https://127.0.0.1:1"}

    done = gantry("whoami", env=wrong)

    assert done.returncode == 1
    assert done.stderr.startswith("Error: the certificates to trust cannot be read: ")


def test_token_is_not_in_a_repr() -> None:
    assert "hunter2" not in repr(Connection.checked("http://127.0.0.1", "hunter2"))


def test_server_below_a_path_is_asked_there(far: FarSide) -> None:
    far.on("GET", "/ci/api/user", answer({"login": "octocat"}))

    with Client(Connection.checked(f"{far.url}/ci/", "t")) as client:
        assert client.record("GET", "/api/user") == {"login": "octocat"}


def test_values_reach_the_server_as_they_are(client: Client, far: FarSide) -> None:
    far.on("POST", PATH, answer({}))
    query = {"A": "a&b=c d+e", "B": "", "C": "line\nline ✓ %2F"}

    client.call("POST", PATH, query=query)

    assert far.asked[0].query == query


def test_error_is_told_with_the_server_s_words_and_what_was_asked(client: Client, far: FarSide) -> None:
    far.on("GET", PATH, answer(recorded("repository that is unknown"), 404))

    with pytest.raises(Refused) as caught:
        client.call("GET", PATH)

    assert caught.value.message == f"Not Found (404: GET {PATH})"
    assert not caught.value.passing


def test_unauthorized_asks_about_the_token_but_does_not_show_it(client: Client, far: FarSide) -> None:
    far.on("GET", PATH, answer({"message": "Unauthorized"}, 401))

    with pytest.raises(Refused, match="Unauthorized; is the token") as caught:
        client.call("GET", PATH)

    assert "secret-token" not in caught.value.message


def test_passing_error_says_when_to_try_again(client: Client, far: FarSide) -> None:
    far.on("GET", PATH, answer({"message": "the database is locked"}, 503, Retry_After="5"))

    with pytest.raises(Refused, match="the database is locked; try again in 5 s") as caught:
        client.call("GET", PATH)

    assert caught.value.passing


@pytest.mark.parametrize(
    "body", [b"", b"404 page not found", b"[]", b'{"message": 4}', b"\xff", b"null", b'{"error": "x"}']
)
def test_error_without_a_message_names_the_status(client: Client, far: FarSide, body: bytes) -> None:
    far.on("GET", PATH, text(body, 414))

    with pytest.raises(Refused, match=f"without saying why .414: GET {PATH}"):
        client.call("GET", PATH)


def test_redirect_is_an_error_that_names_the_place_but_not_its_query(client: Client, far: FarSide) -> None:
    far.on("POST", PATH, text(b"", 307, Location="https://new.example.com/api?access_token=hunter2"))

    with pytest.raises(Refused, match=r"redirects to https://new\.example\.com, which is not followed") as caught:
        client.call("POST", PATH)

    assert "hunter2" not in caught.value.message
    assert len(far.asked) == 1


@pytest.mark.parametrize("body", [b"<html>hello", b"[1]", b'"x"', b"\xff\xfe"])
def test_answer_of_another_kind_of_server_is_named(client: Client, far: FarSide, body: bytes) -> None:
    far.on("GET", PATH, text(body))

    with pytest.raises(AppError, match="is not what a Gantry or Drone server sends"):
        client.record("GET", PATH)
    with pytest.raises(AppError, match="is not what a Gantry or Drone server sends"):
        client.records(PATH)


def test_refused_connection_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        server = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with Client(Connection.checked(server, "t")) as client, pytest.raises(Unreachable, match=server):
            client.call("GET", PATH)


def test_server_that_never_answers_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        connection = Connection.checked(f"http://127.0.0.1:{silent.getsockname()[1]}", "t")
        with Client(connection, timeout=httpx2.Timeout(0.05)) as client, pytest.raises(Unreachable, match="in time"):
            client.call("GET", PATH)


def test_answer_that_breaks_off_is_unreachable(client: Client, far: FarSide) -> None:
    far.on("GET", PATH, text(b'{"id"', Content_Length="100"))

    with pytest.raises(Unreachable, match="cannot reach"):
        client.call("GET", PATH)


def test_several_problems_are_listed_one_a_line(gantry: Gantry, far: FarSide) -> None:
    errors = [
        {"field": "DRONE_X", "code": "reserved", "message": "DRONE_X is reserved"},
        {"field": "path", "code": "name", "message": "1BAD is no name"},
    ]
    body = {"message": "DRONE_X is reserved; 1BAD is no name", "code": "invalid", "errors": errors}
    far.on("POST", f"{PATH}/builds/1/promote", answer(body, 400))

    done = gantry("build", "promote", "octocat/hello-world", "1", "production", "-p", "DRONE_X=1")

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == "Error: 2 problems:\n  DRONE_X is reserved\n  path: 1BAD is no name\n"


def test_what_a_server_says_cannot_command_the_terminal(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", PATH, answer({"message": "a\x1b]0;evil\x07b"}, 400))

    assert (
        "a\N{REPLACEMENT CHARACTER}]0;evil\N{REPLACEMENT CHARACTER}b"
        in gantry("repo", "info", "octocat/hello-world").stderr
    )


def test_proxy_of_the_environment_is_asked(gantry: Gantry, environment: dict[str, str], far: FarSide) -> None:
    far.on("GET", "http://ci.invalid/api/user/repos", answer([]))
    far.on("GET", "/api/user/repos", answer([]))
    env = environment | {"GANTRY_SERVER": "http://ci.invalid", "HTTP_PROXY": far.url, "http_proxy": far.url}

    assert gantry("repo", "ls", env=env).returncode == 0
    assert far.asked[0].headers["Host"] == "ci.invalid"


def test_proxy_that_cannot_be_used_is_named_without_its_password(gantry: Gantry, environment: dict[str, str]) -> None:
    done = gantry("repo", "ls", env=environment | {"ALL_PROXY": "gopher://user:hunter2@127.0.0.1:1"})

    assert done.returncode == 1
    assert done.stderr == "Error: the proxy that HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names cannot be used\n"
