"""Properties are checked without a deadline: a slow machine is no failure."""

from hypothesis import settings

settings.register_profile("without-deadline", deadline=None)
settings.load_profile("without-deadline")
