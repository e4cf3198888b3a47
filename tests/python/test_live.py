"""Python workers and managers with the real parkserver, and with C++ peers."""

import asyncio
import base64
import datetime
import json
import math
import os
import re
import signal
import tempfile
import threading
import unittest

from site_of_tests import PATIENCE, Site, eventually, program

import maus


class Commands(Site):
    """The C++ command line calls a Python worker."""

    def test_maus_call(self):
        self.worker()
        eventually(lambda: "twice" in self.maus("functions")[1], "the worker")
        self.assertEqual(self.maus("call", "twice", "21", "--timeout", "50s"), (0, "42", ""))
        self.assertEqual(self.maus("call", "typed", '"ab"', "[1,2.5]", '{"a":7}', "--json")[:2], (0, '["AB",3.5,7]'))
        self.assertEqual(self.maus("call", "echo", '{"a":[null,true,1.5,"x"]}', "--json")[:2],
                         (0, '{"a":[null,true,1.5,"x"]}'))
        self.assertEqual(self.maus("call", "counts", "3")[:2], (0, "0\n1\n2"))
        code, _, said = self.maus("call", "throws", '"k"')
        self.assertEqual(code, 1)
        self.assertIn("KeyError", said)

    def test_items_that_go_beyond_their_credit(self):
        """Each is larger than what is left of it (1 MiB); what went beyond is owed."""
        self.worker()
        eventually(lambda: "blobs" in self.maus("functions")[1], "the worker")
        code, said, wrong = self.maus("call", "blobs", "12", "700000", "--json")
        self.assertEqual((code, wrong, said.count("$bytes")), (0, "", 12))

    def test_large_payloads_both_ways(self):
        """Cut into parts both ways ([P-83]): by C++ to Python and by Python to C++."""
        self.worker()
        eventually(lambda: "blob" in self.maus("functions")[1], "the worker")
        line = json.dumps({"$bytes": base64.b64encode(os.urandom(3_000_000)).decode()})
        code, said, wrong = self.maus("map", "blob", given=line + "\n" + line + "\n")
        self.assertEqual((code, wrong), (0, ""))
        self.assertEqual([json.loads(each) for each in said.splitlines()], [json.loads(line)] * 2)

    def test_maus_functions(self):
        self.worker()
        eventually(lambda: "twice" in self.maus("functions")[1], "the worker")
        said = self.maus("functions")[1]
        for each in ("add(i32,i32)->i32", "echo(...)->any", "apply(i64,fn<i64(i64)>)->i64", "counts(i64)->stream<i64>"):
            self.assertIn(each, said)


