// The pods behind a service, and its ports in them.
#pragma once

#include <vector>

#include "apiserver/controllers/controller.h"
#include "json/value.h"

namespace kro::apiserver {

inline const api::Gvr kServices{"", "v1", "services"};

// Names the services that a change concerns: itself, or those that select a pod.
void ObserveServices(const ControllerClient& client, const Collection& collection,
                     const Change& change, const Controller::Enqueue& enqueue);

// Whether its endpoints are found by a selector.
bool SelectsPods(const json::Value& service);

// The pods that a service selects which have an address and have not ended, by name. Some may be going.
std::vector<json::Value> PodsBehind(const ControllerClient& client, const json::Value& service);

// The ports of a service in a pod, as an EndpointSlice has them. A target that is named is looked up in the containers;
// without those that the pod has none of that name for.
json::Array PortsIn(const json::Value& pod, const json::Value& service);

// The labels of a service for its endpoints, with the one that says that it is headless.
json::Object EndpointLabels(const json::Value& service);

json::Object ReferenceToPod(const json::Value& pod);
// The host name by which a pod is found below a service; empty if by none.
std::string_view HostnameBelow(const json::Value& service, const json::Value& pod);

}  // namespace kro::apiserver
