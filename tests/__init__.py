"""Tests; they mirror `app/`."""
