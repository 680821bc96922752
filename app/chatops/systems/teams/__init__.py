"""Microsoft Teams: an outgoing webhook (contract chatops 4)."""
