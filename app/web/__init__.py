"""The parts of HTTP that all packages with handlers share: rows, state, errors, bodies, event streams."""
