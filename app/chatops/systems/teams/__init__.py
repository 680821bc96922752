"""Microsoft Teams: an outgoing webhook (contract gantry-chatops 4)."""
