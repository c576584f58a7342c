#include "apiserver/controllers/ingress_controller.h"

#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

const api::Gvr kIngresses{"networking.k8s.io", "v1", "ingresses"};
// Services of type LoadBalancer have 172.18.0.1 and up.
constexpr std::string_view kAddress = "172.18.255.1";

}  // namespace

void IngressController::Observe(const Collection& collection, const Change& change,
                                const Enqueue& enqueue) {
  if (collection.group() != kIngresses.group || collection.resource() != kIngresses.resource)
    return;
  if (change.type != ChangeType::kDeleted) enqueue(KeyOf(*change.object));
}

std::optional<Duration> IngressController::Reconcile(const std::string& key) {
  auto [name_space, name] = SplitKey(key);
  auto ingress = client_.Get(kIngresses, name_space, name);
  if (!ingress || !StringAt(*ingress, {"metadata", "deletionTimestamp"}).empty() ||
      !ArrayAt(*ingress, {"status", "loadBalancer", "ingress"}).empty()) {
    return std::nullopt;
  }
  json::Object address;
  address["ip"] = kAddress;
  Child(ingress->as_object(), {"status", "loadBalancer"})["ingress"] =
      json::Array{std::move(address)};
  static_cast<void>(client_.Update(kIngresses, *ingress, "status"));
  return std::nullopt;
}

}  // namespace kro::apiserver
