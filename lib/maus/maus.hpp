// Everything a program needs to call functions on worker processes, or to be one. (A parkserver of
// its own is in <maus/parkserver.hpp>, library maus::parkserver.)
#pragma once

#include "maus/bytes.hpp"
#include "maus/convert.hpp"
#include "maus/error.hpp"
#include "maus/function.hpp"
#include "maus/future.hpp"
#include "maus/generator.hpp"
#include "maus/json.hpp"
#include "maus/manager.hpp"
#include "maus/map.hpp"
#include "maus/method.hpp"
#include "maus/options.hpp"
#include "maus/responder.hpp"
#include "maus/script.hpp"
#include "maus/status.hpp"
#include "maus/stream.hpp"
#include "maus/this_call.hpp"
#include "maus/value.hpp"
#include "maus/version.hpp"
#include "maus/when.hpp"
#include "maus/worker.hpp"
