#include "controller/immutable_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kro::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

kube::Status Refusal(std::vector<kube::StatusCause> causes, int code = 422) {
  kube::Status status{.code = code, .reason = "Invalid", .message = "x is invalid"};
  status.causes = std::move(causes);
  return status;
}

// As kube-apiserver 1.36 words them.
TEST(ImmutableFields, AreKnownByTheWordsOfEachKind) {
  const kube::StatusCause causes[] = {
      {"FieldValueForbidden", "Forbidden: field is immutable when `immutable` is set", "data"},
      {"FieldValueInvalid", R"(Invalid value: {"matchLabels":{"a":"b"}}: field is immutable)",
       "spec.selector"},
      {"FieldValueInvalid", R"(Invalid value: ["10.0.0.9"]: may not change once set)",
       "spec.clusterIPs[0]"},
      {"FieldValueForbidden",
       "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', "
       "'template', 'updateStrategy', 'revisionHistoryLimit', "
       "'persistentVolumeClaimRetentionPolicy' "
       "and 'minReadySeconds' are forbidden",
       "spec"},
      {"FieldValueForbidden",
       "Forbidden: spec is immutable after creation except resources.requests and "
       "volumeAttributesClassName for bound claims\n  core.PersistentVolumeClaimSpec{\n- \tMode: "
       "x,",
       "spec"},
      {"FieldValueInvalid", R"(Invalid value: "string": failed rule: self == oldSelf)",
       "spec.zone"},
      {"FieldValueInvalid", R"(Invalid value: "string": Zone is Immutable)", "spec.zone"},
      {"FieldValueInvalid", R"(Invalid value: {"kind":"Role"}: cannot change roleRef)", "roleRef"},
      {"FieldValueForbidden", "Forbidden: may not be changed in an update.", "value"},
  };
  for (const kube::StatusCause& cause : causes) {
    EXPECT_THAT(ImmutableFields(Refusal({cause})), Optional(ElementsAre(cause.field)))
        << cause.message;
  }
}

TEST(ImmutableFields, AreEachNamedOnce) {
  EXPECT_THAT(ImmutableFields(Refusal({{"", "field is immutable", "spec.template"},
                                       {"", "field is immutable", "spec.selector"},
                                       {"", "field is immutable", "spec.template"}})),
              Optional(ElementsAre("spec.template", "spec.selector")));
}

TEST(ImmutableFields, MayBeSaidOfWithoutAField) {
  kube::Status status = Refusal({});
  status.message = "admission webhook \"w\" denied the request: spec.size is immutable";
  EXPECT_THAT(ImmutableFields(status), Optional(IsEmpty()));
}

TEST(ImmutableFields, AreNoneWhereAnotherObjectWouldBeRefusedToo) {
  const kube::StatusCause immutable{"", "field is immutable", "spec.selector"};
  const kube::StatusCause wrong{"", "Invalid value: -1: must be greater than or equal to 0",
                                "spec.replicas"};
  EXPECT_EQ(ImmutableFields(Refusal({wrong})), std::nullopt);
  EXPECT_EQ(ImmutableFields(Refusal({immutable, wrong})), std::nullopt);
  EXPECT_EQ(ImmutableFields(Refusal({})), std::nullopt);
  EXPECT_EQ(ImmutableFields(Refusal({immutable}, 409)), std::nullopt);
  // What is refused is the value, whatever it says.
  EXPECT_EQ(ImmutableFields(Refusal(
                {{"", "Invalid value: \"immutable\": must be lower case", "metadata.name"}})),
            std::nullopt);
}

TEST(TellOfReplacement, NamesTheObjectAndItsFields) {
  EXPECT_EQ(
      TellOfReplacement("jobs.batch default/once", {"spec.template", "spec.selector"}),
      "; immutable fields of jobs.batch default/once (spec.template, spec.selector) would change, "
      "for which it would have to be deleted and made anew: kro does not delete it by itself");
}

}  // namespace
}  // namespace kro::controller
