"""The part of Go's text/template that pipeline templates use, with limits; all else is refused by name. Pure.

`scan` cuts the text into pieces and tokens, `parse` makes a tree of them, `render` walks it.
"""
