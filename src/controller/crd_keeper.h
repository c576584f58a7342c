// CrdKeeper: keeps the CRDs that definitions become as they should be (controllers spec section 1.6).
//
// Only a CRD that is ours is ever written: labelled as kro's and with the name of the definition, or
// known to be that one though somebody took the labels off, which is undone. A change that would break
// stored objects is refused unless the definition allows it. A change of its schema or columns by hand
// is undone; labels and annotations of others stay.
//
// Never waits: while the API server has not established a CRD, or is still removing one, the answer
// says so, and the event that ends the wait comes from the watch.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "api/condition.h"
#include "async/scope.h"
#include "async/task.h"
#include "base/log.h"
#include "controller/definition_stores.h"
#include "controller/kinds_loader.h"
#include "kube/client.h"

namespace kro::controller {

// For whom a CRD is kept.
struct CrdOwner {
  std::string name;
  std::string uid;
  bool allow_breaking_changes = false;
  // Since when its CRD was accepted without a break, as its status says.
  std::optional<api::Timestamp> kind_ready_since;
};

// Whose a CRD is.
enum class CrdHolder { kNobody, kOwner, kOther };

struct CrdState {
  bool established = false;
  std::string accepted_kind;
  std::string uid;      // another one: it was deleted and made again
  std::string waiting;  // what for, if not established
  bool young =
      false;  // this process saw it before it was established; maybe not all of the server serves it yet
};

class CrdKeeper {
 public:
  // How long a CRD may take to be established.
  static constexpr Duration kEstablishLimit = std::chrono::minutes(2);

  // All outlive the keeper.
  CrdKeeper(kube::Client& client, DefinitionStores& stores, KindsLoader& kinds, Logger logger)
      : client_(client), stores_(stores), kinds_(kinds), logger_(std::move(logger)) {}

  // Makes the CRD `desired`, with its labels on. No request if that is what the watch shows.
  async::Task<Result<CrdState>> Ensure(json::Value desired, CrdOwner owner,
                                       async::CancelToken cancel);

  // Whether there is a CRD of this name that was made for the object with this UID.
  bool IsMadeFor(const std::string& crd, std::string_view owner_uid) const;

  // Whose the CRD of this name is; nobody's if there is none. Gives the owner's its labels back.
  async::Task<Result<CrdHolder>> Reclaim(std::string crd, CrdOwner owner,
                                         async::CancelToken cancel);

  // Begins its deletion if it belongs to the definition and nobody did yet; no error if it is gone.
  async::Task<Result<void>> Delete(std::string crd, std::string owner, async::CancelToken cancel);

  void Forget(const std::string& crd) { settled_.erase(crd); }

 private:
  // What was found right.
  struct Settled {
    std::string desired_hash;
    std::string owner_uid;
    std::string uid;
    std::uint64_t rest_hash = 0;
    json::Value metadata;  // labels and generation
    std::optional<MonotonicTime> waiting_since;
    std::string young_uid;  // of the one that was seen before it was established
  };

  // Whether the CRD is the owner's and its spec is `desired`. A no may be wrong, if the server wrote the same
  // in other words.
  bool IsAsDesired(const kube::StoredObject& stored, const json::Value& desired,
                   const CrdOwner& owner) const;
  // Whether a CRD without the labels that would say so is the owner's all the same.
  bool IsStripped(const json::Value& live, const CrdOwner& owner) const;
  async::Task<Result<void>> Update(json::Value live, json::Value desired, CrdOwner owner,
                                   async::CancelToken cancel);
  // What the server answers to `patch`, a step of `Update`.
  async::Task<Result<json::Value>> Write(std::string name, json::Value patch,
                                         const json::Value& desired, const CrdOwner& owner,
                                         async::CancelToken cancel);
  // This one was found right, or is what the server makes of `desired`. What the store shows by then may be newer, and
  // damaged.
  void NoteSettled(const kube::StoredObject& crd, const json::Value& desired,
                   const CrdOwner& owner);
  Result<CrdState> StateOf(const std::string& name);

  kube::Client& client_;
  DefinitionStores& stores_;
  KindsLoader& kinds_;
  Logger logger_;
  std::map<std::string, Settled> settled_;  // by name of the CRD
};

}  // namespace kro::controller
