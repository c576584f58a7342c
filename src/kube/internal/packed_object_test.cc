#include "kube/internal/packed_object.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace kro::kube {
namespace {

json::Value Object(std::string_view text) {
  auto value = json::Parse(text);
  EXPECT_TRUE(value) << value.error().message();
  return std::move(*value);
}

TEST(PackedObject, UnpacksToWhatWasPacked) {
  const std::string_view members[] = {
      R"("data": {})",
      R"("data": null)",
      R"("data": [true, false, null, [], [[]], {}])",
      R"("data": [0, 1, -1, 63, 64, -64, -65, 127, 128, 9223372036854775807, -9223372036854775808])",
      R"("data": [9223372036854775808, 18446744073709551615])",
      R"("data": [0.5, -1e300, 1e-300])",
      R"("data": {"": "", "a": "b", "abc": "web", "key": "default", "long": "uid-1"})",
      // texts that are kept once
      R"("kind": "ConfigMap", "apiVersion": "v1", "status": {"conditions": [{"type": "Ready", "message": "ok"}]})",
  };
  for (const std::string_view member : members) {
    SCOPED_TRACE(member);
    const json::Value object = Object(fmt::format(
        R"({{"metadata": {{"name": "web", "namespace": "default", "uid": "uid-1", "resourceVersion": "17",
             "labels": {{"app": "web", "tier": "front"}}}}, {}}})",
        member));
    const ObjectPtr stored = Projection::Everything().Apply(object);
    StringPool pool;
    const PackedObject packed(*stored, pool);
    const ObjectPtr unpacked = packed.Unpack(pool);
    EXPECT_EQ(unpacked->value(), stored->value());
    EXPECT_EQ(json::Serialize(unpacked->value()), json::Serialize(stored->value()));
    EXPECT_EQ(unpacked->key(), stored->key());
    EXPECT_EQ(unpacked->uid(), "uid-1");
    EXPECT_EQ(unpacked->resource_version(), "17");
    EXPECT_EQ(packed.resource_version(), "17");
    packed.Release(pool);
    EXPECT_EQ(pool.size(), 0u);
  }
}

TEST(PackedObject, KeepsWhatIsNotInTheValue) {
  Projection projection;
  const ObjectPtr stored = projection.Apply(Object(
      R"({"metadata": {"name": "a", "deletionTimestamp": "2026-01-01T00:00:00Z"}, "spec": {"x": 1}})"));
  StringPool pool;
  const ObjectPtr unpacked = PackedObject(*stored, pool).Unpack(pool);
  EXPECT_TRUE(unpacked->IsDeleting());
  EXPECT_EQ(unpacked->rest_hash(), stored->rest_hash());
  EXPECT_EQ(unpacked->key(), (ObjectKey{"", "a"}));
}

TEST(StringPool, KeepsATextAsLongAsItIsUsed) {
  StringPool pool;
  const auto first = pool.Use("label");
  EXPECT_EQ(pool.Use("label"), first);
  const auto other = pool.Use("other");
  EXPECT_EQ(pool.size(), 2u);
  pool.Release(first);
  EXPECT_EQ(pool.Text(first), "label");
  pool.Release(first);
  EXPECT_EQ(pool.size(), 1u);
  // Its place is taken by the next.
  EXPECT_EQ(pool.Use("third"), first);
  EXPECT_EQ(pool.Text(other), "other");
}

}  // namespace
}  // namespace kro::kube
