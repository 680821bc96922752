"""The host of plain git repositories, which need no more than git."""
