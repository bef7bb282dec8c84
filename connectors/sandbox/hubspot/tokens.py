"""Who may call: static tokens of private apps and service keys, and short-lived OAuth ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from connectors.sandbox.clock import Clock
from connectors.sandbox.hubspot.errors import HubError

LIFETIME = timedelta(seconds=1800)
# Public and worthless: they open nothing but this sandbox.
PRIVATE = "pat-na1-sandbox"
CLIENT = "sandbox-oauth"
REFRESH = "sandbox-refresh"


@dataclass(frozen=True)
class Token:
    """What one token stands for."""

    value: str
    app: int
    scopes: frozenset[str] | None = None
    """None: every scope there is."""
    expires: datetime | None = None
    user: int = 5555888

    def lacks(self, any_of: tuple[str, ...]) -> bool:
        """Whether it has none of these scopes."""
        return self.scopes is not None and not self.scopes.intersection(any_of)


class Tokens:
    """The tokens in force, and the one OAuth grant."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """The private app's token and the OAuth grant, with every scope."""
        self._of: dict[str, Token] = {PRIVATE: Token(PRIVATE, 1024738)}
        self._grant: Token | None = Token(REFRESH, 1024739)
        self._issued = 0

    def add(self, value: str, scopes: frozenset[str] | None = None) -> Token:
        """A token, such as a service key, of an app of its own; replaces the one of that text."""
        old = self._of.get(value)
        app = old.app if old else 1024740 + len(self._of)
        self._of[value] = token = Token(value, app, scopes)
        return token

    def limit(self, scopes: frozenset[str] | None) -> None:
        """All tokens and the grant have these scopes from now on."""
        self._of = {value: replace(token, scopes=scopes) for value, token in self._of.items()}
        if self._grant is not None:
            self._grant = replace(self._grant, scopes=scopes)

    def revoke(self, value: str = "") -> int:
        """End one token or the grant, or without a name all of them; returns how many."""
        gone = [v for v in self._of if value in ("", v)]
        for one in gone:
            del self._of[one]
        if value in ("", REFRESH) and self._grant is not None:
            self._grant = None
            return len(gone) + 1
        return len(gone)

    def expire(self) -> int:
        """End the OAuth tokens; static ones never expire. Returns how many."""
        old = [t for t in self._of.values() if t.expires is not None]
        now = self._clock.now()
        self._of |= {t.value: replace(t, expires=now) for t in old}
        return len(old)

    def refresh(self, refresh_token: str) -> Token | None:
        """A new access token of the grant; None if that is not it, or revoked."""
        if self._grant is None or refresh_token != self._grant.value:
            return None
        self._issued += 1
        value = f"CSandboxOAuth{self._issued:08d}"
        expires = self._clock.now() + LIFETIME
        token = replace(self._grant, value=value, expires=expires)
        self._of[value] = token
        return token

    def grant(self, refresh_token: str) -> Token | None:
        """What a refresh token stands for."""
        return self._grant if self._grant and self._grant.value == refresh_token else None

    def find(self, value: str) -> Token | None:
        """The token of that text, if it is in force."""
        token = self._of.get(value)
        if token is None or (token.expires is not None and token.expires <= self._clock.now()):
            return None
        return token

    def need(self, value: str) -> Token:
        """The same. Raises HubError 401 in words that tell unknown from expired."""
        token = self._of.get(value)
        if token is None:
            raise unauthorized()
        if token.expires is not None and token.expires <= self._clock.now():
            late = int((self._clock.now() - token.expires).total_seconds())
            raise HubError(
                401,
                f"The OAuth token used to make this call expired {late} second(s) ago.",
                "EXPIRED_AUTHENTICATION",
            )
        return token

    def left(self, token: Token) -> int:
        """Seconds that a token is good for; 0 for a static one."""
        if token.expires is None:
            return 0
        return int((token.expires - self._clock.now()).total_seconds())


def unauthorized() -> HubError:
    """No token, or none that is known (any more)."""
    return HubError(
        401,
        "Authentication credentials not found. This API supports OAuth 2.0 authentication and "
        "you can find more details at https://developers.hubspot.com/docs/methods/auth/"
        "oauth-overview",
        "INVALID_AUTHENTICATION",
    )
