"""What a Lambda needs around the use cases: the clock, secrets, HTTP, batches."""
