"""The chats that commands come from: what each sends, how that is verified, and how each shows an answer."""
