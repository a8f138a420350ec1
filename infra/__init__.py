"""What is deployed and how: templates, packaging, and the whole cloud in one process."""
