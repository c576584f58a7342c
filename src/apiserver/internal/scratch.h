// Scratch: memory for the values of one request. They are made in one block, which the next request uses
// again, instead of thousands of small pieces: most of the time of a write went into those.
#pragma once

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/storage_ptr.hpp>

#include <cstddef>
#include <memory>

namespace kro::apiserver {

class Scratch {
 public:
  // The block for the time of a request. What is made in it goes with the lease. A request inside
  // another has a block of its own.
  class Lease {
   public:
    explicit Lease(Scratch& scratch)
        : scratch_(scratch),
          block_(scratch.block_ != nullptr ? std::move(scratch.block_)
                                           : std::make_unique<unsigned char[]>(kBytes)) {}
    ~Lease() { scratch_.block_ = std::move(block_); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    boost::json::storage_ptr storage() { return &memory_; }

   private:
    Scratch& scratch_;
    std::unique_ptr<unsigned char[]> block_;
    boost::json::monotonic_resource memory_{block_.get(), kBytes};
  };

 private:
  static constexpr std::size_t kBytes = std::size_t{96} << 10;

  std::unique_ptr<unsigned char[]> block_;
};

}  // namespace kro::apiserver
