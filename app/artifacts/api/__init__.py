"""Routes of artifacts, which clients of Artifactory call."""
