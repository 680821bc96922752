"""The bytes of artifacts: where they are kept, and the rows that name them."""
