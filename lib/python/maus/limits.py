"""Bounds with their defaults; PROTOCOL.md, section 11, tells what happens over each."""

from dataclasses import dataclass


@dataclass
class Limits:
    message_bytes_max: int = 64 << 20
    control_bytes_max: int = 1 << 20
    frames_max: int = 66
    name_bytes_max: int = 128
    signature_bytes_max: int = 4096
    functions_max: int = 1024
    endpoints_max: int = 16
    text_bytes_max: int = 16384
    calls_per_worker_max: int = 16384
    features_max: int = 64
    extensions_max: int = 64
    callbacks_max: int = 4096
    calls_max: int = 1 << 20
    calls_bytes_max: int = 256 << 20
    detached_per_slot_max: int = 64
    stream_items_max: int = 65536
    stream_bytes_max: int = 1 << 20
    prefetch_max: int = 2048
    payload_apart_bytes: int = 32 << 10
    batch_records_max: int = 1024
    batch_bytes_max: int = 32 << 10
    queued_bytes_max: int = 256 << 20


#: The numbers of [P-58].
NUMBERS = {
    1: "message_bytes_max", 2: "control_bytes_max", 3: "frames_max", 4: "name_bytes_max",
    5: "signature_bytes_max", 6: "functions_max", 7: "endpoints_max", 8: "text_bytes_max",
    9: "calls_per_worker_max", 10: "features_max", 11: "extensions_max", 12: "callbacks_max",
}
ENTRIES_MAX = 64
TEXT_ALWAYS_HEARD = 1024  # nobody refuses a text of so many bytes ([P-80])


def told(limits):
    """The entries that differ from the defaults, as a peer tells them."""
    default = Limits()
    return {number: getattr(limits, name) for number, name in NUMBERS.items()
            if getattr(limits, name) != getattr(default, name)}


def heard(entries):
    """The limits of a peer that told these."""
    made = Limits()
    for number, value in entries.items():
        if number in NUMBERS:
            setattr(made, NUMBERS[number], value)
    return made
