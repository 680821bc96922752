"""Webhooks: subscribers are told what happens, in the format that each has asked for."""
