"""A worker in Python for `maus-bench languages`: python3 echo_worker.py ENDPOINT-OF-A-MANAGER"""

import sys

import maus

worker = maus.Worker(manager=sys.argv[1])


@worker.expose
def echo(x: str) -> str:
    return x


worker.run()
