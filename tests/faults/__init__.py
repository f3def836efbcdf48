"""The promises under kill -9, restarts, pauses and loss: real servers, real processes, and an oracle."""
