// A PodDisruptionBudget: what it selects, and how it says what it allows.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "api/gvk.h"
#include "apiserver/internal/stored_object.h"
#include "json/value.h"

namespace kro::apiserver {

inline const api::Gvr kBudgets{"policy", "v1", "poddisruptionbudgets"};

// For so long a pod in status.disruptedPods counts as gone.
constexpr std::chrono::minutes kDisruptionTimeout(2);

bool Selects(const json::Value& budget, const StoredObject& pod);

// Sets status.disruptionsAllowed and the condition that follows from it.
void SetDisruptionsAllowed(json::Value& budget, std::int64_t allowed, std::string_view now);

}  // namespace kro::apiserver
