"""Which of all partitions this process has: what all workers share by partition, it has its share of by them."""


class Assigned:
    """Told at each assignment, asked from any thread."""

    def __init__(self) -> None:
        self.mine = frozenset[int]()

    def follow(self, partitions: set[int]) -> None:
        """These are this process' from now on."""
        self.mine = frozenset(partitions)
