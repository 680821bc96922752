"""Makes the socket on which a server listens."""

import os
import socket

from app.errors import AppError
from app.settings import values

#: Connections that may wait to be accepted.
BACKLOG = 2048


def listen(bind: str, setting: str) -> socket.socket:
    """The socket of a bind address; an empty host is every interface. AppError names the setting."""
    host, port = values.host(bind), values.port(bind)
    try:
        if not host and socket.has_dualstack_ipv6():
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=BACKLOG)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise AppError(f"cannot listen on {bind}: {os.strerror(error.errno or 0)}; see {setting}") from error
