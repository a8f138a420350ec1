"""One event, one file, one public function."""
