"""What all tests share: how long a busy machine may take to make up an example."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("town", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("town")
