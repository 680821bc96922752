"""Git projects, who may do what in them, and their secrets."""
