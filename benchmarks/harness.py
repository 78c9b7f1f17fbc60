"""What the benchmarks share: a database of their own, peers, processes, and the last line they print."""
