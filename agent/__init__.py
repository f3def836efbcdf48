"""The agent: on or off, the schedule, the scan cycle, health, metrics."""
