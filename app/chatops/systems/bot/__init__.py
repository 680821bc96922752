"""A bot of one's own, which sends commands of any chat, signed."""