class Calls(Site):
    def setUp(self):
        super().setUp()
        self.process = self.worker()
        self.workers = self.manager().get_workers(1, "zoo", timeout=PATIENCE)

    def test_values_come_back_as_they_went(self):
        zone = datetime.timezone.utc
        for value in (None, True, 0, -1, 1 << 63, (1 << 64) - 1, -(1 << 63), 1.5, math.inf, "", "häß\0", b"", b"\xff\0",
                      [], [1, [2, {"a": None}]], {}, {"b": 1, "a": [2]}, datetime.datetime(2026, 1, 2, 3, 4, 5, 6, zone),
                      datetime.datetime(1960, 1, 1, tzinfo=zone), re.compile("^a+$", re.IGNORECASE),
                      maus.ErrorValue("TypeError", "no"), maus.Time(1, 1), maus.Regexp("a", "g")):
            with self.subTest(value=value):
                self.assertEqual(self.workers.call("echo", value), value)
        self.assertTrue(math.isnan(self.workers.call("echo", math.nan)))
        self.assertEqual(self.workers.call("echo", ValueError("x")), maus.ErrorValue("ValueError", "x"))
        for value in (1 << 64, object(), {1: 2}):
            with self.assertRaises(maus.BadArguments):
                self.workers.call("echo", value)

    def test_types(self):
        self.assertEqual(self.workers.call("typed", "ab", (1, 2.5), {"a": 7}), ("AB", 3.5, 7))
        self.assertEqual(self.workers.call("moved", (1, True, "p"), 4), (5, False, "p"))
        self.assertEqual(self.workers.call("moved", (1, True, "p"), None), (1, False, "p"))
        self.assertEqual(self.workers.call("add(i32,i32)->i32", 1, 2), 3)
        with self.assertRaises(maus.BadArguments):
            self.workers.call("add(i32,i32)->i32", 1 << 31, 2)
        with self.assertRaises(maus.SignatureMismatch):
            self.workers.call("add(str,str)->str", "1", "2")
        with self.assertRaises(maus.SignatureMismatch):
            self.workers.call("add", 1)
        with self.assertRaises(maus.NoSuchFunction):
            self.workers.call("nothing")

    def test_exceptions(self):
        with self.assertRaises(maus.RemoteException) as thrown:
            self.workers.call("throws", "k")
        self.assertEqual((thrown.exception.remote_type, thrown.exception.text), ("KeyError", "'k'"))
        self.assertEqual(thrown.exception.code, maus.Errc.remote_exception)
        self.assertFalse(thrown.exception.retryable)

    def test_large_payloads(self):
        for size in (32767, 32768, 3_000_000):
            raw = os.urandom(size)
            self.assertEqual(self.workers.call("blob", raw), raw)
            self.assertEqual(self.workers.call("echo", raw), raw)
        with self.assertRaises(maus.TooLarge):
            self.workers.call("blob", bytes((64 << 20) + 1))
        self.assertEqual(self.workers.call("twice", 2), 4)

    def test_many_at_a_time(self):
        futures = [self.workers.submit("add", each, 1) for each in range(5000)]
        self.assertEqual([each.result(PATIENCE) for each in futures], list(range(1, 5001)))
        self.assertEqual(list(self.workers.map("add", range(3000), range(3000))), [2 * each for each in range(3000)])

    def test_many_threads(self):
        sums, lock = [], threading.Lock()

        def calls():
            for each in range(200):
                value = self.workers.call("twice", each)
                with lock:
                    sums.append(value)
        threads = [threading.Thread(target=calls) for _ in range(8)]
        [each.start() for each in threads]
        [each.join() for each in threads]
        self.assertEqual(sum(sums), 8 * 2 * sum(range(200)))

    def test_asyncio(self):
        async def all_of_it():
            made = await asyncio.gather(*(self.workers.acall("add", each, 1) for each in range(100)))
            items = [each async for each in self.workers.stream("counts", 1000)]
            return made, items
        made, items = asyncio.run(all_of_it())
        self.assertEqual(made, list(range(1, 101)))
        self.assertEqual(items, list(range(1000)))

    def test_coroutines_hold_no_slot(self):
        futures = [self.workers.submit("dreams", 0.2) for _ in range(30)]
        self.assertEqual([each.result(PATIENCE) for each in futures], [0.2] * 30)

    def test_deadline_and_cancel(self):
        with self.assertRaises(maus.DeadlineExceeded):
            self.workers.call("sleeps", 1.0, timeout=0.05)
        with tempfile.TemporaryDirectory() as folder:
            future = self.workers.submit("waits_until_cancelled", folder)
            eventually(lambda: os.path.exists(folder + "/begun"))
            future.cancel()
            with self.assertRaises(maus.Cancelled):
                future.result(PATIENCE)
            eventually(lambda: os.path.exists(folder + "/cancelled"))
        self.assertEqual(self.workers.call("twice", 2), 4)

    def test_what_travels_with_a_call(self):
        trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        said = self.workers.call("about", label="nightly", trace=trace, timeout=50)
        self.assertEqual((said["label"], said["trace"], said["attempt"]), ("nightly", trace, 1))
        self.assertTrue(0 < said["time_left"] <= 50)

    def test_progress(self):
        heard = []
        self.assertEqual(self.workers.submit("progresses", 4).on_progress(lambda *said: heard.append(said)).result(60), 4)
        self.assertEqual(heard[-1], (0.75, "step 3"))

    def test_callables(self):
        self.assertEqual(self.workers.call("apply", 5, lambda each: each * each), 30)
        self.assertEqual(self.workers.call("apply", 5, maus.named("twice")), 20)
        with self.assertRaises(maus.NoSuchFunction):
            self.workers.call("apply", 5, maus.named("thrice"))
        # the callable calls the same worker, which runs one function at a time
        self.assertEqual(self.workers.call("apply", 5, lambda each: self.workers.call("twice", each)), 20)

        def throws(each):
            raise ValueError("not this")
        with self.assertRaises(maus.RemoteException) as thrown:
            self.workers.call("apply", 5, throws)
        self.assertIn("not this", str(thrown.exception))

    def test_streams(self):
        for name in ("counts", "acounts"):
            self.assertEqual(list(self.workers.stream(name, 10_000)), list(range(10_000)))
            self.assertEqual(list(self.workers.stream(name, 100, items_max=3)), list(range(100)))
            with self.workers.stream(name, 1 << 40, items_max=10) as endless:
                self.assertEqual([next(endless) for _ in range(25)], list(range(25)))
        sizes = [len(each) for each in self.workers.stream("blobs", 12, 700_000)]
        self.assertEqual(sizes, [700_000] * 12)
        # a reader that is slow stops its function and nothing else
        slow = self.workers.stream("counts", 100, items_max=2)
        self.assertEqual(next(slow), 0)
        self.assertEqual(self.workers.call("twice", 4), 8)
        self.assertEqual(list(slow), list(range(1, 100)))
        with self.assertRaises(maus.SignatureMismatch):
            self.workers.call("counts", 3)

    def test_numpy(self):
        import numpy  # bin/setup installs it
        array = numpy.arange(100_000, dtype="float64")
        self.assertEqual(self.workers.call("typed", "x", array, {})[1], float(array.sum()))
        again = self.workers.call("echo", array[:10])
        self.assertEqual(again, list(range(10)))

    def test_release_and_again(self):
        self.workers.release()
        with self.assertRaises(maus.Cancelled):
            self.workers.call("twice", 1)
        other = self.manager().get_workers(0, "zoo", timeout=PATIENCE)
        self.assertEqual(other.call("twice", 3), 6)

    def test_no_workers(self):
        with self.assertRaises(maus.NoWorkers):
            self.manager().get_workers(1, "nobody", timeout=0.05)


