"""From a query to a ranking: stages, what they ask, and the commands around them."""
