"""Templates: pipeline files that the repositories of a namespace share. `kind: template` loads them by name."""
