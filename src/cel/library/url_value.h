// Url: an absolute URL or absolute path, read as Go's net/url reads it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace kro::cel {

class Url {
 public:
  // kInvalid with the original's texts. A fragment is dropped where a path or query precedes it.
  static Result<Url> Parse(std::string_view text);

  // Whether `text` is one; a fragment cannot be wrong here.
  static bool IsValid(std::string_view text);

  const std::string& scheme() const { return scheme_; }
  const std::string& host() const { return host_; }  // with port and brackets
  std::string Hostname() const;
  std::string Port() const;
  std::string EscapedPath() const;

  // Names and their values in order of first appearance; malformed pairs are left out.
  std::vector<std::pair<std::string, std::vector<std::string>>> Query() const;

  std::string ToString() const;

  friend bool operator==(const Url& a, const Url& b) { return a.ToString() == b.ToString(); }

 private:
  enum class Form { kRequest, kReference };
  static Result<Url> Read(std::string_view text, Form form);
  Result<void> ReadAuthority(std::string_view authority);
  Result<void> ReadHost(std::string_view host);

  std::string scheme_;
  std::string opaque_;
  std::optional<std::pair<std::string, std::optional<std::string>>> user_;  // name, password
  std::string host_;
  std::string path_;      // unescaped
  std::string raw_path_;  // as written, if escaping the path would write it differently
  std::string query_;
  std::string fragment_;
  bool omit_host_ = false;
  bool force_query_ = false;
};

}  // namespace kro::cel
