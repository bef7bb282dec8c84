"""Messages to people outside the CRM: chat, mail or whatever else apprise can reach.

Apprise comes with the extra `notify`, where an org wants such messages. The addresses it sends to
hold credentials: none of them is ever shown, logged or named in an error.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from pydantic import SecretStr

from crm_health.errors import ConfigError

PACKAGE = "apprise"
#: Told a title and a body.
Notice = Callable[[str, str], None]


def notifier(addresses: SecretStr, named: str, log: Callable[..., None]) -> Notice:
    """What sends a message to every address.

    A message that can't be sent is logged and costs no run anything: the task in the CRM says
    the same.

    Args:
        addresses: Apprise's URLs, separated by white space.
        named: The setting that holds them, for errors.
        log: Structured log.

    Raises:
        ConfigError: apprise is not installed, or it can't use one of the addresses.
    """
    if find_spec(PACKAGE) is None:
        raise ConfigError(
            f"{named} is set, but the package {PACKAGE} is not installed: install "
            "crm-health[notify]. Nothing was run.",
            code="CH-NOTIFY",
        )
    # It logs the addresses that it can't use, credentials and all.
    logging.getLogger(PACKAGE).disabled = True
    # Only now: most orgs have no use for it.
    library: Any = import_module(PACKAGE)
    service = library.Apprise()
    for place, address in enumerate(addresses.get_secret_value().split(), start=1):
        if not service.add(address):
            raise ConfigError(
                f"{named}: {PACKAGE} can't use address {place}. Nothing was run.", code="CH-NOTIFY"
            )

    def send(title: str, body: str) -> None:
        try:
            sent = bool(service.notify(title=title, body=body))
        except Exception as error:  # noqa: BLE001 - its plug-ins raise what they like
            log("notice_failed", error=type(error).__name__)
            return
        log("notice_sent" if sent else "notice_failed")

    return send
