"""The local database of one org: mirror, history, runs and plans. A cache and an audit log."""

from __future__ import annotations

from crm_health.store.drafts import Drafts
from crm_health.store.hashing import BUCKETS, bucket, text_hash
from crm_health.store.history import SERIES_SCHEMA, History
from crm_health.store.mirror import LastRead, Mirror
from crm_health.store.page import PageTx
from crm_health.store.plans import PLAN_SCHEMA, REJECTED_SCHEMA, ROW_SCHEMA, Group, Hold, Plans
from crm_health.store.runs import CRASHED, Run, Runs
from crm_health.store.scope import Scope
from crm_health.store.store import Store

__all__ = [
    "BUCKETS",
    "CRASHED",
    "PLAN_SCHEMA",
    "REJECTED_SCHEMA",
    "ROW_SCHEMA",
    "SERIES_SCHEMA",
    "Drafts",
    "Group",
    "History",
    "Hold",
    "LastRead",
    "Mirror",
    "PageTx",
    "Plans",
    "Run",
    "Runs",
    "Scope",
    "Store",
    "bucket",
    "text_hash",
]
