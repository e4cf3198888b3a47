// gRPC's echo in Node for `maus-bench languages`, without protobuf. Says its port.
import grpc from '@grpc/grpc-js'

const asItIs = bytes => bytes
const echo = {
    path: '/bench/echo', requestStream: false, responseStream: false,
    requestSerialize: asItIs, requestDeserialize: asItIs, responseSerialize: asItIs, responseDeserialize: asItIs,
}
const server = new grpc.Server()
server.addService({ echo }, { echo: (call, answer) => answer(null, call.request) })
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (failed, port) => {
    if (failed) throw failed
    console.log(port)
})
