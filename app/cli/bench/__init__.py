"""`gantry bench`: what a real server process does under load, beside what it should."""
