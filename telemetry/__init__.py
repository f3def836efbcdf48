"""What processes count and tell of themselves: metrics and log lines. Imports nothing of the house."""
