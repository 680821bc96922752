"""HTTP shared by all rooms: state, errors, bodies, event streams."""
