"""One event in, a million out: the whole way on the real stack, timed and counted. `python -m bench.campaign --users 1000000`."""
