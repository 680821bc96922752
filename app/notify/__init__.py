"""What git hosts are told of builds: statuses of commits, and deployments."""
