"""The worker of the live tests, as a process: zoo_worker.py ENDPOINT [TYPE [CONCURRENCY]]."""

import asyncio
import dataclasses
import os
import pathlib
import signal
import sys
import time
import typing

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lib" / "python"))
import maus  # noqa: E402


@dataclasses.dataclass
class Point:
    x: int
    on: bool
    name: str


def expose(worker):
    @worker.expose
    def add(x: int, y: int) -> int:
        return x + y

    worker.expose(lambda x, y: x + y, signature="add(i32,i32)->i32")

    @worker.expose
    def echo(*values):
        return values[0] if len(values) == 1 else list(values)

    @worker.expose
    def typed(text: str, numbers: typing.List[float], more: typing.Dict[str, maus.u8]) -> typing.Tuple[str, float, int]:
        return text.upper(), sum(numbers), sum(more.values())

    @worker.expose
    def moved(point: Point, by: typing.Optional[int]) -> Point:
        return Point(point.x + (by or 0), not point.on, point.name)

    @worker.expose
    def throws(text: str) -> None:
        raise KeyError(text) if text else ValueError("nothing")

    @worker.expose
    def pid() -> int:
        return os.getpid()

    @worker.expose
    def sleeps(seconds: float) -> float:
        time.sleep(seconds)
        return seconds

    @worker.expose
    async def dreams(seconds: float) -> float:
        await asyncio.sleep(seconds)
        return seconds

    @worker.expose
    def dies() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    @worker.expose
    def counts(n: int) -> typing.Iterator[int]:
        yield from range(n)

    @worker.expose
    def blobs(n: int, size: int) -> typing.Iterator[bytes]:
        yield from (bytes([each % 256]) * size for each in range(n))

    @worker.expose
    async def acounts(n: int) -> typing.AsyncIterator[int]:
        for each in range(n):
            yield each

    @worker.expose
    def counts_and_dies(n: int, folder: str) -> typing.Iterator[int]:
        for each in range(2 * n):
            if each == n and not os.path.exists(folder + "/died"):
                open(folder + "/died", "w").close()
                time.sleep(0.3)
                os.kill(os.getpid(), signal.SIGKILL)
            yield each

    @worker.expose
    def apply(n: int, f: typing.Callable[[int], int]) -> int:
        return sum(f(each) for each in range(n))

    @worker.expose
    def twice(x: int) -> int:
        return 2 * x

    @worker.expose
    def progresses(n: int) -> int:
        for each in range(n):
            time.sleep(0.03)
            maus.current_call().progress(each / n, f"step {each}")
        return n

    @worker.expose
    def about() -> typing.Any:
        call = maus.current_call()
        return {"label": call.label, "trace": call.trace, "time_left": call.time_left, "attempt": call.attempt}

    @worker.expose
    def waits_until_cancelled(folder: str) -> None:
        open(folder + "/begun", "w").close()
        while not maus.current_call().cancelled:
            time.sleep(0.01)
        open(folder + "/cancelled", "w").close()

    @worker.expose
    def leaves_a_mark(path: str) -> int:
        with open(path, "a") as file:
            file.write("x")
        return os.path.getsize(path)

    @worker.expose(signature="blob(list<u8>)->list<u8>")
    def blob(raw):
        return raw
    return worker


def main():
    worker = maus.Worker(sys.argv[1], type=sys.argv[2] if len(sys.argv) > 2 else "zoo",
                         concurrency=int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    expose(worker).run()


if __name__ == "__main__":
    main()
