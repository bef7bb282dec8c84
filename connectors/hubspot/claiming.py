"""Claims in a property of the account, for what may be made only once and has no unique key.

HubSpot has no conditional write. A claim therefore stands in four steps: read the property, write
it back with a row more, wait, read it again. Whoever's row is the last of its key then may make the
record. Two syncs that read at the same time overwrite each other's rows, and both find the later
one when they read again, since the wait is longer than any sync may take from reading to writing:
one that took longer does not trust its own claim. The wait is the same for all syncs of an account.

A claim that stands already and is older than the horizon belongs to a sync that has ended: with
its record not to be seen, the key is claimed anew. A younger one is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from connectors.hubspot.claims import Claim, added, standing
from connectors.hubspot.client import Client
from connectors.hubspot.errors import fault_in, not_json
from connectors.hubspot.receipts import Receipt, Receipts, Sent, from_error
from connectors.hubspot.seeking import Want
from connectors.hubspot.sending import Sender
from crm_health.connector import Ledger, Outcome
from crm_health.errors import SetupError, Unavailable

CLAIMED = Receipt(
    Outcome.RETRY,
    code="CH-HS-CLAIMED",
    message="Another sync has claimed this record: the next one will find it, or make it.",
)
SLOW = Receipt(
    Outcome.RETRY,
    code="CH-HS-CLAIM-SLOW",
    message="HubSpot answered too slowly for a safe claim: raise CRM_HEALTH_HUBSPOT_CLAIM_WAIT, "
    "to the same for every sync of this account.",
)
FULL = Receipt(
    Outcome.RETRY,
    code="CH-HS-CLAIMS-FULL",
    message="The property of the claims is full: it empties itself within days.",
)
AWAY = Receipt(
    Outcome.RETRY,
    code="CH-HS-MERGED",
    message="The account was merged or could not be read: the next sync reads it anew.",
)
DELETED = Receipt(Outcome.GONE, code="OBJECT_NOT_FOUND", message="The account was deleted.")


@dataclass
class Taken:
    """What came of claiming."""

    #: Rows whose records this sync may make.
    mine: list[int] = field(default_factory=list)
    #: And until when, by the clock of the ports.
    before: float = 0.0
    #: Those of all other rows.
    receipts: Receipts = field(default_factory=dict)


class Claimer:
    """Claims keys in one account."""

    def __init__(self, client: Client, sender: Sender) -> None:
        self._client = client
        self._sender = sender
        self._horizon = timedelta(seconds=client.settings.claim_horizon)

    def take(self, ledger: Ledger, wants: Sequence[Want]) -> Taken:
        """Claim the keys of records that were looked for and are not there.

        Raises:
            SetupError: the account has no property for claims.
            Unavailable, QuotaExhausted, AuthError: at most claims were written.
        """
        if not wants:
            return Taken()
        ports, wait = self._client.ports, self._client.settings.claim_wait
        started = ports.clock()
        texts, taken = self._texts(ledger, wants)
        now = self._now()
        known = {parent: standing(text) for parent, text in texts.items()}
        claims: dict[int, Claim] = {}
        for want in wants:
            if want.seq in taken.receipts:
                continue
            held = known[want.parent].get(want.key)
            if held is not None and held.is_fresh(now, self._horizon):
                taken.receipts[want.seq] = CLAIMED
            else:
                claims[want.seq] = Claim(want.key, now, ports.nonce())
        if not claims:
            return taken
        self._write(ledger, texts, [w for w in wants if w.seq in claims], claims, taken, now)
        late = ports.clock() - started >= wait
        ports.sleep(wait)
        taken.before = started + self._horizon.total_seconds() / 2
        self._confirm(ledger, [w for w in wants if w.seq not in taken.receipts], claims, taken)
        if late:
            ports.log("hubspot.claim_slow", rows=len(taken.mine))
            taken.receipts |= dict.fromkeys(taken.mine, SLOW)
            taken.mine = []
        return taken

    def _write(
        self,
        ledger: Ledger,
        texts: Mapping[str, str],
        wants: Sequence[Want],
        claims: Mapping[int, Claim],
        taken: Taken,
        now: datetime,
    ) -> None:
        """Write each account's claims; those that were not written get receipts."""
        by_parent: dict[str, list[int]] = {}
        for want in wants:
            by_parent.setdefault(want.parent, []).append(want.seq)
        inputs: list[dict[str, Any]] = []
        sent: list[Sent] = []
        seqs: list[list[int]] = []
        for parent, mine in by_parent.items():
            text = added(texts[parent], [claims[seq] for seq in mine], now)
            if text is None:
                taken.receipts |= dict.fromkeys(mine, FULL)
                continue
            inputs.append({"id": parent, "properties": {ledger.field: text}})
            sent.append(Sent(len(sent), parent))
            seqs.append(mine)
        if not inputs:
            return
        path = self._client.paths.batch(ledger.object, "update")
        # Sent once: a second time it could overwrite claims that were made in between.
        before = self._client.ports.clock() + self._client.settings.claim_wait
        for place, receipt in self._sender.batched(path, inputs, sent, before=before).items():
            if receipt.outcome is Outcome.UNKNOWN:
                # Applied or not, and when: nobody knows. Whoever comes after the horizon decides.
                taken.receipts |= dict.fromkeys(seqs[place], CLAIMED)
            elif not receipt.done:
                taken.receipts |= dict.fromkeys(seqs[place], receipt)

    def _confirm(
        self, ledger: Ledger, wants: Sequence[Want], claims: Mapping[int, Claim], taken: Taken
    ) -> None:
        """Read again: whose claim stands last may go on."""
        if not wants:
            return
        try:
            texts, again = self._texts(ledger, wants)
        except Unavailable as error:
            receipt = from_error(error, Outcome.RETRY)
            taken.receipts |= dict.fromkeys((want.seq for want in wants), receipt)
            return
        taken.receipts |= again.receipts
        for want in wants:
            if want.seq in again.receipts:
                continue
            if standing(texts[want.parent]).get(want.key) == claims[want.seq]:
                taken.mine.append(want.seq)
            else:
                taken.receipts[want.seq] = CLAIMED

    def _texts(self, ledger: Ledger, wants: Sequence[Want]) -> tuple[dict[str, str], Taken]:
        """The property of each account, and receipts of rows whose account can't be read."""
        ids = list(dict.fromkeys(want.parent for want in wants))
        body = {"properties": [ledger.field], "inputs": [{"id": i} for i in ids]}
        answer = self._client.post(self._client.paths.batch(ledger.object, "read"), body).json()
        results = answer.get("results")
        if not isinstance(results, list):
            raise not_json("the claims")
        texts: dict[str, str] = {}
        for one in results:
            held: dict[str, Any] = one.get("properties") or {}
            if ledger.field not in held:
                raise SetupError(
                    f"HubSpot has no property {ledger.field} of {ledger.object}, where claims are "
                    "kept for a key that is not unique: run `crm-health setup`.",
                    code="CH-HS-CLAIMS",
                )
            texts[str(one["id"])] = held[ledger.field] or ""
        errors = [fault_in(error) for error in answer.get("errors") or ()]
        gone = {i for fault in errors for i in fault.context.get("ids", ())}
        taken = Taken()
        for want in wants:
            if want.parent not in texts:
                taken.receipts[want.seq] = DELETED if want.parent in gone else AWAY
        return texts, taken

    def _now(self) -> datetime:
        """The service's clock, the same for all syncs, to the second as claims have it."""
        if self._client.now is None:
            raise Unavailable("HubSpot's answers carry no date.", code="CH-HS-DATE")
        now = self._client.now + timedelta(seconds=self._client.silent_for)
        return now.replace(microsecond=0)
