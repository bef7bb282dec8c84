"""Identity, describe, and the accounts: every call counted, none made beyond the budget."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest

from crm_health.errors import QuotaExhausted
from crm_health.testing.conformance.kit import (
    break_wire,
    opened,
    read,
    some_rows,
    updates,
    upserts,
)
from crm_health.testing.conformance.rig import FOREVER, Rig, Unsupported, Wire


class AccountsContract:
    """`identity`, `describe`, `usage`, `close` and the budget."""

    def test_identity_is_stable_and_tells_the_crms_time(self, rig: Rig) -> None:
        """Two connectors see one org; `now` is the CRM's clock, aware."""
        with opened(rig) as (one, _), opened(rig) as (two, _):
            first, second = one.identity(), two.identity()
        assert first.org_id
        assert first.org_id == second.org_id
        assert first.now.utcoffset() == timedelta(0)
        assert abs(first.now - rig.now()) < timedelta(minutes=1)

    def test_describe_leaves_out_what_is_not_there(self, rig: Rig) -> None:
        """Unknown objects and unreadable fields are absent, not errors."""
        s = rig.subject
        with opened(rig) as (connector, _):
            found = connector.describe([s.stream.object, "NoSuchObject", s.claim.object])
        assert set(found) == {s.stream.object, s.claim.object}
        fields = found[s.stream.object].fields
        assert {s.text, s.number, s.day, s.key} <= set(fields)
        assert s.unreadable not in fields
        assert all(name == info.name for name, info in fields.items())
        assert fields[s.key].unique
        assert fields[s.key].updateable

    def test_every_call_is_counted(self, rig: Rig) -> None:
        """What usage says, what the budget lost and what the CRM saw are one number."""
        s = rig.subject
        ids = rig.seed(some_rows(rig, rig.page + 1))
        with opened(rig) as (connector, ports):
            connector.identity()
            connector.describe([s.stream.object])
            break_wire(rig, Wire.UNAVAILABLE, kind="read")
            cursor = read(connector, s.stream)[-1].cursor
            read(connector, s.stream, cursor)
            with suppress(Unsupported):
                rig.fault(Wire.LOGIN_EXPIRED)
            connector.write(updates(rig, [(ids[0], {s.text: "x"})]))
            connector.write(upserts(rig, [{s.key: "new", s.text: s.refused_text}]))
            list(connector.ids(s.stream.object))
            usage = connector.usage()
            assert usage.calls == rig.calls() == ports.budget.spent
            assert sum(usage.by_kind.values()) == usage.calls

    @pytest.mark.parametrize("spare", [0, 1])
    def test_the_budget_ends_a_read(self, rig: Rig, spare: int) -> None:
        """With too few calls left a read raises QuotaExhausted and sends nothing more."""
        rig.seed(some_rows(rig, 3 * rig.page), rig.now() - timedelta(hours=1))
        with opened(rig) as (connector, _):
            connector.identity()
            login = connector.usage().calls
        used = rig.calls()
        with opened(rig, max_calls=login + spare) as (connector, ports):
            with pytest.raises(QuotaExhausted):
                connector.identity()
                read(connector, rig.subject.stream)
            assert ports.budget.spent == login + spare == rig.calls() - used
            with pytest.raises(QuotaExhausted):
                read(connector, rig.subject.stream)
        assert rig.calls() == used + login + spare

    def test_the_budget_ends_a_write(self, rig: Rig) -> None:
        """Without a call left a write raises QuotaExhausted and changes nothing."""
        s = rig.subject
        ids = rig.seed(some_rows(rig, 2))
        before = rig.truth(s.stream.object)
        with opened(rig, max_calls=0) as (connector, _), pytest.raises(QuotaExhausted):
            connector.write(updates(rig, [(i, {s.text: "x"}) for i in ids]))
        assert rig.calls() == 0
        assert rig.truth(s.stream.object) == before

    def test_retries_stay_inside_the_budget(self, rig: Rig) -> None:
        """A fault that lasts can't spend more than the run may."""
        rig.seed(some_rows(rig, 2))
        break_wire(rig, Wire.UNAVAILABLE, FOREVER, kind="read")
        with opened(rig, max_calls=3) as (connector, ports):
            with pytest.raises(QuotaExhausted):
                read(connector, rig.subject.stream)
            assert ports.budget.spent == 3 == rig.calls()

    def test_close_may_be_called_twice(self, rig: Rig) -> None:
        """Closing a connector again does nothing, also when it was never used."""
        with opened(rig) as (used, _), opened(rig) as (unused, _):
            used.identity()
            for connector in (used, unused):
                connector.close()
                connector.close()
