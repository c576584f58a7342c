// Health checks: /healthz, /livez, /readyz (spec kube-server section 2.2).
#pragma once

#include <optional>
#include <string_view>

#include "apiserver/internal/query.h"
#include "http/transport.h"

namespace kro::apiserver {

// nullopt if `path` is none of them.
std::optional<http::Response> AnswerHealth(std::string_view path, const QueryParameters& query);

}  // namespace kro::apiserver
