// ArenaResource: memory of JSON values that live as long as an arena.
#pragma once

#include <cstddef>

#include "cel/arena.h"
#include "json/value.h"

namespace kro::runtime {

class ArenaResource final : public boost::json::memory_resource {
 public:
  explicit ArenaResource(cel::Arena& arena) : arena_(arena) {}

 private:
  void* do_allocate(std::size_t bytes, std::size_t) override { return arena_.Allocate(bytes); }
  void do_deallocate(void*, std::size_t, std::size_t) override {}
  bool do_is_equal(const boost::json::memory_resource& other) const noexcept override {
    return this == &other;
  }

  cel::Arena& arena_;
};

}  // namespace kro::runtime

// Values in it need no destruction.
namespace boost::json {
template <>
struct is_deallocate_trivial<kro::runtime::ArenaResource> {
  static constexpr bool value = true;
};
}  // namespace boost::json
