"""crm-health: customer health, computed and written back into the CRM."""

from __future__ import annotations

__version__ = "0.1.0"
