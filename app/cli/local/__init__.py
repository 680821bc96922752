"""What needs no server: the pipeline file of the current folder, read and run as a server and its runner would."""
