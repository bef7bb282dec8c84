"""`python -m crm_health`: the same as `crm-health`."""

from __future__ import annotations

from crm_health.cli import main

if __name__ == "__main__":
    main()
