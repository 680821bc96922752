"""Runners: a runner takes a stage, runs its steps and reports."""
