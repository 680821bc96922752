"""Tests of the client commands."""
