"""The server's side of runners: it hands stages to runners and takes their reports."""
