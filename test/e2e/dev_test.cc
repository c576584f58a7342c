// `kro dev` as its user has it: a process, files, a terminal's text, a kill.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "e2e/cluster_user.h"
#include "e2e/kro_process.h"

namespace kro::e2e {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using testing::HasSubstr;

constexpr std::string_view kNote =
    "apiVersion: kro.run/v1alpha1\nkind: Note\nmetadata:\n  name: mine\nspec:\n  text: one\n";
constexpr std::string_view kDefinition = R"(apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata:
  name: note
spec:
  schema:
    apiVersion: v1alpha1
    kind: Note
    spec:
      text: string
  resources:
  - id: map
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata:
        name: ${schema.metadata.name}
      data:
        text: ${schema.spec.text}
)";

class DevTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() /
              fmt::format("kro-dev-test-{}-{}", ::getpid(),
                          testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "files");
    kubeconfig_ = folder_ / "kubeconfig";
  }
  void TearDown() override {
    process_.reset();
    if (HasFailure()) fmt::print(stderr, "{}\n", Said());
    fs::remove_all(folder_);
  }

  void Start(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"dev", "--kubeconfig", kubeconfig_});
    process_ = std::make_unique<KroProcess>(std::move(arguments), folder_ / "log");
  }
  void StartAndWait(std::vector<std::string> arguments) {
    fs::remove(kubeconfig_);
    Start(std::move(arguments));
    ASSERT_TRUE(Until([&] { return fs::exists(kubeconfig_); }));
  }
  void Save(const std::string& name, std::string_view text) {
    // As editors do: a new file takes the old one's name.
    std::ofstream(folder_ / "new") << text;
    fs::rename(folder_ / "new", folder_ / "files" / name);
  }
  std::string Said() const {
    std::ifstream stream(folder_ / "log", std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  template <typename Holds>
  static bool Until(Holds holds) {
    const auto begun = std::chrono::steady_clock::now();
    while (!holds()) {
      if (std::chrono::steady_clock::now() - begun > std::chrono::seconds(60)) return false;
      std::this_thread::sleep_for(milliseconds(2));  // another process decides when
    }
    return true;
  }
  void ExpectSaid(std::string_view text) {
    EXPECT_TRUE(Until([&] { return Said().find(text) != std::string::npos; })) << text;
  }
  static std::string Replaced(std::string_view text, std::string_view what, std::string_view with) {
    std::string replaced(text);
    replaced.replace(replaced.find(what), what.size(), with);
    return replaced;
  }

  fs::path folder_;
  std::string kubeconfig_;
  std::unique_ptr<KroProcess> process_;
};

TEST_F(DevTest, AppliesWhatIsSavedAndShowsMistakesWhereTheyStand) {
  Save("rgd.yaml", kDefinition);
  Save("note.yaml", kNote);
  StartAndWait({folder_ / "files"});
  ExpectSaid("note is Active: kro.run/v1alpha1 Note");
  ExpectSaid("Note default/mine  ACTIVE");
  Save("note.yaml", Replaced(kNote, "one", "two"));
  ExpectSaid("note.yaml: Note mine changed: spec.text one -> two");
  ClusterUser user(kubeconfig_);
  user.WaitFor("v1 ConfigMap default/mine", {"data", "text"}, "two");

  Save("rgd.yaml", Replaced(kDefinition, "schema.spec.text", "schema.spec.txt"));
  ExpectSaid("rgd.yaml:19:");
  ExpectSaid("${schema.spec.txt}");
  Save("note.yaml", "apiVersion: [");
  ExpectSaid("flow sequence without a closing bracket");
  Save("rgd.yaml", kDefinition);
  Save("note.yaml", Replaced(kNote, "one", "three"));
  user.WaitFor("v1 ConfigMap default/mine", {"data", "text"}, "three");

  EXPECT_EQ(process_->Stop(), 0);
  EXPECT_THAT(Said(), HasSubstr("export KUBECONFIG="));
}

TEST_F(DevTest, TakesItsTemporaryKubeconfigAway) {
  process_ = std::make_unique<KroProcess>(std::vector<std::string>{"dev"}, folder_ / "log");
  ExpectSaid("export KUBECONFIG=");
  const std::string said = Said();
  const std::size_t begin = said.find("KUBECONFIG=") + 11;
  const std::string file = said.substr(begin, said.find('\n', begin) - begin);
  EXPECT_TRUE(fs::exists(file)) << file;
  EXPECT_EQ(process_->Stop(), 0);
  EXPECT_FALSE(fs::exists(file)) << file;
}

TEST_F(DevTest, EndsWhenEverythingIsReady) {
  Save("rgd.yaml", kDefinition);
  Save("note.yaml", kNote);
  Start({folder_ / "files", "--exit-when-ready"});
  EXPECT_EQ(process_->Wait(), 0);
  EXPECT_THAT(Said(), HasSubstr("everything is ready"));
}

TEST_F(DevTest, BringsTheExamplesUpFromTheirFolders) {
  const fs::path examples = fs::path(KRO_SOURCE_DIR) / "examples";
  Start({examples / "webapp", examples / "webapp-with-db", "--exit-when-ready"});
  EXPECT_EQ(process_->Wait(), 0);
  EXPECT_THAT(Said(), HasSubstr("WebAppWithDB default/orders created"));
  EXPECT_THAT(Said(), HasSubstr("everything is ready"));
}

TEST_F(DevTest, EndsWithAFailureWhenSomethingIsWrong) {
  Save("rgd.yaml", Replaced(kDefinition, "schema.spec.text", "schema.spec.txt"));
  Start({folder_ / "files", "--exit-when-ready"});
  EXPECT_EQ(process_->Wait(), 1);
  EXPECT_THAT(Said(), HasSubstr("this will not become ready:"));
}

TEST_F(DevTest, EndsWithAFailureWhenSomethingTakesTooLong) {
  Save("note.yaml", kNote);
  Start({folder_ / "files", "--exit-when-ready", "--timeout", "1ms"});
  EXPECT_EQ(process_->Wait(), 5);
  EXPECT_THAT(Said(), HasSubstr("Note mine: nothing serves its kind"));
}

// What a client was told was written is there after a SIGKILL, whenever that comes, and versions go on.
TEST_F(DevTest, AKillLosesNothingThatWasAcknowledged) {
  const std::vector<std::string> arguments{"--data-dir", folder_ / "data"};
  std::vector<std::string> acknowledged;
  std::uint64_t highest = 0;
  for (int round = 0; round < 4; ++round) {
    StartAndWait(arguments);
    if (HasFatalFailure()) return;
    {
      ClusterUser user(kubeconfig_);
      for (const std::string& name : acknowledged) {
        EXPECT_TRUE(user.Get("v1 ConfigMap default/" + name)) << name << " in round " << round;
      }
      std::atomic<int> written{0};
      // The victim of each round dies at another moment.
      std::thread killer([&] {
        while (written < 40 * (round + 1)) std::this_thread::yield();
        process_->Kill();
      });
      for (int i = 0;; ++i) {
        const std::string name = fmt::format("map-{}-{}", round, i);
        json::Value object =
            json::Object{{"apiVersion", "v1"},
                         {"kind", "ConfigMap"},
                         {"metadata", json::Object{{"name", name}, {"namespace", "default"}}},
                         {"data", json::Object{{"round", fmt::format("{}", round)}}}};
        // Ends on its own soon after the kill: nobody answers.
        auto reply = user.Await(
            user.client().Create({"", "v1", "configmaps"}, "default", std::move(object), {}, {}));
        if (!reply) break;
        const std::string version(json::FindString(*reply, {"metadata", "resourceVersion"}));
        const std::uint64_t revision = std::stoull(version);
        EXPECT_GT(revision, highest);
        highest = revision;
        acknowledged.push_back(name);
        ++written;
      }
      killer.join();
    }
  }
  EXPECT_GE(acknowledged.size(), 400u);
  StartAndWait(arguments);
  ClusterUser user(kubeconfig_);
  const auto found = user.List("v1 ConfigMap");
  for (const std::string& name : acknowledged) {
    EXPECT_TRUE(std::ranges::any_of(found, [&](const json::Value& object) {
      return json::FindString(object, {"metadata", "name"}) == name;
    })) << name;
  }
}

// Definitions and instances survive as well, and the operator writes nothing to those that are ready.
TEST_F(DevTest, AnotherRunGoesOnWithTheSameInstances) {
  Save("rgd.yaml", kDefinition);
  Save("note.yaml", kNote);
  const std::vector<std::string> arguments{folder_ / "files", "--data-dir", folder_ / "data"};
  StartAndWait(arguments);
  ExpectSaid("Note default/mine  ACTIVE");
  std::string version;
  {
    ClusterUser user(kubeconfig_);
    user.WaitFor("kro.run/v1alpha1 Note default/mine", {"status", "state"}, "ACTIVE");
    version =
        json::FindString(*user.Get("v1 ConfigMap default/mine"), {"metadata", "resourceVersion"});
  }
  process_->Kill();
  StartAndWait(arguments);
  ClusterUser user(kubeconfig_);
  Save("note.yaml", std::string(kNote) + "---\n" + Replaced(kNote, "name: mine", "name: second"));
  user.WaitFor("kro.run/v1alpha1 Note default/second", {"status", "state"}, "ACTIVE");
  EXPECT_EQ(
      json::FindString(*user.Get("v1 ConfigMap default/mine"), {"metadata", "resourceVersion"}),
      version);
}

TEST_F(DevTest, OverTlsTheKubeconfigHoldsAClientsCertificate) {
  const std::vector<std::string> arguments{"--tls", "--data-dir", folder_ / "data"};
  StartAndWait(arguments);
  ExpectSaid("A Kubernetes API at https://127.0.0.1:");
  {
    ClusterUser user(kubeconfig_);
    EXPECT_TRUE(user.Get("v1 Namespace default"));
  }
  EXPECT_EQ(process_->Stop(), 0);
  // The authority stays with the data.
  StartAndWait(arguments);
  ClusterUser user(kubeconfig_);
  EXPECT_TRUE(user.Get("v1 Namespace default"));
}

TEST_F(DevTest, PruneKnowsWhatAnEarlierRunApplied) {
  Save("rgd.yaml", kDefinition);
  Save("note.yaml", kNote);
  const std::vector<std::string> arguments{folder_ / "files", "--data-dir", folder_ / "data",
                                           "--prune"};
  StartAndWait(arguments);
  ExpectSaid("Note default/mine  ACTIVE");
  EXPECT_EQ(process_->Stop(), 0);
  fs::remove(folder_ / "files" / "note.yaml");
  StartAndWait(arguments);
  ExpectSaid("an earlier run: Note default/mine deleted");
  ClusterUser user(kubeconfig_);
  user.WaitUntilGone("v1 ConfigMap default/mine");
}

TEST_F(DevTest, ADataFolderIsUsedByOneProcess) {
  StartAndWait({"--data-dir", folder_ / "data"});
  KroProcess second({"dev", "--data-dir", folder_ / "data"}, folder_ / "log2");
  EXPECT_EQ(second.Wait(), 3);
  EXPECT_THAT(second.Log(), HasSubstr("another process uses this folder"));
}

TEST_F(DevTest, APortThatIsTakenIsNamed) {
  StartAndWait({});
  ExpectSaid("Ctrl-C ends this");
  const std::string said = Said();
  const std::size_t begin = said.find("127.0.0.1:") + 10;
  const std::string port = said.substr(begin, said.find(',', begin) - begin);
  KroProcess second({"dev", "--port", port}, folder_ / "log2");
  EXPECT_EQ(second.Wait(), 3);
  EXPECT_THAT(second.Log(), HasSubstr("port " + port));
}

}  // namespace
}  // namespace kro::e2e
