"""Named values for steps: sealed at rest, shown to nobody, opened only for a runner."""