class Cpp(Site):
    """A C++ worker serves a Python manager."""

    def test_demo_worker(self):
        self.start(program("maus-demo"), "worker", "--parkserver", self.endpoint)
        workers = self.manager().get_workers(1, "default", timeout=PATIENCE)
        self.assertEqual(workers.call("add", 20, 22), 42)
        self.assertEqual(workers.call("fib", 20), 6765)
        day = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
        self.assertEqual(workers.call("days_later", day, 3), day + datetime.timedelta(days=3))
        with self.assertRaises(maus.RemoteException):
            workers.call("divide", 1.0, 0.0)
        readings = [(f"city {each}", float(each), day) for each in range(100_000)]  # 3 MB
        self.assertIn("city 99999", str(workers.call("warmest", readings)))
        self.assertEqual(list(workers.map("add", range(5000), range(5000))), [2 * each for each in range(5000)])

    def test_mixed_group(self):
        """A C++ worker and a Python worker of one type serve one manager, by signatures that differ."""
        self.start(program("maus-demo"), "worker", "--parkserver", self.endpoint, "--type", "mixed")
        self.worker("mixed")
        workers = self.manager().get_workers(2, "mixed", timeout=PATIENCE)
        self.assertEqual(list(workers.map("add", range(2000), range(2000))), [2 * each for each in range(2000)])
        self.assertEqual(workers.call("fib", 10), 55)
        self.assertEqual(workers.call("twice", 10), 20)


