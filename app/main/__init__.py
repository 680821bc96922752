"""The only wiring: one opener a room, the routes, and the server they make."""
