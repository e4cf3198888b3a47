"""tests/golden, read by this package and written again: the same bytes."""

import pathlib
import re
import unittest

from maus.wire import messages, signature
from maus.wire.signature import decode_one, encode_one, parse_type

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden"


def frames_of(path):
    frames, comment = [bytearray()], ""
    for line in path.read_text().splitlines():
        said, _, behind = line.partition("#")
        comment += behind
        if said.strip() == "frame":
            frames.append(bytearray())
        else:
            frames[-1] += bytes.fromhex(said)
    return [bytes(each) for each in frames], comment.strip()


def files(folder):
    found = sorted((GOLDEN / folder).glob("*.hex"))
    assert found
    return found


class Golden(unittest.TestCase):
    def test_values(self):
        for path in files("values"):
            with self.subTest(path.name):
                (raw,), comment = frames_of(path)
                text = re.match(r"(\S+): ", comment).group(1)
                if text == "...":
                    function = signature.parse("f(...)->any")
                    self.assertEqual(function.encode_arguments(function.decode_arguments(raw)), raw)
                    continue
                codec = signature.VOID if text == "unit" else parse_type(text)
                if path.stem == "fn_script":  # this package does not name the feature
                    with self.assertRaisesRegex(signature.Unfit, "functions as source"):
                        decode_one(codec, raw)
                    continue
                self.assertEqual(codec.name, "void" if text == "unit" else text)
                self.assertEqual(encode_one(codec, decode_one(codec, raw)), raw)
                for size in range(len(raw)):  # whatever is cut off is refused
                    with self.assertRaises((signature.Unfit, signature.struct.error)):
                        decode_one(codec, raw[:size])
                with self.assertRaises((signature.Unfit, signature.struct.error)):
                    decode_one(codec, raw + b"\0")

    def test_what_values_say(self):
        def read(name, text):
            return decode_one(parse_type(text), frames_of(GOLDEN / "values" / (name + ".hex"))[0][0])
        self.assertEqual(read("nested", "map<str,list<opt<tuple<i8,variant<i32,str>>>>>"), {"k": [None, (1, "v")]})
        self.assertEqual(read("record_of_itself", "{i32,list<^1>}"), (1, [(2, []), (3, [(4, [])])]))
        self.assertEqual(read("set", "set<u16>"), {1, 256, 65535})
        self.assertEqual(read("any_regexp", "any"), re.compile("^a", re.IGNORECASE))

    def test_control(self):
        for path in files("control"):
            with self.subTest(path.name):
                (raw,), comment = frames_of(path)
                self.assertEqual(messages.channel(raw), messages.CONTROL)
                number, name, body, extensions = messages.read_control(raw)
                self.assertIn(f"control message {number}", comment)
                self.assertEqual(messages.control(name, extensions, **body), raw)

    def test_link(self):
        for path in files("link"):
            with self.subTest(path.name):
                frames, comment = frames_of(path)
                self.assertEqual(messages.channel(frames[0]), messages.LINK)
                again, further = bytearray(messages.LINK_HEADER), []
                for number, flags, function, body, apart in messages.read_link(frames):
                    again += self.written_again(number, flags, function, body, apart, further)
                self.assertEqual([bytes(again), *further], frames)

    def written_again(self, number, flags, function, body, apart, further):
        if number not in messages.RECORD_TYPES:
            if apart is not None:
                further.append(apart)
            return messages.RECORD.pack(len(body), number, flags, function) + body
        name, shape = messages.RECORD_TYPES[number]
        fields, rest = messages.read_record(number, body)
        if number not in messages.PAYLOADS:
            made = bytearray(messages.record(name, rest, **fields))
            made[5] |= flags  # the bits 4 to 7 are ignored, whatever they are
            return made
        head = bytearray()
        messages._write(shape, fields, head)
        payload, extensions = messages.payload_of(flags, body, apart, len(head))
        raw, frame = messages.record_with_payload(number, bytes(head), payload, flags, function, extensions,
                                                  0 if apart is not None else 1 << 30)
        if frame is not None:
            further.append(frame)
        return raw

    def test_frames(self):
        for path in files("frames"):
            with self.subTest(path.name):
                frames, comment = frames_of(path)
                self.assertIn(messages.channel(frames[0]), (messages.CONTROL, messages.LINK, messages.RELAY))


if __name__ == "__main__":
    unittest.main()