class Featureless(Site):
    """Peers that name no feature, as the first ones did, with C++ ones that have them all."""

    def test_worker(self):
        import zoo_worker
        worker = zoo_worker.expose(maus.Worker(self.endpoint, type="old"))
        worker._settings.features = ()
        with worker:
            eventually(lambda: "twice" in self.maus("functions")[1], "the worker")
            for _ in range(2):
                self.assertEqual(self.maus("call", "twice", "21"), (0, "42", ""))
            self.assertEqual(self.maus("call", "echo", '[1,"x"]', "--json")[:2], (0, '[1,"x"]'))
            line = json.dumps({"$bytes": base64.b64encode(os.urandom(300_000)).decode()})
            self.assertEqual(json.loads(self.maus("map", "blob", given=line + "\n")[1]), json.loads(line))
            self.assertEqual(self.maus("call", "counts", "3")[0], 1)  # a stream needs the feature

    def test_manager(self):
        self.start(program("maus-demo"), "worker", "--parkserver", self.endpoint)
        manager = self.manager()
        manager._io.machine.settings.features = ()
        workers = manager.get_workers(1, "default", timeout=PATIENCE)
        self.assertEqual(list(workers.map("add", range(500), range(500))), [2 * each for each in range(500)])
        day = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
        self.assertIn("city 9999", str(workers.call("warmest", [(f"city {n}", float(n), day) for n in range(10_000)])))
        future = workers.submit("add", "no number", 1)
        with self.assertRaises(maus.BadArguments):
            future.result(PATIENCE)

    def test_bytes_that_are_no_arguments(self):
        """What a C++ worker says of them."""
        self.start(program("maus-demo"), "worker", "--parkserver", self.endpoint)
        workers = self.manager().get_workers(1, "default", timeout=PATIENCE)
        link = workers._group.links[0]
        (_, add), = link.by_name["add"]
        call = workers._make("add", (1, 2), {})
        call.encoded, call.encoded_for = b"?", add
        workers._begin(call)
        with self.assertRaises(maus.BadArguments):
            call.future.result(PATIENCE)


class Elastic(Site):
    def test_two_managers_share(self):
        [self.worker() for _ in range(4)]
        first = self.manager().get_workers(min=1, type="zoo", timeout=PATIENCE)
        eventually(lambda: len(first) == 4, "all workers")
        futures = [first.submit("sleeps", 0.002) for _ in range(500)]
        second = self.manager().get_workers(min=1, type="zoo", timeout=PATIENCE)
        eventually(lambda: (len(first), len(second)) == (2, 2), "fair shares")
        self.assertEqual(second.call("twice", 2), 4)
        self.assertEqual([each.result(PATIENCE) for each in futures], [0.002] * 500)
        second.release()
        eventually(lambda: len(first) == 4, "all workers again")

    def test_an_exact_request_takes_from_an_elastic_one(self):
        [self.worker() for _ in range(3)]
        first = self.manager().get_workers(min=1, max=3, type="zoo", timeout=PATIENCE)
        eventually(lambda: len(first) == 3, "all workers")
        second = self.manager().get_workers(2, "zoo", timeout=PATIENCE)
        self.assertEqual((len(first), len(second)), (1, 2))
        with self.assertRaises(maus.InvalidArgument):
            self.manager().get_workers(min=3, max=2)


class Relay(Site):
    def test_relayed_manager(self):
        self.worker()
        workers = self.manager(relay=True).get_workers(1, "zoo", timeout=PATIENCE)
        self.assertEqual(list(workers.map("add", range(3000), range(3000))), [2 * each for each in range(3000)])
        raw = os.urandom(1_000_000)
        self.assertEqual(workers.call("blob", raw), raw)
        self.assertEqual(list(workers.stream("counts", 1000)), list(range(1000)))
        self.assertEqual(workers.call("apply", 5, lambda each: each), 10)

    def test_worker_falls_back_to_the_relay(self):
        """None of the manager's addresses answers."""
        self.worker()
        manager = self.manager(endpoints=["tcp://127.0.0.1:1"])
        self.assertEqual(manager.get_workers(1, "zoo", timeout=PATIENCE).call("twice", 1), 2)


class Direct(Site):
    def test_worker_of_one_manager(self):
        import zoo_worker
        manager = maus.Manager(bind="tcp://127.0.0.1:*")
        self.addCleanup(manager.stop)
        for _ in range(2):
            with zoo_worker.expose(maus.Worker(manager=manager.endpoints[0])):
                workers = manager.get_workers(1, timeout=PATIENCE)
                self.assertEqual(workers.call("twice", 4), 8)
                workers.release()


