"""What lost deliveries would have built: the refs of each enabled repository are compared with what was built."""
