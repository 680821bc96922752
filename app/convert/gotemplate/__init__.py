"""Go's text/template with Drone's functions, with limits; what is not known is refused by name. Pure.

`scan` cuts the text into pieces and tokens, `parse` makes a tree of the pieces, `render` walks the tree.
"""
