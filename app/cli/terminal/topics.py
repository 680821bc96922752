"""The help topics: what holds for all commands, each said in one place."""

from typing import NamedTuple


class Topic(NamedTuple):
    """A topic's line in the help of the program, and its text, which is printed as it stands."""

    summary: str
    text: str


TOPICS = {
    "environment": Topic(
        "The variables that every command reads.",
        """\
(The command `gantry environment` is another thing: see gantry environment --help.)

GANTRY_SERVER, DRONE_SERVER, GANTRY_URL
    Address of the server, as in https://ci.example.com; the first that is set counts. --server wins; a variable
    wins over what gantry login has kept, and over --context.
GANTRY_TOKEN, DRONE_TOKEN
    Token of your account; the first that is set counts. --token wins; a variable wins over what gantry login has
    kept. A token that gantry login has kept is sent only to the server that the token was kept for.
XDG_CONFIG_HOME
    The folder of gantry/contexts.json, where gantry login keeps servers and tokens; else ~/.config.
NO_COLOR
    Set to anything: no colours.
HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY
    The proxies for http:// and https:// addresses, and the hosts that are asked without one.
COLUMNS
    The width of the terminal, where it is not what the terminal says.

`gantry serve` and `gantry runner` have settings of their own: see README.md and docs/settings of the project.""",
    ),
    "exit-codes": Topic(
        "What the exit code of a command says.",
        """\
0    Done. With --follow: the build succeeded.
1    Failed: the server refused, could not be reached, or the thing was not found. With --follow: the build did not
     succeed. Of a command that verifies or tries (audit verify, artifact verify, bundle promote --dry-run): what was
     looked at does not hold.
2    Wrong usage: an unknown command or option, a missing or wrong argument, no server or token. Nothing was sent.
130  Interrupted (Ctrl-C). A build that was followed goes on.""",
    ),
    "formatting": Topic(
        "How to get JSON.",
        """\
--json prints the server's answer as JSON, before or after the command.""",
    ),
}
