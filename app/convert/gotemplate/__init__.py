"""The part of Go's text/template that pipeline templates use, with limits; the rest is refused by name. Pure.

`scan` cuts the text into pieces and tokens, `parse` makes a tree of the pieces, `render` walks the tree.
"""
