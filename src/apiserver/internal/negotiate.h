// In which form a client wants its answer (spec kube-server section 1.3).
#pragma once

#include <string>
#include <string_view>

#include "apiserver/answer.h"

namespace kro::apiserver {

enum class Format { kJson, kYaml };
enum class Transform { kNone, kPartialObject, kPartialList, kTable };

struct Form {
  Format format = Format::kJson;
  Transform transform = Transform::kNone;
  std::string meta_version = "v1";  // of meta.k8s.io, for transforms
};

// `accept` as sent, "" if it was not. 406 if nothing fits.
enum class Of { kObject, kCollection };
Answer<Form> NegotiateForm(std::string_view accept, Of of = Of::kObject);

// Whether an answer to this Accept is the aggregated discovery document, and in which version: "v2",
// "v2beta1", or "" for the plain form.
std::string_view AggregatedDiscoveryVersion(std::string_view accept);

}  // namespace kro::apiserver
