// A cluster with kro in it, for the tests of one program.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "e2e/audit_log.h"
#include "e2e/cluster_user.h"
#include "e2e/kro_process.h"
#include "e2e/test_cluster.h"

namespace kro::e2e {

// One cluster for all tests of a suite: the CRDs of config/crd are there and the controller runs. Each test uses
// names of its own.
class OperatorTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();
  void SetUp() override;

  // `object` as ClusterUser names it, with these words as its status.
  static Duration WaitUntilActive(std::string_view object,
                                  Duration limit = std::chrono::seconds(60));

  // What the controller wrote since the last call, once it has written nothing for a while.
  static std::vector<AuditedRequest> Writes();
  // The same in words.
  static std::vector<std::string> WritesInWords();

  // A new controller in place of one that was killed or stopped.
  static void StartController();

  static std::unique_ptr<TestCluster> cluster_;
  static std::unique_ptr<ClusterUser> user_;
  static std::unique_ptr<AuditLog> audit_;
  static std::unique_ptr<ControllerProcess> controller_;
  static std::string log_;  // the controller's
};

// The message of a condition; empty if there is none.
std::string ConditionMessage(const json::Value& object, std::string_view type);
// "True", "False", "Unknown", or nothing.
std::string ConditionStatus(const json::Value& object, std::string_view type);

}  // namespace kro::e2e
