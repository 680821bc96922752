"""Turns a pipeline file that is not plain YAML (template, Starlark, Jsonnet) into YAML text before it is parsed."""
