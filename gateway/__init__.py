"""Carillon's door for what comes over HTTP: feedback of providers, verified, onto the log."""
