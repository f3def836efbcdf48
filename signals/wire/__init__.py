"""How messages get from the hub to a client: frames, servers, write paths, bounded outboxes, channel layers."""
