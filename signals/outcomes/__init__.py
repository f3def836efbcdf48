"""What became of signals: followed on later candles, counted, and turned into probabilities."""
