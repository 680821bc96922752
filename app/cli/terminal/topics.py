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
NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE, CLICOLOR
    Whether there are colours: see gantry help formatting.
HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY
    The proxies for http:// and https:// addresses, and the hosts that are asked without one.
SSL_CERT_FILE, SSL_CERT_DIR
    A file or a folder of the authorities to trust for https:// addresses, where those of the system do not do.
GANTRY_COMPLETION_TIMEOUT
    Seconds that your shell waits for words that the server knows; else 0.7. See gantry completion --help.
COLUMNS
    The width of the terminal, where it is not what the terminal says.

`gantry serve` and `gantry runner` have settings of their own: see docs/settings.md of the project.""",
    ),
    "exit-codes": Topic(
        "What the exit code of a command says.",
        """\
0    Done. With watch and --follow: the build succeeded.
1    Failed: the server refused, could not be reached, or the thing was not found. A build was begun, and is an error
     at once. With watch and --follow: the build did not succeed. With --dry-run: it would be refused, or be an error
     at once. Of a command that verifies (audit verify, artifact verify): what was looked at does not hold.
2    Wrong usage: an unknown command or option, a missing or wrong argument, no server or token. Nothing was changed.
130  Interrupted (Ctrl-C). A build that was watched goes on.""",
    ),
    "formatting": Topic(
        "Tables, JSON and colours.",
        """\
On a terminal
    Tables have a header and fit the terminal: messages, reasons and branches are shortened, numbers and names never.
    Ids of commits have 8 digits. Times are told as a distance: 5 min ago.
In a pipe or a file
    A row is a line without a header, cells are separated by tabs and whole, times are in ISO 8601 (UTC), and an empty
    list is nothing: gantry builds | cut -f 1,2
--json
    The server's answer as JSON, with all of its keys. What has no answer prints nothing. An error is JSON on standard
    error, with the same exit code: {"code": …, "message": …, "errors": [{"field": …, "code": …, "message": …}]}
--jq EXPR
    What an expression of jq selects from that JSON, texts as they are: gantry builds --jq '.[].number'
Colours
    They are shown on a terminal. NO_COLOR set to anything: nowhere. FORCE_COLOR or CLICOLOR_FORCE set to other than 0:
    also in pipes and files. CLICOLOR=0: nowhere, unless they are forced.""",
    ),
}
