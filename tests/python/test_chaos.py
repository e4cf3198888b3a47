"""Workers are killed, stopped and asked to leave, and the parkserver is killed, while two managers call.

Every call must be settled once, with its own value. MAUS_CHAOS_SECONDS and MAUS_CHAOS_SEED choose another run.
"""

import collections
import os
import random
import signal
import threading
import time
import unittest

from site_of_tests import PATIENCE, Site

import maus


class Caller(threading.Thread):
    """Calls with up to 50 outstanding until it is told to stop."""

    def __init__(self, workers, seed):
        super().__init__(daemon=True)
        self.workers, self.chance, self.ending = workers, random.Random(seed), False
        self.settled, self.wrong = collections.Counter(), []

    def make(self, number):
        kind = self.chance.random()
        if kind < 0.5:
            return self.workers.submit("add", number, 1, max_crashes=1000), number + 1
        if kind < 0.6:
            return self.workers.submit("sleeps", 0.01, max_crashes=1000), 0.01
        if kind < 0.7:
            return self.workers.submit("dreams", 0.02, max_crashes=1000), 0.02
        if kind < 0.8:
            raw = bytes([number % 256]) * self.chance.choice((10, 40_000, 300_000))
            return self.workers.submit("blob", raw, max_crashes=1000), raw
        if kind < 0.9:
            return self.workers.submit("apply", 3, lambda each: each + number, max_crashes=1000), 3 + 3 * number
        return self.workers.submit("twice", number, at_most_once=True), 2 * number

    def run(self):
        number, waiting = 0, collections.deque()
        while waiting or not self.ending:
            while not self.ending and len(waiting) < 50:
                number += 1
                waiting.append(self.make(number))
            future, wanted = waiting.popleft()
            try:
                value = future.result(3 * PATIENCE)
                if value != wanted:
                    self.wrong.append((wanted, value))
                self.settled["value"] += 1
            except (maus.MaybeExecuted, maus.Cancelled):  # at_most_once, and returned unstarted
                self.settled["at most once"] += 1
            except Exception as failed:
                self.wrong.append(repr(failed))


class Chaos(Site):
    def test_nothing_is_lost(self):
        seed = int(os.environ.get("MAUS_CHAOS_SEED", "1"))
        chance = random.Random(seed)
        workers = [self.worker("zoo", chance.choice((1, 2, 4))) for _ in range(4)]
        managers = [self.manager(heartbeat_ms=200, relay=each == 1) for each in range(2)]
        callers = [Caller(each.get_workers(min=1, type="zoo", timeout=PATIENCE), seed + 1 + index)
                   for index, each in enumerate(managers)]
        [each.start() for each in callers]
        end = time.monotonic() + float(os.environ.get("MAUS_CHAOS_SECONDS", "6"))
        while time.monotonic() < end:
            time.sleep(chance.uniform(0.05, 0.5))
            index = chance.randrange(len(workers))
            kind = chance.random()
            if kind < 0.5:
                workers[index].kill()
                workers[index] = self.worker("zoo", chance.choice((1, 2, 4)))
            elif kind < 0.7:
                workers[index].send_signal(signal.SIGSTOP)
                time.sleep(chance.uniform(0, 1))
                workers[index].send_signal(signal.SIGCONT)
            elif kind < 0.9:
                workers[index].terminate()
                workers[index] = self.worker("zoo", chance.choice((1, 2, 4)))
            else:
                self.park.kill()
                self.park.wait()
                self.park, _ = self.start_park(self.endpoint)
        for each in callers:
            each.ending = True
        [each.join(5 * PATIENCE) for each in callers]
        for each in callers:
            self.assertEqual((each.is_alive(), each.wrong[:3]), (False, []))
            self.assertGreater(each.settled["value"], 50)


if __name__ == "__main__":
    unittest.main()
