"""Bytes: messages, records, signatures, values. Nothing here knows sockets, threads or clocks."""
