#include "cli/random.h"

#include <memory>
#include <mutex>
#include <random>

namespace kro::cli {

kube::Random NewRandom() {
  struct Shared {
    std::mutex mutex;
    std::mt19937_64 engine{std::random_device()()};  // guarded by mutex
  };
  return [shared = std::make_shared<Shared>()] {
    std::lock_guard lock(shared->mutex);
    return std::uniform_real_distribution<double>(0, 1)(shared->engine);
  };
}

}  // namespace kro::cli
