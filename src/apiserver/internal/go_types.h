// The Go types of built-in kinds, which refusals name, where the OpenAPI documents do not tell them.
#pragma once

#include <cstdint>
#include <string_view>

namespace kro::apiserver {

// Views into the program. Empty: as the document says.
struct GoField {
  std::string_view type;  // "v1.PullPolicy", "[]v1.Capability"
  std::string_view
      embedded;  // the struct that holds the field, in the one that has it: "VolumeSource"
  std::uint16_t place = 0;  // among the fields of its struct, from 1; 0: before them
  bool omits_zero = false;  // not written while it is false, 0 or ""
};

// Of a field of a schema: `io.k8s.api.core.v1.Container`, `imagePullPolicy`.
GoField FindGoField(std::string_view schema, std::string_view field);

// What elements of a type are called; empty if its name does not tell.
std::string_view GoElement(std::string_view type);

}  // namespace kro::apiserver
