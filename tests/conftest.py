"""Hypothesis has no time limits: a test passes on a busy machine as it does on an idle one."""

from hypothesis import HealthCheck, settings

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
