"""Lets pytest explain the suite's asserts as it explains those of test files."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("crm_health.testing.conformance")
