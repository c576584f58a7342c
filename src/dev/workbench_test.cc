// Files, a server, and the operator beside them, in virtual time.
#include "dev/workbench.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "apiserver/local_transport.h"
#include "async/simulated_executor.h"
#include "operator/operator.h"

namespace kro::dev {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

constexpr std::string_view kDefinition = R"(apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata:
  name: note
spec:
  schema:
    apiVersion: v1alpha1
    kind: Note
    spec:
      text: string | default="hello"
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
constexpr std::string_view kOverNotes = R"(apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata:
  name: pair
spec:
  schema:
    apiVersion: v1alpha1
    kind: Pair
  resources:
  - id: note
    template:
      apiVersion: kro.run/v1alpha1
      kind: Note
      metadata:
        name: ${schema.metadata.name}
)";
constexpr std::string_view kNote =
    "apiVersion: kro.run/v1alpha1\nkind: Note\nmetadata:\n  name: mine\nspec:\n  text: one\n";

class NullSink final : public LogSink {
 public:
  void Write(LogLevel, std::string_view) override {}
};

class WorkbenchTest : public testing::Test {
 protected:
  WorkbenchTest()
      : folder_(fs::temp_directory_path() /
                fmt::format("kro-bench-{}-{}", ::getpid(),
                            testing::UnitTest::GetInstance()->current_test_info()->name())),
        server_(sim_.clock(), apiserver::IdSource(1), {}),
        transport_(server_, sim_),
        client_(transport_, sim_, Logger(sink_), {}),
        console_([this](std::string_view text) { out_ += text; }, sim_.clock(),
                 Console::Tree::kLines, [] { return 80; }),
        operator_({sim_, transport_, transport_, Logger(sink_), [] { return 0.5; }}, Options()),
        scope_(sim_) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~WorkbenchTest() override {
    scope_.Cancel();
    sim_.Run(scope_.Join(), 10min);
    fs::remove_all(folder_);
  }

  static operator_::OperatorOptions Options() {
    operator_::OperatorOptions options;
    options.settings.version = "test";
    options.settings.allow_crd_deletion = true;
    return options;
  }
  static async::Task<void> RunOperator(operator_::Operator& op, async::CancelToken stop) {
    auto ended = co_await op.Run(stop);
    if (!ended && !stop.cancelled()) ADD_FAILURE() << ended.error().message();
  }

  void Save(const std::string& name, std::string_view text) {
    std::ofstream(folder_ / name, std::ios::trunc) << text;
  }
  void Start(Prune prune = Prune::kNo) {
    bench_.emplace(
        Workbench::Dependencies{sim_, server_, client_, console_, Logger(sink_)},
        WorkbenchOptions{.paths = {folder_}, .prune = prune, .settings = Options().settings});
    server_.AddListener(*bench_);
    scope_.Spawn(RunOperator(operator_, scope_.token()));
    scope_.Spawn(bench_->Run(scope_.token()));
    Settle();
  }
  void Settle() { ASSERT_TRUE(sim_.Advance(5s)); }
  // What is said after a file was saved.
  std::string After(const std::string& name, std::string_view text) {
    out_.clear();
    Save(name, text);
    bench_->FilesChanged();
    Settle();
    return out_;
  }
  static std::string Replaced(std::string_view text, std::string_view what, std::string_view with) {
    std::string replaced(text);
    replaced.replace(replaced.find(what), what.size(), with);
    return replaced;
  }

  fs::path folder_;
  async::SimulatedExecutor sim_{1};
  NullSink sink_;
  apiserver::Server server_;
  apiserver::LocalTransport transport_;
  kube::Client client_;
  std::string out_;
  Console console_;
  operator_::Operator operator_;
  std::optional<Workbench> bench_;
  async::Scope scope_;
};

TEST_F(WorkbenchTest, AppliesAFolderWhateverTheOrderAndShowsWhatBecomesOfIt) {
  Save("a-note.yaml", kNote);  // before its definition
  Save("b-definition.yaml", kDefinition);
  Start();
  EXPECT_THAT(out_, Not(HasSubstr("Note mine waits"))) << "its definition is there";
  EXPECT_THAT(out_, HasSubstr("note is Active: kro.run/v1alpha1 Note"));
  EXPECT_THAT(out_, HasSubstr("Note mine created"));
  EXPECT_THAT(out_, HasSubstr("Note default/mine  ACTIVE"));
  EXPECT_THAT(out_, HasSubstr("ConfigMap mine"));
}

