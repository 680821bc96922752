"""Runners: who takes a stage, runs its steps and reports."""
