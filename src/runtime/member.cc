#include "runtime/member.h"

#include <charconv>

#include "api/constants.h"

namespace kro::runtime {

Deletion DeletionOf(const Member& member) {
  const json::Value& object = *member.object;
  return {member.gvr,
          std::string(NamespaceOf(object)),
          std::string(NameOf(object)),
          std::string(UidOf(object)),
          std::string(LabelOf(object, api::label::kNodeId)),
          WaveOf(object)};
}

int WaveOf(const json::Value& object) {
  const std::string_view text = AnnotationOf(object, api::annotation::kApplyOrder);
  int wave = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), wave);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && wave > 0 ? wave : 0;
}

}  // namespace kro::runtime
