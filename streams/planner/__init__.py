"""From a request to one command per partition that has users of its audience."""
