"""Fan-out of the project's own server beside nginx's nchan, stock Channels and bare C, in one run."""
