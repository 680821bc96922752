"""OAuth2 with a host: the page that asks the person, and tokens for a code or a refresh token (contract scm-api 7)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import orjson

from app.errors import Unauthorized, Unavailable, Unreadable
from app.scm.api import basic
from app.scm.client import Call, Client
from app.scm.forge import Granted, Logins, Refused, Rejected

#: The errors of a token request that are about this server's application, and not about the person.
_OURS = frozenset({
    *("invalid_client", "unauthorized_client", "incorrect_client_credentials", "redirect_uri_mismatch"),
    *("unsupported_grant_type", "invalid_scope"),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Application:
    """This server as the host knows it."""

    id: str
    secret: str = field(repr=False)
    #: The scopes to ask for, with spaces between; empty for those that the host gives by itself.
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Pages:
    """The two addresses of OAuth2 at a host, and what differs among hosts."""

    authorize: str
    token: str
    #: Whether the address to return to is sent; without, the host uses the one that it knows.
    redirects: bool = True
    #: Whether a refresh shows the application in the header, and not in the form.
    basic_refresh: bool = True


class OAuth(Logins):
    """The calls of OAuth2 at one host. Without an application, each raises Unreadable (`no_oauth`)."""

    def __init__(self, client: Client, pages: Pages, application: Application | None) -> None:
        self._client = client
        self._pages = pages
        self._application = application

    def authorize_url(self, state: str, challenge: str, redirect: str) -> str:
        """The page of the host that asks the person."""
        application = self._ours()
        query = {"response_type": "code", "client_id": application.id, "state": state}
        if application.scope:
            query["scope"] = application.scope
        if challenge:
            query |= {"code_challenge": challenge, "code_challenge_method": "S256"}
        return f"{self._pages.authorize}?{urlencode(query | self._returning(redirect))}"

    async def exchange(self, code: str, verifier: str, redirect: str) -> Granted:
        """The tokens for a code."""
        application = self._ours()
        form = {"grant_type": "authorization_code", "code": code}
        if verifier:
            form["code_verifier"] = verifier
        form |= {"client_id": application.id, "client_secret": application.secret, **self._returning(redirect)}
        return await self._granted(form, {}, code, verifier, application.secret)

    async def refreshed(self, refresh: str) -> Granted:
        """New tokens for a refresh token."""
        application = self._ours()
        form = {"grant_type": "refresh_token", "refresh_token": refresh}
        headers: dict[str, str] = {}
        if self._pages.basic_refresh:
            headers["authorization"] = basic(application.id, application.secret)
        else:
            form |= {"client_id": application.id, "client_secret": application.secret}
        granted = await self._granted(form, headers, refresh, application.secret)
        return granted if granted.refresh else Granted(granted.token, refresh, granted.expires)

    def _ours(self) -> Application:
        if self._application is None:
            message = f"{self._client.name} has no OAuth application in the settings: set its client id and secret"
            raise Unreadable(message, code="no_oauth")
        return self._application

    def _returning(self, redirect: str) -> dict[str, str]:
        return {"redirect_uri": redirect} if self._pages.redirects and redirect else {}

    async def _granted(self, form: Mapping[str, str], headers: Mapping[str, str], *secrets: str) -> Granted:
        call = Call("POST", self._pages.token, headers=headers, form=form, secrets=secrets)
        try:
            content = (await self._client.send(call)).content
        except (Refused, Rejected) as error:
            raise self._refusal(error.message) from None
        try:
            told = orjson.loads(content)
            reason = told.get("error")
        except (ValueError, AttributeError):
            message = f"{self._client.name} answered {call.path} with no JSON: is the address of the host right?"
            raise Unavailable(message, code="host_not_understood") from None
        if reason or not told.get("access_token"):  # GitHub refuses with status 200
            raise self._refusal(f"{self._client.name} gave no token: {reason} {told.get('error_description') or ''}")
        return self._read(told)

    def _read(self, told: Mapping[str, Any]) -> Granted:
        life = told.get("expires_in")
        expires = int(self._client.clock()) + life if isinstance(life, int) and life > 0 else 0
        return Granted(str(told["access_token"]), str(told.get("refresh_token") or ""), expires)

    def _refusal(self, message: str) -> Exception:
        """Unauthorized, or Unreadable when the application in the settings is the reason."""
        if any(error in message for error in _OURS):
            advice = "check the client id, the secret and the redirect address of the application at the host"
            return Unreadable(f"{message.strip()}; {advice}", code="oauth_application_refused")
        return Unauthorized(message.strip())


class WithOAuth(Logins):
    """A host whose logins are those of its OAuth2."""

    _oauth: OAuth

    def authorize_url(self, state: str, challenge: str, redirect: str) -> str:
        """The page of the host that asks the person."""
        return self._oauth.authorize_url(state, challenge, redirect)

    async def exchange(self, code: str, verifier: str, redirect: str) -> Granted:
        """The tokens for a code."""
        return await self._oauth.exchange(code, verifier, redirect)

    async def refreshed(self, refresh: str) -> Granted:
        """New tokens for a refresh token; the same refresh token when the host gives no new one."""
        return await self._oauth.refreshed(refresh)
