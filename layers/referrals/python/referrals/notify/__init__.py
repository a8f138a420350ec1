"""What people and systems are told: e-mail, and the topic of domain events."""
