"""Whether a process gets on: the rule that says so, who asks, and where others can ask."""
