"""Live bars from an exchange through ccxt, which is imported only here and only when a feed is opened."""
