"""The web pages: the same verbs and reads as the API, as HTML that needs no script."""
