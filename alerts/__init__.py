"""Alerts: rules that watch what is scored, and an outbox that delivers what they found."""
