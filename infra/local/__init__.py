"""The whole cloud in one process: Lambda, API Gateway and event sources, without AWS."""
