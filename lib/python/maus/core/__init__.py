"""State machines of a worker and a manager. They have no socket, no thread and no clock.

Events go in as calls: connected(id), closed(id), heard(id, frames), advance(now). What is to be done comes out of
`take()`, in order: ("connect", id, endpoint), ("close", id), ("send", id, frames), and what the worker or the manager
adds. An id names one connection and is never used again. Time is nanoseconds on a clock that goes on in suspend.
"""
