// Randomness of the machine, for jitter.
#pragma once

#include "kube/backoff.h"

namespace kro::cli {

// Thread-safe.
kube::Random NewRandom();

}  // namespace kro::cli
