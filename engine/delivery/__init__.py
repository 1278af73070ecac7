"""Floor 6: delivery. Gates, attempts, outcomes, retries: nothing here knows a route or a format."""
