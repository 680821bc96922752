"""Build-info: what builds made, and the promotion of what they made."""
