#include "runtime/internal/render.h"

#include <optional>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/base64.h"
#include "cel/convert.h"
#include "runtime/live_object.h"

namespace kro::runtime {
namespace {

using cel::Kind;
using graph::ExpressionKind;

// A template on the way to an object. Removing a list element moves those behind it, so what is
// omitted is removed last, from the end.
class Draft {
 public:
  Draft(const graph::Node& node, Evaluation& evaluation)
      : node_(node),
        evaluation_(evaluation),
        object_(Keep(node.object)),
        omitted_(node.fields.size(), false) {}
  // A copy of what `base` came to so far.
  explicit Draft(const Draft& base)
      : node_(base.node_),
        evaluation_(base.evaluation_),
        object_(Keep(*base.object_)),
        omitted_(base.omitted_) {}
  Draft& operator=(const Draft&) = delete;

  // Writes the value of one field.
  Result<void> Write(std::size_t field, const cel::Value& value);
  json::Value* Finish();

 private:
  json::Value* Keep(const json::Value& value) {
    return new (evaluation_.arena().Allocate(sizeof(json::Value)))
        json::Value(value, evaluation_.storage());
  }

  const graph::Node& node_;
  Evaluation& evaluation_;
  json::Value* object_;  // in the arena
  std::vector<bool> omitted_;
};

// How the errors of a template's expressions read.
enum class Phase { kSingle, kCollectionBase, kCollectionItem };

// Evaluates the fields that `wanted` picks. An error that no data mends is told before one that
// waits.
template <typename Wanted>
Result<void> WriteFields(const graph::Node& node, Draft& draft, Evaluation& evaluation,
                         const Locals& locals, Phase phase, Wanted wanted,
                         const graph::Expression** blocking);
Error EvaluationError(const graph::Node& node, const Error& error, Phase phase);

// The lists that a collection runs over, as elements; empty as soon as one dimension is.
using Dimensions = std::vector<std::vector<cel::Value>>;
Result<Dimensions> EvaluateDimensions(const graph::Node& node, std::size_t max_size,
                                      Evaluation& evaluation, const graph::Expression** blocking);
Result<void> CheckIdentities(const graph::Node& node, const std::vector<json::Value*>& objects);

// What an expression yielded, as JSON.
Result<std::optional<json::Value>> Convert(cel::Context& context, const cel::Value& value,
                                           bool takes_bytes);

}  // namespace

Result<json::Value*> RenderObject(const graph::Node& node, Evaluation& evaluation,
                                  const graph::Expression** blocking) {
  Draft draft(node, evaluation);
  const auto all = [](const graph::Field&) { return true; };
  if (auto written = WriteFields(node, draft, evaluation, {}, Phase::kSingle, all, blocking);
      !written) {
    return std::unexpected(written.error());
  }
  return draft.Finish();
}

Result<std::vector<json::Value*>> RenderCollection(const graph::Node& node, std::size_t max_size,
                                                   Evaluation& evaluation,
                                                   const graph::Expression** blocking) {
  const auto varies = [](const graph::Field& field) {
    return field.expression.kind == ExpressionKind::kIteration;
  };
  const auto is_fixed = [&](const graph::Field& field) { return !varies(field); };

  // What is the same in all items comes first, and may wait even if there are none.
  Draft base(node, evaluation);
  if (auto written =
          WriteFields(node, base, evaluation, {}, Phase::kCollectionBase, is_fixed, blocking);
      !written) {
    return std::unexpected(written.error());
  }
  auto dimensions = EvaluateDimensions(node, max_size, evaluation, blocking);
  if (!dimensions) return std::unexpected(dimensions.error());

  std::vector<json::Value*> objects;
  if (dimensions->empty()) return objects;
  std::vector<std::size_t> position(dimensions->size(), 0);
  std::vector<cel::Value> iterators(dimensions->size());
  for (bool more = true; more;) {
    for (std::size_t d = 0; d < position.size(); ++d) iterators[d] = (*dimensions)[d][position[d]];
    if (auto fits = evaluation.CheckMemory(); !fits) {
      return Annotate(fits, "node \"{}\"", node.id);
    }
    Draft item(base);
    if (auto written = WriteFields(node, item, evaluation, {iterators, std::nullopt},
                                   Phase::kCollectionItem, varies, blocking);
        !written) {
      return std::unexpected(written.error());
    }
    objects.push_back(item.Finish());
    // The last dimension varies fastest.
    more = false;
    for (std::size_t d = position.size(); d-- > 0 && !more;) {
      more = ++position[d] < (*dimensions)[d].size();
      if (!more) position[d] = 0;
    }
  }
  if (auto unique = CheckIdentities(node, objects); !unique) return std::unexpected(unique.error());
  return objects;
}

namespace {

Result<void> Draft::Write(std::size_t number, const cel::Value& value) {
  const graph::Field& field = node_.fields[number];
  json::Value* at = json::Get(*object_, field.path);
  if (at == nullptr) {
    return Fail(ErrorCode::kInvalid, "node \"{}\": resolve errors: [no value at {}]", node_.id,
                field.path.ToString());
  }
  switch (value.kind()) {
    case Kind::kString:
      *at = boost::json::string_view(value.AsString());
      return {};
    case Kind::kInt:
      *at = value.AsInt();
      return {};
    case Kind::kBool:
      *at = value.AsBool();
      return {};
    default:
      break;
  }
  Evaluation::Context context(evaluation_, field.expression);
  auto converted = Convert(context, value, field.takes_bytes);
  if (!converted) {
    return Annotate(converted, "node \"{}\": convert \"{}\"", node_.id, field.expression.text);
  }
  if (*converted) {
    *at = std::move(**converted);
  } else {
    omitted_[number] = true;
  }
  return {};
}

json::Value* Draft::Finish() {
  for (std::size_t i = omitted_.size(); i-- > 0;) {
    if (omitted_[i]) json::Erase(*object_, node_.fields[i].path);
  }
  return object_;
}

template <typename Wanted>
Result<void> WriteFields(const graph::Node& node, Draft& draft, Evaluation& evaluation,
                         const Locals& locals, Phase phase, Wanted wanted,
                         const graph::Expression** blocking) {
  std::optional<Error> pending;
  for (std::size_t i = 0; i < node.fields.size(); ++i) {
    const graph::Field& field = node.fields[i];
    if (!wanted(field)) continue;
    const auto value = evaluation.Evaluate(field.expression, View::kWhole, locals);
    if (value) {
      if (auto written = draft.Write(i, *value); !written) return written;
      continue;
    }
    if (pending && value.error().code() == ErrorCode::kPending) continue;
    if (blocking != nullptr) *blocking = &field.expression;
    Error error = EvaluationError(node, value.error(), phase);
    if (error.code() != ErrorCode::kPending) return std::unexpected(std::move(error));
    pending = std::move(error);
  }
  if (pending) return std::unexpected(std::move(*pending));
  return {};
}

Error EvaluationError(const graph::Node& node, const Error& error, Phase phase) {
  const std::string cause = error.message();
  if (error.code() == ErrorCode::kPending) {
    return Error(ErrorCode::kPending,
                 fmt::format("node \"{}\": failed to evaluate expression: {} (data pending)",
                             node.id, cause));
  }
  switch (phase) {
    case Phase::kSingle:
      return Error(error.code(), fmt::format("node \"{}\": {}", node.id, cause));
    case Phase::kCollectionBase:
      return Error(error.code(), fmt::format("node \"{}\" base {}", node.id, cause));
    case Phase::kCollectionItem:
      return Error(error.code(), fmt::format("collection iteration {}", cause));
  }
  return error;
}

Result<Dimensions> EvaluateDimensions(const graph::Node& node, std::size_t max_size,
                                      Evaluation& evaluation, const graph::Expression** blocking) {
  Dimensions dimensions;
  std::size_t size = 1;
  for (const graph::Dimension& dimension : node.dimensions) {
    const std::string& text = dimension.list.text;
    auto value = evaluation.Evaluate(dimension.list);
    if (!value) {
      if (blocking != nullptr) *blocking = &dimension.list;
      if (value.error().code() == ErrorCode::kPending) {
        return Fail(ErrorCode::kPending, "node \"{}\": forEach \"{}\": {} (data pending)", node.id,
                    dimension.name, value.error().message());
      }
      return Annotate(Annotate(value, "forEach \"{}\"", dimension.name).error(), "node \"{}\"",
                      node.id);
    }
    const auto refuse = [&](std::string_view what) {
      return Fail(ErrorCode::kInvalid, "forEach \"{}\": expression \"{}\" {}", dimension.name, text,
                  what);
    };
    cel::Value list = *value;
    if (list.Is(Kind::kOptional) && list.HasContent()) list = list.Content();
    if (list.IsNull() || list.Is(Kind::kOptional)) return refuse("returned null, expected list");
    if (!list.Is(Kind::kList)) return refuse("did not return a list");
    if (list.ListSize() == 0) return Dimensions();
    size *= list.ListSize();
    if (size > max_size) {
      return Fail(ErrorCode::kInvalid,
                  "collection size of {} is over the maximum collection size of {}", size,
                  max_size);
    }
    Evaluation::Context context(evaluation, dimension.list);
    std::vector<cel::Value> elements(list.ListSize());
    for (std::size_t i = 0; i < elements.size(); ++i) {
      elements[i] = list.ListAt(context, i);
      if (elements[i].IsError()) {
        return Annotate(cel::ToError(elements[i]), "forEach \"{}\": eval \"{}\"", dimension.name,
                        text);
      }
    }
    dimensions.push_back(std::move(elements));
  }
  return dimensions;
}

Result<void> CheckIdentities(const graph::Node& node, const std::vector<json::Value*>& objects) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const json::Value* object : objects) {
    if (!seen.emplace(NamespaceOf(*object), NameOf(*object)).second) {
      return Fail(ErrorCode::kInvalid,
                  "node \"{}\" identity collision: duplicate identity: {}/{}/{}/{}/{}", node.id,
                  node.gvk.group, node.gvk.version, node.gvk.kind, NamespaceOf(*object),
                  NameOf(*object));
    }
  }
  return {};
}

// As cel::ToJson, and bytes are encoded where the schema has bytes: that is their JSON form there.
Result<std::optional<json::Value>> Convert(cel::Context& context, const cel::Value& value,
                                           bool takes_bytes) {
  if (takes_bytes && value.Is(Kind::kBytes)) {
    return std::optional<json::Value>(json::String(EncodeBase64(value.AsBytes())));
  }
  if (!takes_bytes || !value.Is(Kind::kMap) || value.IsJson()) return cel::ToJson(context, value);

  json::Object object;
  for (cel::MapIterator it(context, value); it.Next();) {
    if (!it.key().Is(Kind::kString)) return cel::ToJson(context, value);
    const bool is_bytes = it.value().Is(Kind::kBytes);
    auto member =
        is_bytes ? Convert(context, it.value(), takes_bytes) : cel::ToJson(context, it.value());
    if (!member) return member;
    if (*member) object[it.key().AsString()] = std::move(**member);
  }
  return std::optional<json::Value>(std::move(object));
}

}  // namespace
}  // namespace kro::runtime