TEST_F(WorkbenchTest, SaysWhatWaitsForAKindThatNobodyDefines) {
  Save("n.yaml", kNote);
  Start();
  EXPECT_THAT(out_, HasSubstr("Note mine waits: nothing serves kro.run/v1alpha1"));
  EXPECT_THAT(After("d.yaml", kDefinition), HasSubstr("Note mine created"));
}

TEST_F(WorkbenchTest, SaysWhichDefinitionsKindAnotherOneWaitsFor) {
  Save("a.yaml", kOverNotes);
  Save("b.yaml", Replaced(kDefinition, "schema.spec.text", "schema.spec.txt"));  // no kind yet
  Start();
  EXPECT_THAT(out_, HasSubstr("a.yaml: pair waits for kro.run/v1alpha1 Note\n"));
  EXPECT_THAT(out_, Not(HasSubstr("KRO601")));
  EXPECT_THAT(After("b.yaml", kDefinition), HasSubstr("pair is Active: kro.run/v1alpha1 Pair"));
}

TEST_F(WorkbenchTest, AKindThatNobodyDefinesIsAMistake) {
  Save("a.yaml", kOverNotes);
  Start();
  EXPECT_THAT(out_, HasSubstr("KRO601"));
  EXPECT_THAT(out_, Not(HasSubstr("pair waits for")));
}

TEST_F(WorkbenchTest, AppliesWhatIsSavedAndShowsTheDifference) {
  Save("d.yaml", kDefinition);
  Save("n.yaml", kNote);
  Start();
  EXPECT_THAT(After("n.yaml", Replaced(kNote, "one", "two")),
              HasSubstr("n.yaml: Note mine changed: spec.text one -> two\n"));
  EXPECT_EQ(After("n.yaml", Replaced(kNote, "one", "two") + "# a comment\n"), "");
}

TEST_F(WorkbenchTest, ShowsMistakesInADefinitionWhereTheyStand) {
  Save("d.yaml", kDefinition);
  Start();
  const std::string said =
      After("d.yaml", Replaced(kDefinition, "schema.spec.text", "schema.spec.txt"));
  EXPECT_THAT(said, HasSubstr("d.yaml:19:28"));
  EXPECT_THAT(said, HasSubstr("${schema.spec.txt}\n"));
  EXPECT_THAT(said, HasSubstr("^"));
  EXPECT_THAT(After("d.yaml", kDefinition), HasSubstr("note is Active"));
}

TEST_F(WorkbenchTest, ShowsAFileThatDoesNotParseAndKeepsWhatItHad) {
  Save("d.yaml", kDefinition);
  Start(Prune::kYes);
  EXPECT_THAT(After("d.yaml", "apiVersion: [\n"), HasSubstr("d.yaml:"));
  EXPECT_THAT(out_, Not(HasSubstr("deleted")));
  EXPECT_THAT(After("d.yaml", kDefinition), HasSubstr("can be read again"));
}

TEST_F(WorkbenchTest, ShowsARefusalAtTheField) {
  Save("d.yaml", Replaced(kDefinition, "default=\"hello\"", "maxLength=5"));
  Save("n.yaml", kNote);
  Start();
  const std::string said = After("n.yaml", Replaced(kNote, "one", "much too long"));
  EXPECT_THAT(said, HasSubstr("n.yaml:6:9: spec.text: "));
  EXPECT_THAT(said, HasSubstr("may not be more than 5"));
  EXPECT_THAT(After("n.yaml", Replaced(kNote, "text: one", "txt: one")), HasSubstr("n.yaml:6:"));
}

TEST_F(WorkbenchTest, DeletesWhatVanishedOnlyWhenAsked) {
  Save("d.yaml", kDefinition);
  Save("n.yaml", kNote);
  Start();
  EXPECT_THAT(After("n.yaml", ""), HasSubstr("Note mine is in no file any more; it stays"));
}

