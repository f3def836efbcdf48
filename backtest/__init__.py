"""History through the same engine: backtests as jobs, their results, their statistics."""
