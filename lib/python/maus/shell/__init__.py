"""Threads and sockets: one thread with ZeroMQ runs a machine of maus.core; others run functions."""
