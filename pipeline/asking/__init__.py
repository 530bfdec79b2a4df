"""Models behind the cache, a budget and a ledger: every question is asked and paid for once."""
