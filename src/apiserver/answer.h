// Answer: what a request is answered with when it fails: a Status, as clients see it.
//
// Unlike Result, whose Error is for our own callers, the texts, reasons and causes in here are the API
// server's (spec kube-server section 11) and are compared with it word for word.
#pragma once

#include <expected>
#include <string>
#include <utility>

#include "kube/api_error.h"

namespace kro::apiserver {

template <typename T>
using Answer = std::expected<T, kube::Status>;

// A Status without reason and details, as the server answers what it did not foresee.
inline std::unexpected<kube::Status> PlainFailure(int code, std::string message) {
  kube::Status status;
  status.code = code;
  status.message = std::move(message);
  return std::unexpected(std::move(status));
}

inline std::unexpected<kube::Status> BadRequest(std::string message) {
  kube::Status status;
  status.code = 400;
  status.reason = "BadRequest";
  status.message = std::move(message);
  return std::unexpected(std::move(status));
}

}  // namespace kro::apiserver
