"""The runner protocol over HTTP: for runners on other machines."""
