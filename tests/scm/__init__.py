"""Tests of `app.scm`."""
