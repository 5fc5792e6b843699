"""How many of all partitions this process has: its share of what all workers share by partition."""


class Assigned:
    """Told at each assignment, asked from any thread."""

    def __init__(self, partitions: int) -> None:
        """`partitions`: of all workers."""
        self._partitions, self._mine = partitions, 0

    def follow(self, partitions: set[int]) -> None:
        """These are this process' from now on."""
        self._mine = len(partitions)

    def share(self) -> float:
        """The part of all partitions that are this process', 0 to 1."""
        return self._mine / self._partitions
