// The Asio loop inside a RealExecutor, for code that does its own socket I/O (http/server.cc).
#pragma once

#include <boost/asio/io_context.hpp>

#include "async/real_executor.h"

namespace kro::async::internal {

// Runs on the loop thread, as posted work does.
boost::asio::io_context& IoContext(RealExecutor& executor);

}  // namespace kro::async::internal