TEST_F(WorkbenchTest, PrunesInstancesAndDefinitions) {
  Save("d.yaml", kDefinition);
  Save("n.yaml", kNote);
  Start(Prune::kYes);
  EXPECT_THAT(After("n.yaml", ""), HasSubstr("n.yaml: Note mine deleted"));
  EXPECT_THAT(out_, HasSubstr("Note default/mine  gone"));
  EXPECT_THAT(After("d.yaml", ""), HasSubstr("note is gone"));
}

TEST_F(WorkbenchTest, PrunesWhatAnEarlierRunApplied) {
  Save("d.yaml", kDefinition);
  Save("n.yaml", std::string(kNote) + "---\n" + Replaced(kNote, "mine", "other"));
  Start();
  ASSERT_THAT(out_, HasSubstr("Note other created"));
  // Another run begins; meanwhile files changed, and one is broken.
  out_.clear();
  Save("n.yaml", kNote);
  Save("broken.yaml", "apiVersion: [\n");
  Workbench second({sim_, server_, client_, console_, Logger(sink_)},
                   {.paths = {folder_}, .prune = Prune::kYes, .settings = Options().settings});
  async::Scope running(sim_);
  running.Spawn(second.Run(running.token()));
  Settle();
  EXPECT_THAT(out_, Not(HasSubstr("deleted"))) << "the broken file may hold it";
  fs::remove(folder_ / "broken.yaml");
  second.FilesChanged();
  Settle();
  EXPECT_THAT(out_, HasSubstr("an earlier run: Note default/other deleted"));
  EXPECT_THAT(out_, Not(HasSubstr("mine deleted")));
  running.Cancel();
  sim_.Run(running.Join(), 1min);
}

TEST_F(WorkbenchTest, AFolderThatIsGoneKeepsWhatItHeld) {
  Save("d.yaml", kDefinition);
  Save("n.yaml", kNote);
  Start(Prune::kYes);
  out_.clear();
  fs::rename(folder_, folder_.string() + "-away");
  bench_->FilesChanged();
  Settle();
  EXPECT_THAT(out_, HasSubstr("No such file or directory"));
  EXPECT_THAT(out_, Not(HasSubstr("deleted")));
  fs::rename(folder_.string() + "-away", folder_);
  EXPECT_THAT(After("n.yaml", Replaced(kNote, "one", "two")), HasSubstr("spec.text one -> two"));
}

TEST_F(WorkbenchTest, RulesAreInForceAsSoonAsTheyAreSaved) {
  constexpr std::string_view kRules = R"(apiVersion: dev.kro.run/v1alpha1
kind: Rules
rules:
- for: {apiVersion: v1, kind: ConfigMap}
  if: object.metadata.name == "mine"
  patch: {data: {played: "yes"}}
)";
  Save("d.yaml", kDefinition);
  Save("n.yaml", kNote);
  Start();
  EXPECT_THAT(After("rules.yaml", kRules), HasSubstr("1 rule in force"));
  auto map = sim_.Run(client_.Get({"", "v1", "configmaps"}, {"default", "mine"}, {}, {}));
  EXPECT_EQ(json::FindString(**map, {"data", "played"}), "yes");
  const std::string said = After("rules.yaml", Replaced(kRules, "object.", "objct."));
  EXPECT_THAT(said, HasSubstr("rules.yaml:5:7"));
  EXPECT_THAT(said, HasSubstr("the rules before these still hold"));
}

TEST_F(WorkbenchTest, KnowsWhenEverythingIsReadyAndWhatIsNot) {
  Save("d.yaml", kDefinition);
  Save("n.yaml", kNote);
  Start();
  bench_->OnStanding([] {});
  bench_->FilesChanged();
  Settle();
  EXPECT_TRUE(bench_->standing().ready());
  After("d.yaml", Replaced(kDefinition, "schema.spec.text", "schema.spec.txt"));
  EXPECT_TRUE(bench_->standing().settled);
  EXPECT_THAT(bench_->standing().left,
              testing::Contains(HasSubstr("ResourceGraphDefinition note")));
}

}  // namespace
}  // namespace kro::dev
