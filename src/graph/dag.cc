#include "graph/dag.h"

#include <algorithm>
#include <functional>
#include <queue>

namespace kro::graph {

Result<void> Dag::AddEdge(std::size_t dependent, std::size_t dependency) {
  if (dependent == dependency) {
    return Fail(ErrorCode::kInvalid, "self references are not allowed");
  }
  std::vector<std::size_t>& edges = dependencies_[dependent];
  if (std::find(edges.begin(), edges.end(), dependency) == edges.end()) {
    edges.push_back(dependency);
  }
  return {};
}

// Depth-first from each vertex in turn, without recursion: a vertex met again while it is still on the
// path closes a cycle.
std::vector<std::size_t> Dag::FindCycle() const {
  enum class Mark { kNew, kOnPath, kDone };
  struct Step {
    std::size_t vertex;
    std::size_t next = 0;  // dependency to look at
  };
  std::vector<Mark> marks(size(), Mark::kNew);
  for (std::size_t start = 0; start < size(); ++start) {
    if (marks[start] != Mark::kNew) continue;
    std::vector<Step> path{{start}};
    marks[start] = Mark::kOnPath;
    while (!path.empty()) {
      Step& step = path.back();
      if (step.next == dependencies_[step.vertex].size()) {
        marks[step.vertex] = Mark::kDone;
        path.pop_back();
        continue;
      }
      const std::size_t dependency = dependencies_[step.vertex][step.next++];
      if (marks[dependency] == Mark::kNew) {
        marks[dependency] = Mark::kOnPath;
        path.push_back({dependency});
      } else if (marks[dependency] == Mark::kOnPath) {
        std::vector<std::size_t> cycle;
        auto member = std::find_if(path.begin(), path.end(), [&](const Step& candidate) {
          return candidate.vertex == dependency;
        });
        for (; member != path.end(); ++member) cycle.push_back(member->vertex);
        std::rotate(cycle.begin(), std::min_element(cycle.begin(), cycle.end()), cycle.end());
        cycle.push_back(cycle.front());
        return cycle;
      }
    }
  }
  return {};
}

Result<std::vector<std::size_t>> Dag::TopologicalOrder() const {
  if (const std::vector<std::size_t> cycle = FindCycle(); !cycle.empty()) {
    std::string text;
    for (std::size_t vertex : cycle) {
      if (!text.empty()) text += " -> ";
      text += names_[vertex];
    }
    return Fail(ErrorCode::kInvalid, "graph contains a cycle: {}", text);
  }

  std::vector<std::vector<std::size_t>> dependents(size());
  std::vector<std::size_t> missing(size());
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
  for (std::size_t vertex = 0; vertex < size(); ++vertex) {
    missing[vertex] = dependencies_[vertex].size();
    for (std::size_t dependency : dependencies_[vertex]) dependents[dependency].push_back(vertex);
    if (missing[vertex] == 0) ready.push(vertex);
  }
  std::vector<std::size_t> order;
  order.reserve(size());
  while (!ready.empty()) {
    const std::size_t vertex = ready.top();
    ready.pop();
    order.push_back(vertex);
    for (std::size_t dependent : dependents[vertex]) {
      if (--missing[dependent] == 0) ready.push(dependent);
    }
  }
  return order;
}

std::vector<int> Dag::ApplyOrders() const {
  std::vector<std::size_t> waiting(size(), 0);  // dependents not peeled yet
  for (const auto& edges : dependencies_) {
    for (std::size_t dependency : edges) ++waiting[dependency];
  }
  std::vector<int> layers(size(), 0);
  std::vector<std::size_t> layer;
  for (std::size_t vertex = 0; vertex < size(); ++vertex) {
    if (waiting[vertex] == 0) layer.push_back(vertex);
  }
  int count = 0;
  while (!layer.empty()) {
    std::vector<std::size_t> next;
    for (std::size_t vertex : layer) {
      layers[vertex] = count;
      for (std::size_t dependency : dependencies_[vertex]) {
        if (--waiting[dependency] == 0) next.push_back(dependency);
      }
    }
    layer = std::move(next);
    ++count;
  }
  for (int& value : layers) value = count - value;
  return layers;
}

}  // namespace kro::graph
