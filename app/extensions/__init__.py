"""Extensions: HTTP servers of the user that Gantry asks, by signed requests (contract drone-webhooks 4, 5, 13)."""
