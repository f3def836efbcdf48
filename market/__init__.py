"""Market data in: instruments, series, candles, holes, feeds, windows."""
