"""How hypothesis runs everywhere: no limit that depends on how fast the machine is, or how busy."""

from hypothesis import HealthCheck, settings

settings.register_profile("carillon", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("carillon")
