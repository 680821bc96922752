"""What must leave the server: written in the transaction of its cause, and sent until its host has taken it."""
