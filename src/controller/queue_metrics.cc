#include "controller/queue_metrics.h"

#include <chrono>
#include <string>

namespace kro::controller {

void MeasureQueue(std::string_view name, const kube::Workqueue& queue,
                  std::vector<Measurement>& measured) {
  const std::string text(name);
  const auto add = [&](const char* metric, const char* help, double value) {
    measured.push_back({.name = metric,
                        .help = help,
                        .type = Measurement::Type::kGauge,
                        .labels = {{"name", text}, {"controller", text}},
                        .value = value});
  };
  const auto seconds = [](Duration duration) {
    return std::chrono::duration<double>(duration).count();
  };
  const kube::Workqueue::Working working = queue.WorkingTimes();
  add("workqueue_depth", "Keys that wait in a queue.", static_cast<double>(queue.Waiting()));
  measured.back().labels.emplace_back("priority", "");
  add("workqueue_unfinished_work_seconds", "How long work under way has taken, added up.",
      seconds(working.all));
  add("workqueue_longest_running_processor_seconds", "How long the longest work has taken so far.",
      seconds(working.longest));
  measured.push_back({.name = "controller_runtime_active_workers",
                      .help = "Workers that are at work.",
                      .type = Measurement::Type::kGauge,
                      .labels = {{"controller", text}},
                      .value = static_cast<double>(queue.InWork())});
}

json::Value DescribeQueue(const kube::Workqueue& queue) {
  json::Object described;
  described["waiting"] = queue.Waiting();
  described["delayed"] = queue.Delayed();
  described["inWork"] = queue.InWork();
  described["longestWorkSeconds"] =
      std::chrono::duration<double>(queue.WorkingTimes().longest).count();
  return described;
}

}  // namespace kro::controller
