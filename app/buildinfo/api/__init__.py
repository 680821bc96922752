"""Routes of build-info, which clients of Artifactory call."""
