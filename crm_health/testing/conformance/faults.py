"""Faults of the wire: waited out, or told as the right error; never half an answer as a whole."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crm_health.connector import Page, Request
from crm_health.errors import AuthError, CrmHealthError, QuotaExhausted, Unavailable
from crm_health.testing.conformance.kit import (
    break_wire,
    opened,
    outcomes,
    read,
    rows_of,
    some_rows,
    updates,
)
from crm_health.testing.conformance.rig import FOREVER, Rig, Wire

PASSING = [Wire.RATE_LIMITED, Wire.UNAVAILABLE, Wire.HTML, Wire.TRUNCATED, Wire.LOST]
#: More calls than any sensible policy makes for one request that keeps failing.
FEW = 15


class FaultContract:
    """Every class of error, once and for ever, in the first page and behind it."""

    @pytest.mark.parametrize("wire", PASSING)
    @pytest.mark.parametrize("after", [0, 1])
    def test_a_passing_fault_of_a_read_is_waited_out(
        self, rig: Rig, wire: Wire, after: int
    ) -> None:
        """One failed call, at the first page or the second, and still every row comes."""
        seeded = rig.seed(some_rows(rig, 2 * rig.page), rig.now() - timedelta(hours=1))
        break_wire(rig, wire, kind="read", after=after)
        with opened(rig) as (connector, _):
            pages = read(connector, rig.subject.stream)
        assert set(rows_of(pages)) == set(seeded)

    @pytest.mark.parametrize("wire", PASSING)
    @pytest.mark.parametrize("after", [0, 1])
    def test_a_lasting_fault_of_a_read_is_unavailable(
        self, rig: Rig, wire: Wire, after: int
    ) -> None:
        """The read raises Unavailable after few calls and never marks a partial read as ended."""
        rig.seed(some_rows(rig, 2 * rig.page), rig.now() - timedelta(hours=1))
        break_wire(rig, wire, FOREVER, kind="read", after=after)
        pages: list[Page] = []
        with opened(rig) as (connector, ports):
            with pytest.raises(Unavailable):
                # One by one: what came before the error must be seen.
                pages.extend(connector.changes([Request(rig.subject.stream)]))
            assert ports.budget.spent <= FEW + after
        assert not any(page.last for page in pages)

    @pytest.mark.parametrize("kind", ["read", "write"])
    def test_an_expired_login_is_renewed_once(self, rig: Rig, kind: str) -> None:
        """A session that ended in mid-run is renewed, and the call repeated."""
        s = rig.subject
        ids = rig.seed(some_rows(rig, 2))
        with opened(rig) as (connector, _):
            connector.identity()
            break_wire(rig, Wire.LOGIN_EXPIRED, kind=kind)
            if kind == "read":
                assert set(rows_of(read(connector, s.stream))) == set(ids)
            else:
                batch = updates(rig, [(i, {s.text: "x"}) for i in ids])
                assert outcomes(connector.write(batch)) == ["done", "done"]

    @pytest.mark.parametrize("kind", ["read", "write"])
    def test_a_login_that_never_helps_is_an_auth_error(self, rig: Rig, kind: str) -> None:
        """When a fresh session is refused as well, AuthError comes after very few calls."""
        s = rig.subject
        ids = rig.seed(some_rows(rig, 2))
        break_wire(rig, Wire.LOGIN_EXPIRED, FOREVER)
        with opened(rig) as (connector, ports):
            with pytest.raises(AuthError):
                if kind == "read":
                    read(connector, s.stream)
                else:
                    connector.write(updates(rig, [(i, {s.text: "x"}) for i in ids]))
            assert ports.budget.spent <= 5

    @pytest.mark.parametrize("kind", ["read", "write"])
    def test_the_allowance_of_the_day_ends_the_run(self, rig: Rig, kind: str) -> None:
        """When the org's allowance is used up QuotaExhausted comes at once, without repeats."""
        s = rig.subject
        ids = rig.seed(some_rows(rig, 2))
        before = rig.truth(s.stream.object)
        with opened(rig) as (connector, ports):
            connector.identity()
            break_wire(rig, Wire.QUOTA, FOREVER)
            spent = ports.budget.spent
            with pytest.raises(QuotaExhausted):
                if kind == "read":
                    read(connector, s.stream)
                else:
                    connector.write(updates(rig, [(i, {s.text: "x"}) for i in ids]))
            assert ports.budget.spent == spent + 1
        assert rig.truth(s.stream.object) == before

    def test_no_redirect_is_followed(self, rig: Rig) -> None:
        """An answer that sends us to another host is an error; that host hears nothing."""
        rig.seed(some_rows(rig, 2))
        break_wire(rig, Wire.REDIRECT, FOREVER, kind="read")
        with opened(rig) as (connector, _), pytest.raises(CrmHealthError):
            read(connector, rig.subject.stream)
        assert rig.strayed() == 0

    def test_no_page_of_another_host_is_asked_for(self, rig: Rig) -> None:
        """A next page on another host is refused, or asked of the CRM itself."""
        seeded = rig.seed(some_rows(rig, 2 * rig.page), rig.now() - timedelta(hours=1))
        break_wire(rig, Wire.NEXT_HOST, FOREVER, kind="read")
        with opened(rig) as (connector, _):
            try:
                found = set(rows_of(read(connector, rig.subject.stream)))
            except CrmHealthError:
                found = set(seeded)
        assert found == set(seeded)
        assert rig.strayed() == 0

    def test_a_service_that_is_down_gives_receipts(self, rig: Rig) -> None:
        """Writes that were never applied are `retry` or `unknown`, not errors and not done."""
        s = rig.subject
        ids = rig.seed(some_rows(rig, 2))
        before = rig.truth(s.stream.object)
        break_wire(rig, Wire.UNAVAILABLE, FOREVER, kind="write")
        with opened(rig) as (connector, ports):
            ends = outcomes(connector.write(updates(rig, [(i, {s.text: "x"}) for i in ids])))
            assert ports.budget.spent <= FEW
        assert set(ends) <= {"retry", "unknown"}
        assert rig.truth(s.stream.object) == before
