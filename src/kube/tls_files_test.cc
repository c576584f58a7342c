#include "kube/tls_files.h"

#include <gtest/gtest.h>

#include <map>

#include "http/certificates_test_util.h"

namespace kro::kube {
namespace {

using namespace std::chrono_literals;

class TlsFilesTest : public ::testing::Test {
 protected:
  TlsFilesTest() {
    environment_.read_file = [this](const std::string& path) -> Result<std::string> {
      auto file = files_.find(path);
      if (file == files_.end()) return Fail(ErrorCode::kNotFound, "no such file");
      return file->second;
    };
    config_.ca.file = "/ca";
    config_.certificate.file = "/cert";
    config_.key.file = "/key";
    Put("/ca", one_.pem);
    PutPair(pair_);
  }
  void Put(const std::string& path, std::string text) { files_[path] = std::move(text); }
  void PutPair(const http::Certificate& pair) {
    Put("/cert", pair.certificate_pem);
    Put("/key", pair.key_pem);
  }
  // A look after the time in which nothing is read again.
  TlsFiles::Change Look(TlsFiles& files) { return files.Look(now_ += TlsFiles::kReadAgain); }

  http::Authority one_;
  http::Authority two_;
  http::Certificate pair_ = one_.Issue("DNS:one");
  TlsConfig config_;
  Environment environment_;
  std::map<std::string, std::string> files_;
  MonotonicTime now_;
};

TEST_F(TlsFilesTest, TheFirstLookGivesAllTheNextOnesWhatIsNew) {
  TlsFiles files(config_, environment_);
  EXPECT_TRUE(files.any());
  TlsFiles::Change all = Look(files);
  EXPECT_EQ(all.roots, one_.pem);
  EXPECT_EQ(all.pair, (TlsFiles::Pair{pair_.certificate_pem, pair_.key_pem}));
  TlsFiles::Change nothing = Look(files);
  EXPECT_FALSE(nothing.roots || nothing.pair);

  Put("/ca", two_.pem);
  EXPECT_EQ(Look(files).roots, two_.pem);
  const http::Certificate next = one_.Issue("DNS:two");
  PutPair(next);
  TlsFiles::Change renewed = Look(files);
  EXPECT_FALSE(renewed.roots);
  EXPECT_EQ(renewed.pair, (TlsFiles::Pair{next.certificate_pem, next.key_pem}));
}

TEST_F(TlsFilesTest, AHalfWrittenPairIsPassedOver) {
  TlsFiles files(config_, environment_);
  Look(files);
  const http::Certificate next = one_.Issue("DNS:two");
  Put("/cert", next.certificate_pem.substr(0, 100));
  EXPECT_FALSE(Look(files).pair);
  Put("/cert", next.certificate_pem);  // the key is still the old one
  EXPECT_FALSE(Look(files).pair);
  files_.erase("/key");
  EXPECT_FALSE(Look(files).pair);
  Put("/key", next.key_pem);
  EXPECT_EQ(Look(files).pair, (TlsFiles::Pair{next.certificate_pem, next.key_pem}));
}

TEST_F(TlsFilesTest, GarbageInPlaceOfRootsIsPassedOver) {
  TlsFiles files(config_, environment_);
  Look(files);
  for (const char* garbage : {"", "garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n"}) {
    Put("/ca", garbage);
    EXPECT_FALSE(Look(files).roots) << garbage;
  }
  files_.erase("/ca");
  EXPECT_FALSE(Look(files).roots);
  Put("/ca", one_.pem + two_.pem);
  EXPECT_EQ(Look(files).roots, one_.pem + two_.pem);
}

TEST_F(TlsFilesTest, ReadsAtMostOnceASecond) {
  TlsFiles files(config_, environment_);
  Look(files);
  Put("/ca", two_.pem);
  EXPECT_FALSE(files.Look(now_ + 999ms).roots);
  EXPECT_TRUE(files.Look(now_ + 1s).roots);
}

TEST_F(TlsFilesTest, TextComesBeforeAFile) {
  config_.ca.data = one_.pem;
  config_.certificate.data = pair_.certificate_pem;
  TlsFiles files(config_, environment_);
  TlsFiles::Change all = Look(files);
  EXPECT_FALSE(all.roots);
  EXPECT_EQ(all.pair, (TlsFiles::Pair{pair_.certificate_pem, pair_.key_pem}));
  config_.key.data = pair_.key_pem;
  EXPECT_FALSE(TlsFiles(config_, environment_).any());
}

}  // namespace
}  // namespace kro::kube
