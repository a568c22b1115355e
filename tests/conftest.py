"""What holds for every test: none fails because the machine is busy."""
from hypothesis import HealthCheck, settings

# A deadline and "input generation is slow" measure how many others want the processor (the suite is run at a load of 20 on two cores).
settings.register_profile("busy_machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy_machine")
