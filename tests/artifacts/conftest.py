"""What tests of artifacts share."""

NOW = 1_700_000_000_000
