"""The benchmark: what the system costs in time, calls, units and bytes; see docs/performance.md."""
