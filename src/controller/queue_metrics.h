// What a workqueue looks like from outside: for metrics and /debug.
#pragma once

#include <string_view>
#include <vector>

#include "controller/metrics.h"
#include "json/value.h"
#include "kube/workqueue.h"

namespace kro::controller {

// Depth, and how long work under way has taken so far.
void MeasureQueue(std::string_view name, const kube::Workqueue& queue,
                  std::vector<Measurement>& measured);

json::Value DescribeQueue(const kube::Workqueue& queue);

}  // namespace kro::controller
