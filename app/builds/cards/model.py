"""How large a card may be."""

#: Bytes of a card, with the address of its template.
LIMIT = 100 * 1024


#: Characters of the address of a template.
LONGEST_SCHEMA = 2000
