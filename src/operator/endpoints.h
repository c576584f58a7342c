// What the process answers over HTTP: probes, metrics and, where it is allowed, /debug.
#pragma once

#include "http/server.h"
#include "http/transport.h"
#include "operator/operator.h"

namespace kro::operator_ {

// /healthz (the process lives: only a restart would help if not), /readyz (and does its work), and each
// check of these below them. `?verbose` lists the checks, `?exclude=NAME`, repeatable, leaves one out; a check that
// fails is always named.
http::Response AnswerProbe(const Operator& op, const http::Request& request);

// /metrics; and if it is on, /debug as JSON, and /debug/log-level: GET tells the level, PUT with
// `?level=debug` changes it.
enum class Debug { kOff, kOn };
http::Response AnswerMetrics(const Operator& op, const http::Request& request, Debug debug);

// The same as handlers; `op` outlives them.
http::Handler ProbeHandler(const Operator& op);
http::Handler MetricsHandler(const Operator& op, Debug debug);

}  // namespace kro::operator_
