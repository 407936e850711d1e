"""Who does the work: deliveries and upkeep."""
