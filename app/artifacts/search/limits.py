"""What a query in AQL may cost. Pure."""

#: The most characters of a query.
TEXT = 256 * 1024
#: The most objects and lists inside each other.
DEPTH = 32
#: The most conditions.
CONDITIONS = 1000
#: The most characters of a pattern; SQLite takes patterns of 50,000 bytes.
PATTERN = 10_000
#: The most texts, numbers and signs of a query: a condition has ten at most.
TOKENS = 16 * CONDITIONS
#: The most items that one query finds.
ROWS = 1_000_000
#: The most seconds that the database searches.
SECONDS = 20.0
