"""Jobs that start builds and promotions by the clock."""
