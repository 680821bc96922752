"""Cards: data that a step shows beside its log, and the address of the template that draws the data."""
