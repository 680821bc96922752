"""The runner protocol "rpc v2" over HTTP: a Manager for runners on other machines (`spec` drone-rpc)."""
