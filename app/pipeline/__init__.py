"""The pipeline language: text and event in, plan or problems out. Pure: no I/O, no clock."""
