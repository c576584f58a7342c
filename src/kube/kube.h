// The Kubernetes client: where to start.
//
//   auto config = LoadConfig({}, Environment::OfProcess());       // kubeconfig.h
//   auto connection = Connection::Create(executor, *config, …);   // connection.h
//   Client client((*connection)->transport(), executor, logger, {});
//   RestMapper mapper(client);                                    // kind -> collection
//   Informer webs(client, mapping.gvr, {}, projection, random);   // list and watch into a store
//   webs.AddHandler({.on_add = …});                               // handlers put keys into …
//   Workqueue queue(executor, {});                                // … a queue, fair among types
//
// Everything takes its executor and transport as arguments, so a test gives a fake server and
// simulated time. Failures are Reply<T>: an Error that still knows the server's Status (api_error.h).
#pragma once

namespace kro::kube {

class ApiError;
class Client;
class ConcurrencyLimiter;
class Connection;
class Discovery;
class Informer;
class LabelSelector;
class OpenApi;
class Projection;
class Reflector;
class RestMapper;
class Store;
class StoredObject;
class Workqueue;
struct ClientConfig;
struct ObjectKey;
struct RestMapping;

}  // namespace kro::kube
