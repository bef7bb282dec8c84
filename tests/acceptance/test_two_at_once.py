"""Two syncs of one org: one gives way, and where nothing can warn them nothing is made twice."""

from __future__ import annotations

import time

from world import World, difference, ended


def test_the_second_sync_on_one_state_ends_at_once(world: World) -> None:
    """It says who is at work, exits with 5, and has made no call."""
    state = world.back("second")
    # Each answer takes its time, so that the first one is still at work when the second comes.
    world.sandbox.faults({"kind": "drip", "times": 0, "seconds": 0.1, "bytes": 10_000})
    first = world.fork(state)
    while not world.sandbox.counters()["total"]:
        assert first.poll() is None
        time.sleep(0.004)
    began = time.monotonic()
    second = world.run(state)
    took = time.monotonic() - began
    assert second.code == 5, second
    assert "is active" in second.err
    assert first.poll() is None, "the first one must still be at work for this to say anything"
    assert took < 10
    done = ended(first)
    assert done.code == 0, done
    logins = [call for call in world.sandbox.calls() if call["path"].endswith("/oauth2/token")]
    assert len(logins) == 1, "the second one made no call, not even a login"
    assert world.doubles() == []


def test_two_started_together_end_as_one(world: World) -> None:
    """Whoever comes first runs, the other gives way or finds nothing left to do."""
    world.clean(state := world.back("second"))
    expected = world.truth()
    for _ in range(2):
        state = world.back("second")
        both = [world.fork(state) for _ in range(2)]
        codes = sorted(ended(process).code for process in both)
        assert codes in ([0, 5], [0, 0]), codes
        assert world.doubles() == []
        assert difference(world.truth(), expected) == []


def test_two_states_make_no_double(world: World) -> None:
    """Nothing warns them of each other: the keys in the CRM do."""
    world.clean(world.back("second"))
    expected = world.truth()
    met = 0
    for number in range(3):
        states = [world.back("second") for _ in range(2)]
        world.sandbox.clear_calls()
        both = []
        for state in states:
            both.append(world.fork(state))
            time.sleep(0.05 * number)
        codes = [ended(process).code for process in both]
        assert set(codes) <= {0, 3}, codes
        assert world.doubles() == []
        wrote = [call for call in world.sandbox.calls() if "graph" in call["path"]]
        met += len(wrote) > 1
        for state in states:
            world.clean(state)
        assert difference(world.truth(), expected) == []
    world.sandbox.clear_calls()
    for state in states:
        world.clean(state)
    assert world.writes() == 0
    assert met, "in no round did both try to create the same task: the test shows nothing"
