"""Moving over from Drone: what its database holds becomes rows and logs of this server (docs/from-drone.md)."""
