"""Hands batches to providers: profile read again, intent written, provider called, result written, status told."""
