"""Stages on their way to runners, and what runners report: the server's side of a runner."""
