// InstanceService: what the definition controller asks of whoever serves instances.
//
// InstanceController is the one that serves; tests of definitions give their own.
#pragma once

#include <cstddef>

#include "controller/instance_controller.h"

namespace kro::controller {

// The functions mean what InstanceController says of them.
class InstanceService {
 public:
  virtual ~InstanceService() = default;
  virtual async::Task<Result<void>> Serve(InstanceApi api, async::CancelToken cancel) = 0;
  virtual async::Task<void> Stop(api::Gvr gvr) = 0;
  virtual std::size_t Count(const api::Gvr& gvr) const = 0;
};

}  // namespace kro::controller
