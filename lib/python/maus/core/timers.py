"""Moments at which something has to be looked at."""

import heapq

from .session import NEVER


class Timers:
    """A heap of (moment, what). What is settled or over need not be there."""

    def __init__(self):
        self.heap, self.count, self.clean_at = [], 0, 10_000

    def add(self, moment, what):
        self.count += 1
        heapq.heappush(self.heap, (moment, self.count, what))
        if len(self.heap) > self.clean_at:  # what is settled need not wait for its deadline
            self.heap = [each for each in self.heap if each[2].state not in ("settled", "over")]
            heapq.heapify(self.heap)
            self.clean_at = 10_000 + 2 * len(self.heap)

    def due(self, now):
        while self.heap and self.heap[0][0] <= now:
            yield heapq.heappop(self.heap)[2]

    def next(self):
        return self.heap[0][0] if self.heap else NEVER
