"""What decides: one folder a step, each a pure `rules.py` and a thin `agent.py`."""
