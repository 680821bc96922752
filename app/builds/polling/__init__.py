"""Polling: the refs of repositories of plain git are listed again and again, for those whose hook tells nothing."""
