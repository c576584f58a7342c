#include "runtime/internal/readiness.h"

#include <algorithm>

#include <fmt/format.h>

namespace kro::runtime {
namespace {

Readiness CheckItems(const graph::Node& node, std::span<const LiveObject> observed,
                     Evaluation& evaluation);
Readiness CheckWhole(const graph::Node& node, Evaluation& evaluation);
Readiness WaitFor(std::string message);
Readiness False(const graph::Expression& expression);

}  // namespace

Readiness CheckReadiness(std::size_t number, std::span<const LiveObject> observed,
                         std::size_t desired, const graph::Graph& graph, Evaluation& evaluation) {
  const graph::Node& node = graph.nodes[number];
  if (!node.IsList() && observed.empty()) {
    return WaitFor(fmt::format("node \"{}\": no observed state: waiting for readiness", node.id));
  }
  if (node.type == graph::NodeType::kCollection && observed.size() < desired) {
    return WaitFor(
        fmt::format("node \"{}\": collection not ready: observed {} but desired {} "
                    "(waiting for readiness)",
                    node.id, observed.size(), desired));
  }
  if (node.ready_when.empty()) return {};
  return node.type == graph::NodeType::kCollection ? CheckItems(node, observed, evaluation)
                                                   : CheckWhole(node, evaluation);
}

namespace {

Readiness CheckItems(const graph::Node& node, std::span<const LiveObject> observed,
                     Evaluation& evaluation) {
  for (std::size_t i = 0; i < observed.size(); ++i) {
    const cel::Value each = evaluation.ObjectValue(node, *observed[i], View::kWithoutNulls);
    for (const graph::Expression& expression : node.ready_when) {
      const auto truth = evaluation.Test(expression, View::kWithoutNulls, {{}, each});
      Readiness readiness;
      if (!truth && truth.error().code() == ErrorCode::kPending) {
        readiness = WaitFor(
            fmt::format("node \"{}\": failed to evaluate readyWhen \"{}\" (item {}) (waiting for "
                        "readiness)",
                        node.id, expression.text, i));
      } else if (!truth) {
        readiness.cause =
            Error(truth.error().code(),
                  fmt::format("node \"{}\": failed to evaluate readyWhen \"{}\" (item {}): {}",
                              node.id, expression.text, i, truth.error().message()));
      } else if (*truth == Truth::kFalse) {
        readiness = False(expression);
      } else if (*truth != Truth::kTrue) {
        readiness.cause =
            Error(ErrorCode::kInvalid,
                  fmt::format("readyWhen \"{}\" did not return bool", expression.text));
      }
      if (!readiness.cause) continue;
      readiness.expression = &expression;
      readiness.item = i;
      return readiness;
    }
  }
  return {};
}

// A single object, or a list bound whole under the node's id.
Readiness CheckWhole(const graph::Node& node, Evaluation& evaluation) {
  for (const graph::Expression& expression : node.ready_when) {
    const auto truth = evaluation.Test(expression, View::kWithoutNulls);
    Readiness readiness;
    const auto failed = [&](std::string_view how) {
      return fmt::format("node \"{}\": failed to evaluate readyWhen expression: \"{}\" ({})",
                         node.id, expression.text, how);
    };
    if (!truth && truth.error().code() == ErrorCode::kPending) {
      readiness = WaitFor(failed("waiting for readiness"));
    } else if (!truth) {
      readiness.cause = Error(truth.error().code(), failed(truth.error().message()));
    } else if (*truth == Truth::kFalse || *truth == Truth::kNull) {
      readiness = False(expression);
    } else if (*truth == Truth::kNotBool) {
      readiness.cause =
          Error(ErrorCode::kInvalid,
                failed(fmt::format("expression \"{}\" did not return bool", expression.text)));
    }
    if (!readiness.cause) continue;
    readiness.expression = &expression;
    return readiness;
  }
  return {};
}

Readiness WaitFor(std::string message) {
  Readiness readiness;
  readiness.cause = Error(ErrorCode::kPending, std::move(message));
  return readiness;
}

Readiness False(const graph::Expression& expression) {
  return WaitFor(fmt::format(
      "readyWhen condition evaluated to false: \"{}\" (waiting for readiness)", expression.text));
}

}  // namespace
}  // namespace kro::runtime
