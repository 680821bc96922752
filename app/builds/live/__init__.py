"""Changes of builds on their way to readers and to other servers."""
