"""Every error of crm-health, grouped by what the caller must do.

    CrmHealthError
    ├── ConfigError          a person edits a file, then runs again               exit 78
    │   └── WrongOrgError    the state belongs to another org                     exit 78
    ├── SetupError           the CRM lacks a field, object or type: run `setup`    exit 78
    ├── AuthError            a person mends credentials or rights                 exit 77
    ├── GuardStopped         a person reads the plan and approves it, or not      exit 4
    ├── Busy                 another run holds the org: try later                 exit 5
    │   └── LeaseLost        this run was overtaken and stopped itself            exit 5
    ├── QuotaExhausted       stop now, resume at the time given                   exit 6
    ├── Unavailable          the CRM or the network is down: try later            exit 75
    │   └── RateLimited      wait the seconds given, then repeat                  exit 75
    ├── Rejected             the CRM refused a whole request for its content      exit 78
    ├── StateError           the local database can't be used as it is            exit 65
    ├── LocalIOError         disk full or broken                                  exit 74
    └── BrokenInvariant      a bug of ours was caught before it did harm          exit 70

The docstring of a class is its default message. Exit codes of a run with several causes follow
`PRECEDENCE`.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar


class CrmHealthError(Exception):
    """Something went wrong in crm-health."""

    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False

    def __init__(self, message: str | None = None, *, code: str = "") -> None:
        doc = type(self).__doc__ or ""
        self.message = message or doc.strip().splitlines()[0]
        #: Stable short code for people and searches, e.g. the CRM's own error code.
        self.code = code
        super().__init__(self.message)


class ConfigError(CrmHealthError):
    """The configuration has mistakes: run `crm-health config check` to see them all."""

    exit_code = 78


class WrongOrgError(ConfigError):
    """The local state belongs to another org: point the state at the right one."""


class SetupError(CrmHealthError):
    """The CRM lacks something crm-health needs: run `crm-health setup`."""

    exit_code = 78


class AuthError(CrmHealthError):
    """The CRM refused the login or a right is missing."""

    exit_code = 77


class GuardStopped(CrmHealthError):
    """The plan looks like a mistake, so nothing was written: read it, then approve it."""

    exit_code = 4


class Busy(CrmHealthError):
    """Another run of this org is active: try again when it has ended."""

    exit_code = 5
    retryable = True


class LeaseLost(Busy):
    """This run was overtaken by another one and stopped itself."""


class QuotaExhausted(CrmHealthError):
    """The allowance of API calls is used up: the rest follows in a later run."""

    exit_code = 6
    retryable = True

    def __init__(
        self,
        message: str | None = None,
        *,
        until: datetime | None = None,
        code: str = "",
    ) -> None:
        super().__init__(message, code=code)
        self.until = until


class Unavailable(CrmHealthError):
    """The CRM can't be reached for now: nothing is lost, run again later."""

    exit_code = 75
    retryable = True


class RateLimited(Unavailable):
    """The CRM asks us to slow down."""

    def __init__(
        self,
        message: str | None = None,
        *,
        retry_after: float | None = None,
        code: str = "",
    ) -> None:
        super().__init__(message, code=code)
        #: Seconds to wait; None where the service did not say.
        self.retry_after = retry_after


class Rejected(CrmHealthError):
    """The CRM refused the request for its content: repeating it won't help."""

    exit_code = 78

    def __init__(self, message: str | None = None, *, code: str = "", field: str = "") -> None:
        super().__init__(message, code=code)
        self.field = field


class StateError(CrmHealthError):
    """The local database can't be read: restore it, or delete it and let a sync rebuild it."""

    exit_code = 65


class LocalIOError(CrmHealthError):
    """The local database can't be written: check the disk."""

    exit_code = 74
    retryable = True


class BrokenInvariant(CrmHealthError):
    """An internal check failed, so the run stopped before doing harm: please report it."""

    exit_code = 70


#: When several apply in one run, the first of these is the exit code (0 where none does).
PRECEDENCE: tuple[int, ...] = (70, 65, 74, 78, 77, 4, 5, 6, 75, 3)


def worst(codes: set[int]) -> int:
    """The exit code of a run in which all of `codes` apply: 0 for none, 1 for an unknown one."""
    known = [code for code in PRECEDENCE if code in codes]
    if known:
        return known[0]
    return 1 if codes - {0} else 0
