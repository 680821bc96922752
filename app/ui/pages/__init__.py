"""One file a page: reads through the same functions as the API, and returns what the page's template shows."""
