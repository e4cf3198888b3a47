"""gRPC's echo in Python for `maus-bench languages`, by its asyncio interface and without protobuf. Says its port."""

import asyncio

import grpc


class Echo(grpc.GenericRpcHandler):
    def service(self, _):
        async def echo(request, _):
            return request

        return grpc.unary_unary_rpc_method_handler(echo)


async def serve():
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Echo(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


asyncio.run(serve())
