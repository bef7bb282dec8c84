"""`python -m tests.ranking`: measure, and put what was measured into the page.

The data are no part of this project: `CRM_HEALTH_DATA` names their folder.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from tests.ranking import (
    accounting,
    cdnow,
    helpdesk,
    lapse,
    olist,
    page,
    ravenstack,
    retail,
    telco,
    telecom,
)  # fmt: skip
from tests.ranking.scene import Study, measure

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "how-well-it-ranks.md"
STUDIES: tuple[Callable[[Path], Study], ...] = (
    olist.study, helpdesk.study, retail.study, cdnow.study, telecom.study, lapse.study,
    ravenstack.study, accounting.study, telco.study,
)  # fmt: skip


def data() -> Path:
    """Where the data sets are."""
    given = os.environ.get("CRM_HEALTH_DATA")
    return Path(given) if given else ROOT.parent / "shared" / "data"


def main() -> int:
    """Measure every data set and write the page."""
    results = [measure(study(data())) for study in STUDIES]
    text = page.measured(results)
    before = PAGE.read_text(encoding="utf-8")
    head, _, rest = before.partition(page.BEGIN)
    _, _, tail = rest.partition(page.END)
    PAGE.write_text(f"{head}{text}{tail}", encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
