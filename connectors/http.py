"""What every connector needs of HTTP, whichever client library it uses.

One retry policy, one way to read `Retry-After`, one redaction. No I/O happens here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import tenacity

from crm_health.connector import Ports
from crm_health.errors import RateLimited, Unavailable

T = TypeVar("T")


class NotSent(Unavailable):
    """The CRM can't be reached: no connection, so nothing was sent."""


class LostAnswer(Unavailable):
    """The request was sent but its answer never came whole: it may have been carried out."""


class TooLarge(LostAnswer):
    """The answer is larger than we take: the same request would bring the same."""


class Hopeless(Unavailable):
    """The answer is not the CRM's: repeating the request now won't help."""


@dataclass(frozen=True)
class Patience:
    """How long a call is repeated: `attempts` and `total` both bind. Times are in seconds."""

    attempts: int = 5
    total: float = 120.0
    first: float = 0.5
    longest: float = 30.0


def with_retries(call: Callable[[], T], ports: Ports, patience: Patience) -> T:
    """Repeat `call` while it raises Unavailable, with exponential backoff and full jitter.

    A `retry_after` is waited for in full, or, where it does not fit in what is left of `total`,
    the error goes to the caller at once: asking earlier than told only makes matters worse.

    Raises:
        Unavailable: the last failure, once attempts or time are used up.
    """
    started = ports.clock()
    jitter = tenacity.wait_random_exponential(patience.first, patience.longest)

    def wait(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        told = error.retry_after if isinstance(error, RateLimited) else None
        return max(jitter(state), told or 0.0)

    def enough(state: tenacity.RetryCallState) -> bool:
        late = ports.clock() - started + state.upcoming_sleep > patience.total
        return late or state.attempt_number >= patience.attempts

    def note(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        ports.log(
            "http.retry",
            attempt=state.attempt_number,
            wait=round(state.upcoming_sleep, 2),
            code=getattr(error, "code", ""),
            error=type(error).__name__,
        )

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_worth_repeating),
        wait=wait,
        stop=enough,
        sleep=ports.sleep,
        before_sleep=note,
        reraise=True,
    )
    return retrying(call)


def _worth_repeating(error: BaseException) -> bool:
    return isinstance(error, Unavailable) and not isinstance(error, Hopeless | TooLarge)


def pause(ports: Ports, round_number: int, first: float = 1.0, longest: float = 60.0) -> None:
    """Sleep a jittered time before round 1, 2, 3... of rows that were locked."""
    state = tenacity.RetryCallState(retry_object=tenacity.Retrying(), fn=None, args=(), kwargs={})
    state.attempt_number = round_number
    ports.sleep(min(longest, first + tenacity.wait_random_exponential(first, longest)(state)))


def retry_after_seconds(value: str | None, now: datetime | None) -> float | None:
    """Seconds that a `Retry-After` header asks for; None where it says nothing usable.

    Args:
        value: a number of seconds or an HTTP date.
        now: the service's own clock (its `Date` header), which dates are measured from.
    """
    if not value:
        return None
    text = value.strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,3})?", text, re.ASCII):
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    if now is None or when.tzinfo is None:
        return None
    return max(0.0, (when - now).total_seconds())


_SECRETS = re.compile(
    r"""
    -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----.*?(?:-----END[ ][A-Z ]*PRIVATE[ ]KEY-----|\Z)
    | \b00D[A-Za-z0-9]{9,15}![^\s"'<>,;]+
    | \bBearer\s+[^\s"'<>,;]+
    | \bBasic\s+[A-Za-z0-9+/=]{8,}
    | \bpat-[a-z0-9]+-[A-Za-z0-9-]+
    | \bbcrm_pat_[\w-]+
    | \b(?:refresh_token|access_token|client_secret|assertion|password)
      ["']?\s*[=:]\s*["']?[^\s"'&<>,;]+
    | \beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def redact(text: str, longest: int = 500) -> str:
    """The text without anything that looks like a secret, on one line, cut to `longest`."""
    plain = _CONTROLS.sub(" ", _SECRETS.sub("***", text)).strip()
    return plain if len(plain) <= longest else plain[: longest - 3] + "..."
