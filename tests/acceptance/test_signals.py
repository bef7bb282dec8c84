"""Signals: a run ends after the batch in flight, and the next one does the rest."""

from __future__ import annotations

import signal
import time

import pytest
from forks import Fork
from world import Done, World, difference, ended

_ESCALATIONS = "sobjects/Health_Escalation__c"


def _when(world: World, process: Fork, counter: str) -> None:
    """Wait until the sandbox has had a call, or a record."""
    while not world.sandbox.counters()[counter]:
        assert process.poll() is None, "it ended too early to be stopped"
        time.sleep(0.004)


def _stopped(world: World, process: Fork, number: int, counter: str) -> Done:
    _when(world, process, counter)
    process.send_signal(number)
    return ended(process)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_in_mid_write_ends_the_run_after_its_batch(
    world: World, number: int, code: int
) -> None:
    """The batch in flight gets its receipt, no other one is sent, and the next sync completes."""
    state = world.back("fresh")
    world.clean(state)
    expected = world.truth()
    state = world.back("fresh")
    # Escalations go first; their answer takes so long that the signal comes in between.
    world.sandbox.faults({"kind": "drip", "path": _ESCALATIONS, "seconds": 0.02, "bytes": 8})
    done = _stopped(world, world.fork(state), number, "writes")
    assert done.code == code, done
    assert "Traceback" not in done.err
    assert "Stopping" in done.err
    wrote = [call["path"] for call in world.sandbox.calls() if call["writes"]]
    assert wrote
    assert all("composite/sobjects" in path and _ESCALATIONS in path for path in wrote), wrote
    shown = world.run(state, "runs", "show", "last", "--json")
    assert '"stopped"' in shown.out, shown
    assert '"sent"' not in shown.out, "each row that was sent has its receipt"
    world.sandbox.clear_faults()
    world.clean(state)
    assert difference(world.truth(), expected) == []
    assert world.doubles() == []


def test_a_signal_in_the_pull_ends_the_run_before_it_writes(world: World) -> None:
    """What was read stays read; nothing is written."""
    state = world.back("fresh")
    world.sandbox.faults({"kind": "drip", "times": 0, "seconds": 0.02, "bytes": 50_000})
    done = _stopped(world, world.fork(state), signal.SIGTERM, "total")
    assert done.code == 143, done
    assert world.writes() == 0
    world.sandbox.clear_faults()
    world.clean(state)
    assert world.writes() > 0


@pytest.mark.parametrize("direction", [pytest.param("query", marks=pytest.mark.slow), "ingest"])
def test_a_signal_ends_the_wait_for_a_job_that_never_ends(world: World, direction: str) -> None:
    """No platform waits until a job is given up; the next sync goes on with it, or ends it."""
    low = {
        "CRM_HEALTH_SALESFORCE_BULK_FROM": "100",
        "CRM_HEALTH_SALESFORCE_BULK_WRITE_FROM": "20",
    }
    state = world.back("fresh")
    world.sandbox.faults({"kind": "job_hangs", "path": direction})
    process = world.fork(state, **low)
    while all(job["direction"] != direction for job in world.sandbox.jobs()):
        assert process.poll() is None, "it ended too early to be stopped"
        time.sleep(0.01)
    # By now it is asleep between two looks at the job.
    time.sleep(2)
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    done = ended(process)
    assert done.code == 143, done
    # A step of the wait, and some for a machine with other things to do.
    assert time.monotonic() - began < 15


def test_a_second_interrupt_ends_at_once(world: World) -> None:
    """Who presses Ctrl-C twice does not wait for a slow answer; the next sync is a clean one."""
    state = world.back("fresh")
    world.sandbox.faults({"kind": "drip", "path": _ESCALATIONS, "seconds": 0.5, "bytes": 1})
    process = world.fork(state)
    _when(world, process, "writes")
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    done = ended(process)
    assert done.code == 130, done
    assert time.monotonic() - began < 5
    world.sandbox.clear_faults()
    world.clean(state)
    assert world.doubles() == []
    world.sandbox.clear_calls()
    world.clean(state)
    assert world.writes() == 0
