"""What all tests share: Hypothesis without a stopwatch, as machines are slow at times.

The test command draws the same examples each time, so that it fails for a change and not by
chance; the nightly target draws new ones: `--hypothesis-profile new`.
"""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "house",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
    derandomize=True,
)
settings.register_profile("new", settings.get_profile("house"), derandomize=False)
settings.load_profile("house")
