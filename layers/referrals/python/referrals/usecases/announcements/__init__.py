"""What each domain event has to say to whom: one module per subject, one function per event."""
