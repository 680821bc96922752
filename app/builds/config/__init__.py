"""The pipeline file of a build: how the file is read, converted, and judged by extensions."""
