// Workbench: keeps a server in line with files. What is saved is applied, with its difference or with its
// errors at their place; what becomes of definitions and instances is told as it happens.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/gvk.h"
#include "api/rgd.h"
#include "apiserver/server.h"
#include "async/event.h"
#include "async/scope.h"
#include "controller/settings.h"
#include "dev/console.h"
#include "dev/instance_tree.h"
#include "dev/manifests.h"
#include "kube/client.h"

namespace kro::dev {

enum class Prune { kNo, kYes };

struct WorkbenchOptions {
  std::vector<std::string> paths;       // files and folders
  std::vector<std::string> rule_files;  // beside those among the paths
  Prune prune = Prune::kNo;
  controller::Settings settings;  // of the operator: definitions are compiled as it does
};

// Used from the executor's loop only.
class Workbench final : public apiserver::ChangeListener {
 public:
  // All outlive the workbench. `client` leads to `server`.
  struct Dependencies {
    async::Executor& executor;
    apiserver::Server& server;
    kube::Client& client;
    Console& console;
    Logger logger;
  };
  Workbench(Dependencies dependencies, WorkbenchOptions options);

  // Works until `cancel` fires. Once.
  async::Task<void> Run(async::CancelToken cancel);

  // The files are to be read again.
  void FilesChanged();

  // What is to be said of everything in the files.
  struct Standing {
    bool settled = false;           // nothing of it changes any more by itself
    std::vector<std::string> left;  // what is not ready, and why
    bool ready() const { return settled && left.empty(); }
  };
  const Standing& standing() const { return standing_; }
  // Called whenever the standing may have changed.
  void OnStanding(std::function<void()> changed) { on_standing_ = std::move(changed); }

  void OnChange(const apiserver::ObjectChange& change) override;
  Result<void> OnSettled() override;

 private:
  struct Applied {
    Manifest manifest;
    std::optional<apiserver::ServedKind> kind;  // nothing: it waits for its kind
    bool failed = false;
  };
  // A definition as the server knows it.
  struct DefinitionKey {
    std::string resource;
    std::string name_space;
    std::string name;
    friend auto operator<=>(const DefinitionKey&, const DefinitionKey&) = default;
  };

  async::Task<void> Reload(async::CancelToken cancel);
  void ReloadRules(const ManifestSet& set);
  async::Task<void> Apply(Manifest manifest, async::CancelToken cancel);
  async::Task<void> ApplyWaiting(async::CancelToken cancel);
  async::Task<void> DropVanished(const ManifestSet& set, async::CancelToken cancel);
  // What an earlier run applied and no file holds now.
  std::vector<Applied> TakeForgotten(const ManifestSet& set);
  async::Task<void> TellOfDefinitions(async::CancelToken cancel);
  async::Task<void> TellOf(DefinitionKey key, async::CancelToken cancel);
  struct Diagnosis {
    std::string text;    // what is wrong, at its place in the file; empty if it compiles
    bool waits = false;  // only for kinds that other definitions in the files make
  };
  async::Task<Diagnosis> Diagnose(const Manifest& manifest, json::Value object, DefinitionKey key,
                                  async::CancelToken cancel);
  async::Task<Standing> Judge(async::CancelToken cancel);
  // Of a definition: the kinds that are not served, if all of them will be by what is in the files.
  std::vector<std::string> AwaitedKinds(const api::RgdSpec& spec) const;
  void ShowTree();
  void Refuse(const Manifest& manifest, const kube::ApiError& error);
  const Applied* FindApplied(const DefinitionKey& key) const;

  Dependencies d_;
  const WorkbenchOptions options_;
  async::Event wake_;
  bool files_changed_ = true;
  bool kinds_changed_ = false;
  bool tree_changed_ = false;
  bool touched_ = false;  // something changed since the standing was judged
  InstanceTree tree_;
  std::set<DefinitionKey> definitions_changed_;
  std::map<DefinitionKey, std::string> verdicts_;
  std::set<DefinitionKey> waiting_;  // definitions that lack nothing but a kind of another one
  std::map<ObjectId, Applied> applied_;
  // With kYes: what an earlier run applied, until all files could be read.
  std::vector<Applied> earlier_;
  std::set<api::GroupKind> defined_;           // by what is in the files
  std::map<std::string, std::string> faults_;  // by file: what was said last
  std::uint64_t rules_hash_ = 0;               // 0: there are none
  std::string rules_fault_;
  Standing standing_;
  std::function<void()> on_standing_;
};

}  // namespace kro::dev
