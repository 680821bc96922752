"""Whom this machine trusts to vouch for others: the authorities that certificates are checked with."""

import ssl
from functools import cache

import httpx2 as httpx


@cache
def trusted() -> ssl.SSLContext:
    """The authorities of the system, or those of SSL_CERT_FILE or SSL_CERT_DIR; OSError when they cannot be read.

    They are read once, for that takes longer than most answers, and nothing else runs meanwhile.
    """
    return httpx.create_ssl_context()
