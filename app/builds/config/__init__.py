"""The pipeline file of a build: read, converted, judged by extensions."""
