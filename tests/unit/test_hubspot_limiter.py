"""The limiter: as fast as the service allows, never faster, for all threads together."""

from __future__ import annotations

import threading
import time

import pytest

from connectors.hubspot.limiter import Limiter, Window
from connectors.sandbox.clock import Clock
from connectors.sandbox.hubspot.errors import HubError
from connectors.sandbox.hubspot.limiter import Limiter as Service
from connectors.sandbox.hubspot.tiers import tier
from crm_health.connector import Budget, Ports
from crm_health.testing.clock import FixedClock
from crm_health.testing.ports import Log, MemoryNotes, make_ports


class Following(Clock):
    """The service's clock: the same seconds as ours."""

    def __init__(self, clock: FixedClock) -> None:
        super().__init__()
        self._clock = clock

    def elapsed(self) -> float:
        return self._clock.monotonic()


@pytest.mark.parametrize("name", ["free", "professional", "increased"])
@pytest.mark.parametrize("latency", [0.002, 0.04])
def test_the_allowance_is_used_and_never_exceeded(name: str, latency: float) -> None:
    """Over 2,000 calls the service refuses none, and at least 95 % of what it allows is used."""
    clock = FixedClock()
    ours, theirs = Limiter(make_ports(clock)).burst, Service(Following(clock), tier(name), "UTC")
    began = clock.monotonic()
    for _ in range(2_000):
        ours.enter()
        clock.sleep(latency / 2)  # on its way there
        theirs.spend("app", search=False)
        headers = theirs.headers("app", search=False)
        clock.sleep(latency / 2)  # and back
        ours.leave(headers)
    took = clock.monotonic() - began
    assert theirs.refused["burst"] == 0
    burst = tier(name).burst
    # Whole windows, then the rest as quick as the line; or the line is all there is to wait for.
    windows, rest = divmod(2_000, burst)
    fastest = max(windows * 10 + rest * latency, 2_000 * latency)
    assert fastest / took >= 0.95


def test_calls_of_others_with_the_same_token_are_seen() -> None:
    """What `Remaining` tells counts, so that two processes are refused a few times at most."""
    clock = FixedClock()
    service = Service(Following(clock), tier("free"), "UTC")
    two = [Limiter(make_ports(clock)).burst for _ in range(2)]
    refused = 0
    for n in range(600):
        window = two[n % 2]
        window.enter()
        clock.sleep(0.01)
        try:
            service.spend("app", search=False)
        except HubError:
            refused += 1
            window.pause(10.0)
        window.leave(service.headers("app", search=False))
    assert refused <= 6


def test_searches_have_a_window_of_their_own() -> None:
    """Four searches a second at most, whatever the burst allows."""
    clock = FixedClock()
    window = Limiter(make_ports(clock)).window("search")
    began = clock.monotonic()
    service = Service(Following(clock), tier("professional"), "UTC")
    for _ in range(41):
        window.enter()
        service.spend("app", search=True)
        window.leave()
    assert service.refused["search"] == 0
    assert 10.0 <= clock.monotonic() - began < 10.5


def test_odd_headers_change_nothing() -> None:
    """Texts that are no numbers are passed over."""
    window = Limiter(make_ports()).burst
    for name in ("Max", "Remaining", "Interval-Milliseconds"):
        for value in ("", "-1", "many", "1e3", "²"):
            window.enter()
            window.leave({f"X-HubSpot-RateLimit-{name}": value})
    assert (window.most, window.seconds) == (100, 10.0)


def test_a_refused_call_holds_back_everybody() -> None:
    """After a 429 nobody calls until the pause is over."""
    clock = FixedClock()
    window = Limiter(make_ports(clock)).burst
    window.pause(7.5)
    began = clock.monotonic()
    window.enter()
    assert clock.monotonic() - began >= 7.5


def test_threads_share_one_window() -> None:
    """Eight threads together never have more calls in a window than one may."""
    ports = Ports(Budget(), time.monotonic, time.sleep, Log(), MemoryNotes())
    window = Window(ports, 20, 0.2)
    stamps: list[float] = []

    def work() -> None:
        for _ in range(10):
            window.enter()
            stamps.append(time.monotonic())
            window.leave()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stamps.sort()
    assert len(stamps) == 80
    assert all(later - first >= 0.19 for first, later in zip(stamps, stamps[20:], strict=False))


def test_searches_go_as_slowly_as_told() -> None:
    """An account whose other apps search a lot leaves fewer of the five to us."""
    clock = FixedClock()
    window = Limiter(make_ports(clock), searches=2).window("search")
    began = clock.monotonic()
    for _ in range(5):
        window.enter()
        window.leave()
    assert clock.monotonic() - began >= 2.0


def test_a_service_that_refuses_nobody_slows_nobody() -> None:
    """With its limits off the sandbox tells of no use: nobody need wait for others."""
    clock = FixedClock()
    service = Service(Following(clock), tier("free"), "UTC")
    service.enforced = False
    for _ in range(150):
        service.spend("app", search=False)
    told = service.headers("app", search=False)
    assert told["X-HubSpot-RateLimit-Remaining"] == told["X-HubSpot-RateLimit-Max"] == "100"