class Losses(Site):
    """The promise: every call completes exactly once, whoever dies."""

    def test_kill_9_during_calls(self):
        processes = [self.worker() for _ in range(3)]
        workers = self.manager().get_workers(3, "zoo", timeout=PATIENCE)
        futures = [workers.submit("sleeps", 0.001, max_crashes=100) for _ in range(1500)]
        for each in processes[:2]:
            done = sum(future.done() for future in futures)
            eventually(lambda: sum(future.done() for future in futures) > done + 50)
            each.send_signal(signal.SIGKILL)
            self.worker()
        self.assertEqual([each.result(PATIENCE) for each in futures], [0.001] * 1500)

    def test_stopped_worker_is_lost_and_its_calls_go_on(self):
        processes = [self.worker() for _ in range(2)]
        workers = self.manager(heartbeat_ms=100).get_workers(2, "zoo", timeout=PATIENCE)
        futures = [workers.submit("sleeps", 0.001, max_crashes=100) for _ in range(500)]
        processes[0].send_signal(signal.SIGSTOP)
        self.assertEqual([each.result(PATIENCE) for each in futures], [0.001] * 500)
        processes[0].send_signal(signal.SIGCONT)

    def test_poisoned(self):
        [self.worker() for _ in range(5)]
        workers = self.manager().get_workers(1, "zoo", timeout=PATIENCE)
        good = [workers.submit("twice", each) for each in range(50)]
        with self.assertRaises(maus.Poisoned) as failed:
            workers.call("dies")
        # three of its starts count; one more may not, if the worker died before its answers to others were heard
        self.assertIn(len({each.worker for each in failed.exception.attempts}), (3, 4))
        self.assertEqual([each.result(PATIENCE) for each in good], [2 * each for each in range(50)])
        self.assertEqual(workers.call("twice", 1), 2)

    def test_innocent_neighbours_of_poison(self):
        [self.worker() for _ in range(5)]
        workers = self.manager().get_workers(1, "zoo", timeout=PATIENCE)
        futures = [workers.submit("twice", each) for each in range(20)]
        poison = workers.submit("dies")
        futures += [workers.submit("twice", each) for each in range(20, 40)]
        with self.assertRaises(maus.Poisoned):
            poison.result(PATIENCE)
        self.assertEqual([each.result(PATIENCE) for each in futures], [2 * each for each in range(40)])

    def test_at_most_once(self):
        self.worker()
        self.worker()
        workers = self.manager().get_workers(1, "zoo", timeout=PATIENCE)
        with self.assertRaises(maus.MaybeExecuted) as failed:
            workers.call("dies", at_most_once=True)
        self.assertEqual(len(failed.exception.attempts), 1)
        self.assertEqual(workers.call("twice", 1, at_most_once=True), 2)

    def test_calls_for_one_worker(self):
        [self.worker() for _ in range(2)]
        workers = self.manager().get_workers(2, "zoo", timeout=PATIENCE)
        first, second = workers.ids
        pids = [workers.call("pid", worker=each) for each in (first, second)]
        self.assertNotEqual(*pids)
        self.assertEqual({workers.call("pid", worker=first) for _ in range(20)}, {pids[0]})
        running = workers.submit("sleeps", 30.0, worker=first)
        queued = [workers.submit("twice", each, worker=first) for each in range(20)]
        os.kill(pids[0], signal.SIGKILL)
        for each in (running, *queued):
            with self.assertRaises(maus.WorkerLost):
                each.result(PATIENCE)
        with self.assertRaises(maus.WorkerLost):
            workers.call("twice", 1, worker=first)
        self.assertEqual(workers.call("pid", worker=second), pids[1])

    def test_attempt_timeout(self):
        self.worker()
        self.worker()
        workers = self.manager().get_workers(1, "zoo", timeout=PATIENCE)
        hangs = workers.submit("sleeps", 5.0, attempt_timeout=0.2)
        others = [workers.submit("twice", each, attempt_timeout=30) for each in range(20)]
        with self.assertRaises(maus.AttemptTimeout):
            hangs.result(PATIENCE)
        self.assertEqual([each.result(PATIENCE) for each in others], [2 * each for each in range(20)])

    def test_worker_leaves(self):
        """What it has not started is returned, and goes to another worker."""
        first = self.worker()
        workers = self.manager().get_workers(1, "zoo", timeout=PATIENCE)
        futures = [workers.submit("sleeps", 0.01, max_crashes=1) for _ in range(100)]
        eventually(lambda: futures[2].done())
        self.worker()
        first.terminate()
        self.assertEqual([each.result(PATIENCE) for each in futures], [0.01] * 100)
        self.assertEqual(first.wait(PATIENCE), 0)

    def test_parkserver_restarts(self):
        self.worker()
        workers = self.manager().get_workers(1, "zoo", timeout=PATIENCE)
        before = workers.call("pid")
        self.park.kill()
        self.park.wait()
        self.assertEqual(workers.call("twice", 1), 2)
        self.start_park(self.endpoint)
        other = self.manager().get_workers
        self.worker()
        self.assertNotEqual(other(1, "zoo", timeout=PATIENCE).call("pid"), before)
        self.assertEqual(workers.call("pid"), before)

    def test_relaying_parkserver_restarts(self):
        self.worker()
        workers = self.manager(relay=True).get_workers(1, "zoo", timeout=PATIENCE)
        futures = [workers.submit("sleeps", 0.005, max_crashes=100) for _ in range(200)]
        eventually(lambda: futures[5].done())
        self.park.kill()
        self.park.wait()
        self.start_park(self.endpoint)
        self.assertEqual([each.result(PATIENCE) for each in futures], [0.005] * 200)

    def test_broken_stream(self):
        [self.worker() for _ in range(2)]
        workers = self.manager().get_workers(1, "zoo", timeout=PATIENCE)
        with tempfile.TemporaryDirectory() as folder:
            items = workers.stream("counts_and_dies", 100, folder)
            came = []
            with self.assertRaises(maus.StreamBroken) as failed:
                came.extend(items) or [came.append(each) for each in items]
            self.assertEqual(failed.exception.delivered, 100)

    def test_replayable_stream(self):
        [self.worker() for _ in range(2)]
        workers = self.manager().get_workers(1, "zoo", timeout=PATIENCE)
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(list(workers.stream("counts_and_dies", 100, folder, replayable=True)), list(range(200)))

    def test_two_parkservers(self):
        _, second = self.start_park("tcp://127.0.0.1:*")
        import zoo_worker
        with zoo_worker.expose(maus.Worker(self.endpoint, second, type="zoo")):
            for endpoint in (self.endpoint, second):
                workers = self.manager(endpoint=endpoint).get_workers(1, "zoo", timeout=PATIENCE)
                self.assertEqual(workers.call("twice", 2), 4)
                workers.release()
            self.park.kill()
            self.assertEqual(self.manager(endpoint=second).get_workers(1, "zoo", timeout=PATIENCE).call("twice", 2), 4)

    def test_programs_that_end_without_a_word(self):
        """Neither stop() nor release(): they end all the same, and their worker is free."""
        self.worker()
        for relay in (False, True):
            made = self.script(f"""if True:
                import maus
                workers = maus.Manager({self.endpoint!r}, relay={relay}).get_workers(1, 'zoo')
                workers.submit('sleeps', 0.3)
                workers.call('twice', 2)
                maus.Worker({self.endpoint!r}, type='other').start()
                """)
            self.assertEqual(made.wait(PATIENCE), 0)
        self.assertEqual(self.manager().get_workers(1, "zoo", timeout=PATIENCE).call("twice", 2), 4)

    def test_manager_dies(self):
        """The worker of a manager that was killed serves the next one."""
        self.worker()
        code = ("import maus, os; w = maus.Manager(%r).get_workers(1, 'zoo'); w.submit('sleeps', 0.2);"
                "w.call('sleeps', 0.01); print('x', flush=True); os.kill(os.getpid(), 9)" % self.endpoint)
        made = self.script(code)
        made.wait(PATIENCE)
        self.assertEqual(self.manager().get_workers(1, "zoo", timeout=PATIENCE).call("twice", 2), 4)


if __name__ == "__main__":
    unittest.main()
