"""What type hints say of bytes, and what a worker refuses to expose."""

import dataclasses
import datetime
import enum
import typing
import unittest

import maus
from maus import hints
from maus.wire import signature


@dataclasses.dataclass
class Point:
    x: int
    name: str


class Pair(typing.NamedTuple):
    a: float
    b: Point


class Color(enum.Enum):
    red = -1
    blue = 2


def shown(hint):
    return hints.codec(hint).name


class Hints(unittest.TestCase):
    def test_types(self):
        for hint, text in (
                (int, "i64"), (float, "f64"), (bool, "bool"), (str, "str"), (bytes, "list<u8>"), (typing.Any, "any"),
                (maus.u8, "u8"), (maus.f32, "f32"), (complex, "tuple<f64,f64>"), (typing.List[int], "list<i64>"),
                (list, "list<any>"), (dict, "map<str,any>"), (typing.Dict[str, maus.i8], "map<str,i8>"),
                (typing.Set[str], "set<str>"), (typing.Tuple[int, str], "tuple<i64,str>"),
                (typing.Tuple[int, ...], "list<i64>"), (typing.Optional[int], "opt<i64>"),
                (typing.Union[int, str], "variant<i64,str>"), (datetime.datetime, "time<i64,1/1000000000>"),
                (datetime.timedelta, "dur<i64,1/1000000>"), (Point, "{i64,str}"), (Pair, "{f64,{i64,str}}"),
                (Color, "enum<i32>"), (maus.wire_type("array<u8,4>"), "array<u8,4>"),
                (typing.Callable[[int], str], "fn<str(i64)>"), (typing.Callable[[], None], "fn<void()>")):
            with self.subTest(text):
                self.assertEqual(shown(hint), text)

    def test_values(self):
        for hint, value in ((Point, Point(1, "a")), (Pair, Pair(1.5, Point(2, "b"))), (Color, Color.blue),
                            (typing.Tuple[int, ...], (1, 2)), (datetime.timedelta, datetime.timedelta(seconds=-1.5)),
                            (typing.Optional[typing.List[Color]], [Color.red])):
            with self.subTest(value=value):
                codec = hints.codec(hint)
                self.assertEqual(signature.decode_one(codec, signature.encode_one(codec, value)), value)

    def test_functions(self):
        def typed(x: int, y: str = "") -> None: ...
        def partly(x: int, y): ...
        def bare(x, y): ...
        def stream(n: maus.u32) -> typing.Iterator[str]: ...
        def bare_stream(n): yield n
        def takes(f: typing.Callable[[int], int]) -> int: ...
        worker = maus.Worker()
        for each in (typed, partly, bare, stream, bare_stream, takes):
            worker.expose(each)
        self.assertEqual(worker.signatures, [
            "typed(i64,str)->void", "partly(i64,any)->any", "bare(...)->any", "stream(u32)->stream<str>",
            "bare_stream(...)->stream<any>", "takes(fn<i64(i64)>)->i64"])

    def test_refused(self):
        worker = maus.Worker()

        def odd(x: threading_lock) -> int: ...
        def keyword(*, x: int) -> int: ...
        for each in (odd, keyword):
            with self.assertRaises(maus.InvalidArgument):
                worker.expose(each)
        for text in ("add(i33)->i32", "no signature"):
            with self.assertRaises(maus.InvalidArgument):
                worker.expose(lambda: 0, signature=text)
        with self.assertRaises(maus.InvalidArgument):
            worker.expose(lambda: 0, name="a b")
        with self.assertRaises(maus.InvalidArgument):
            maus.Worker("127.0.0.1:8500")

    def test_numpy(self):
        import numpy  # bin/setup installs it
        from numpy.typing import NDArray
        codec = hints.codec(NDArray[numpy.int32])
        self.assertEqual((codec.name, shown(numpy.ndarray)), ("list<i32>", "list<f64>"))
        raw = signature.encode_one(codec, numpy.arange(20000, dtype="int32"))
        read = signature.decode_one(codec, raw)
        self.assertFalse(read.flags.owndata)  # it lies where it was received
        self.assertEqual(read.tolist(), list(range(20000)))
        self.assertEqual(signature.encode_one(codec, numpy.array([1.0, 2.0])), signature.encode_one(codec, [1, 2]))
        with self.assertRaises(signature.Unfit):
            signature.encode_one(codec, numpy.array([1.5]))
        plain = signature.parse_type("list<i32>")
        self.assertEqual(signature.encode_one(plain, numpy.arange(3, dtype="int32")), signature.encode_one(plain, [0, 1, 2]))

    def test_errors_have_the_names_of_cpp(self):
        text = (GOLDEN.parents[1] / "lib/maus/error.hpp").read_text()
        for code in maus.Errc:
            self.assertIn(f"    {code.name} = {int(code)},", text)


threading_lock = __import__("threading").Lock
from test_golden import GOLDEN  # noqa: E402

if __name__ == "__main__":
    unittest.main()
