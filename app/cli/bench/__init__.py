"""`gantry bench`: measures a real server process under load, and compares the figures with goals."""
