"""Messages for leadership: one for each task that tells it something and that this run made."""

from __future__ import annotations

import orjson
import polars as pl

from crm_health.config.mapping import Mapping
from crm_health.programmes.errands import TOLD
from crm_health.store import Run, Store
from crm_health.sync.options import Options


def tell(store: Store, run: Run, mapping: Mapping, options: Options) -> int:
    """Send what leadership has to know; how many messages that made.

    Once at most: a run that dies before it gets here has made the task, and no later run makes
    that again. A message that may come twice would be worse than one that may be lost.
    """
    out = mapping.write.task
    done = store.plans.rows(run.id, "done", kinds=("errand",), columns=("key", "fields", "created"))
    mine = done.filter(
        pl.col("created").fill_null(False) & pl.col("key").str.contains(f":{TOLD}", literal=True)
    )
    for text in mine["fields"]:
        fields = orjson.loads(text)
        options.notice(fields[out.subject], fields[out.body])
    return mine.height
