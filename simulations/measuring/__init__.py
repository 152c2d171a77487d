"""What a log says: counts, waiting, use of pools, dates and costs; and whether it hangs together."""
