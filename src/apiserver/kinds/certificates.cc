#include "apiserver/kinds/certificates.h"

#include <string>
#include <string_view>

#include "apiserver/identity.h"
#include "apiserver/internal/core.h"
#include "apiserver/internal/timestamp.h"
#include "apiserver/kinds/values.h"
#include "base/base64.h"

namespace kro::apiserver {
namespace {

constexpr std::int64_t kShortestSeconds = 600;

void NameRequester(const User& user, json::Object& spec);
void SetTimes(const json::Value& old, std::string_view now, json::Object& object);
// "example.com/signer-name"
bool IsSignerName(std::string_view name);

}  // namespace

void PrepareSigningRequest(const WriteContext& context, json::Object& object) {
  if (context.old == nullptr) {
    json::Object& spec = Child(object, "spec");
    for (std::string_view key : {"username", "uid", "groups", "extra"}) spec.erase(key);
    if (context.user != nullptr) NameRequester(*context.user, spec);
    Child(object, "status");
    return;
  }
  object["spec"] = ObjectAt(*context.old, {"spec"});
  if (context.endpoint == Endpoint::kMain) return;
  if (context.endpoint == Endpoint::kOther) {
    // Approval is no certificate.
    json::Object& status = Child(object, "status");
    const std::string_view certificate = StringAt(*context.old, {"status", "certificate"});
    if (certificate.empty()) {
      status.erase("certificate");
    } else {
      status["certificate"] = certificate;
    }
  }
  SetTimes(*context.old, FormatTime(context.core.clock.Now()), object);
}

void ValidateSigningRequest(const WriteContext& context, const json::Value& object,
                            FieldErrors& errors) {
  if (context.old != nullptr) return;  // the spec cannot change
  const std::string_view request = StringAt(object, {"spec", "request"});
  const auto text = DecodeBase64(request, Base64Alphabet::kStandard, Base64Padding::kRequired);
  if (!text || text->find("-----BEGIN CERTIFICATE REQUEST-----") == std::string::npos) {
    errors.push_back(Invalid("spec.request", json::Value(request),
                             "PEM block type must be CERTIFICATE REQUEST"));
  }
  if (ArrayAt(object, {"spec", "usages"}).empty()) {
    errors.push_back(Required("spec.usages", "usages is required"));
  }
  const std::string_view signer = StringAt(object, {"spec", "signerName"});
  if (signer.empty()) {
    errors.push_back(Required("spec.signerName"));
  } else if (!IsSignerName(signer)) {
    errors.push_back(
        Invalid("spec.signerName", json::Value(signer),
                "must be a fully qualified domain and path of the form 'example.com/signer-name'"));
  }
  const json::Value* seconds = json::Find(object, {"spec", "expirationSeconds"});
  if (seconds != nullptr && seconds->is_int64() && seconds->get_int64() < kShortestSeconds) {
    errors.push_back(Invalid("spec.expirationSeconds", *seconds,
                             "may not specify a duration less than 600 seconds (10 minutes)"));
  }
}

namespace {

void NameRequester(const User& user, json::Object& spec) {
  spec["username"] = user.name;
  if (!user.uid.empty()) spec["uid"] = user.uid;
  if (!user.groups.empty()) spec["groups"] = json::Array(user.groups.begin(), user.groups.end());
  if (user.extra.empty()) return;
  json::Object& extra = Child(spec, "extra");
  for (const auto& [key, values] : user.extra)
    extra[key] = json::Array(values.begin(), values.end());
}

void SetTimes(const json::Value& old, std::string_view now, json::Object& object) {
  json::Array* conditions = FindArray(Child(object, "status"), "conditions");
  if (conditions == nullptr) return;
  for (json::Value& condition : *conditions) {
    if (!condition.is_object()) continue;
    std::string changed(now);
    for (const json::Value& before : ArrayAt(old, {"status", "conditions"})) {
      const auto equal = [&](std::string_view key) {
        return StringAt(before, {key}) == StringAt(condition, {key});
      };
      if (equal("type") && equal("status")) changed = StringAt(before, {"lastTransitionTime"});
    }
    SetDefault(condition.get_object(), "lastUpdateTime", json::Value(now));
    SetDefault(condition.get_object(), "lastTransitionTime",
               json::Value(changed.empty() ? now : std::string_view(changed)));
  }
}

bool IsSignerName(std::string_view name) {
  const std::size_t slash = name.find('/');
  return slash != std::string_view::npos && slash + 1 < name.size() &&
         CheckDns1123Subdomain(name.substr(0, slash)).empty() &&
         name.substr(0, slash).find('.') != std::string_view::npos;
}

}  // namespace
}  // namespace kro::apiserver
