#include "apiserver/internal/authentication.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "apiserver/internal/query.h"
#include "apiserver/kinds/values.h"
#include "base/base64.h"
#include "base/go_quote.h"
#include "base/hash.h"

namespace kro::apiserver {
namespace {

constexpr std::string_view kServiceAccount = "system:serviceaccount:";

struct Account {
  std::string_view name_space;
  std::string_view name;
};

// `[]string{"a", "b"}`
std::string GoStrings(const std::vector<std::string>& texts);
std::string_view BearerToken(const http::Request& request);
// The namespace and name in the user name of a service account; nothing for other users.
std::optional<Account> AccountOf(std::string_view user);
// HMAC with SHA-256 (RFC 2104).
std::string Sign(std::string_view key, std::string_view text);
std::int64_t UnixTime(const Core& core);
bool StartsWithoutCase(std::string_view text, std::string_view lower);
// Groups that follow from the name where the headers give none.
void CompleteGroups(User& user);

}  // namespace

Answer<User> Authenticate(const http::Request& request, const User* certified, Core& core) {
  const std::string_view token = BearerToken(request);
  if (token.empty()) {
    if (certified != nullptr) return *certified;
    if (core.options.default_user) return *core.options.default_user;
    return AnonymousUser();
  }
  if (auto user = BearerOf(token, core)) return *std::move(user);
  kube::Status status;
  status.code = 401;
  status.reason = "Unauthorized";
  status.message = "Unauthorized";
  return std::unexpected(std::move(status));
}

std::optional<User> BearerOf(std::string_view token, Core& core) {
  for (const TokenUser& known : core.options.tokens) {
    if (known.token == token) {
      User user = known.user;
      if (!user.IsIn("system:authenticated")) user.groups.emplace_back("system:authenticated");
      return user;
    }
  }
  const std::size_t dot = token.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view signed_part = token.substr(0, dot);
  if (Sign(core.token_key, signed_part) != token.substr(dot + 1)) return std::nullopt;
  auto payload = DecodeBase64(signed_part.substr(signed_part.find('.') + 1),
                              Base64Alphabet::kUrlSafe, Base64Padding::kForbidden);
  if (!payload) return std::nullopt;
  auto claims = json::Parse(*payload);
  if (!claims || IntAt(*claims, {"exp"}) <= UnixTime(core)) return std::nullopt;
  const std::string_view name_space = StringAt(*claims, {"kubernetes.io", "namespace"});
  const std::string_view name = StringAt(*claims, {"kubernetes.io", "serviceaccount", "name"});
  const std::string_view uid = StringAt(*claims, {"kubernetes.io", "serviceaccount", "uid"});
  StoredPtr account = core.store.Of("", "serviceaccounts").Find(name_space, name);
  // A token dies with its account.
  if (account == nullptr || account->uid != uid) return std::nullopt;
  User user = ServiceAccountUser(name_space, name);
  user.uid = uid;
  return user;
}

std::string IssueServiceAccountToken(Core& core, std::string_view name_space, std::string_view name,
                                     std::string_view uid, std::chrono::seconds life) {
  const std::int64_t now = UnixTime(core);
  json::Object account;
  account["name"] = name;
  account["uid"] = uid;
  json::Object kubernetes;
  kubernetes["namespace"] = name_space;
  kubernetes["serviceaccount"] = std::move(account);
  json::Object claims;
  claims["aud"] = json::Array{"https://kubernetes.default.svc.cluster.local"};
  claims["exp"] = now + life.count();
  claims["iat"] = now;
  claims["iss"] = "https://kubernetes.default.svc.cluster.local";
  claims["kubernetes.io"] = std::move(kubernetes);
  claims["nbf"] = now;
  claims["sub"] = fmt::format("{}{}:{}", kServiceAccount, name_space, name);
  std::string token = EncodeBase64Url(R"({"alg":"HS256","typ":"JWT"})") + "." +
                      EncodeBase64Url(json::Serialize(claims));
  return token + "." + Sign(core.token_key, token);
}

Answer<User> Impersonate(const http::Request& request, User user,
                         const AccessAttributes& attributes, Core& core) {
  User wanted;
  bool asked = false;
  for (const auto& [key, value] : request.headers.fields()) {
    if (!StartsWithoutCase(key, "impersonate-")) continue;
    const std::string_view what = std::string_view(key).substr(12);
    if (StartsWithoutCase(what, "user") && what.size() == 4) {
      if (wanted.name.empty()) wanted.name = value;
    } else if (StartsWithoutCase(what, "group") && what.size() == 5) {
      wanted.groups.push_back(value);
    } else if (StartsWithoutCase(what, "uid") && what.size() == 3) {
      wanted.uid = value;
    } else if (StartsWithoutCase(what, "extra-")) {
      std::string name(what.substr(6));
      std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
      auto decoded = PercentDecode(name, PlusIs::kPlus);
      wanted.extra[decoded ? *decoded : name].push_back(value);
    } else {
      continue;
    }
    asked = true;
  }
  if (!asked) return user;
  if (wanted.name.empty()) {
    return BadRequest(
        fmt::format("requested &user.DefaultInfo{{Name:\"\", UID:{}, Groups:{}, Extra:{}}} without "
                    "impersonating a user name",
                    GoQuote(wanted.uid), GoStrings(wanted.groups),
                    wanted.extra.empty() ? "map[string][]string(nil)" : "map[string][]string{…}"));
  }
  const auto may = [&](std::string_view resource, std::string_view name,
                       std::string_view name_space = {}, std::string_view subresource = {}) {
    return core.authorizer
        .Decide(user, {.verb = "impersonate",
                       .group = resource == "uids" || resource == "userextras"
                                    ? std::string_view("authentication.k8s.io")
                                    : std::string_view(),
                       .resource = resource,
                       .subresource = subresource,
                       .name_space = name_space,
                       .name = name})
        .allowed;
  };
  const auto account = AccountOf(wanted.name);
  bool allowed = account ? may("serviceaccounts", account->name, account->name_space)
                         : may("users", wanted.name);
  for (const std::string& group : wanted.groups) allowed = allowed && may("groups", group);
  if (!wanted.uid.empty()) allowed = allowed && may("uids", wanted.uid);
  for (const auto& [key, values] : wanted.extra) {
    for (const std::string& value : values) allowed = allowed && may("userextras", value, {}, key);
  }
  if (!allowed) {
    // The last of the ways that the real server tries.
    AccessAttributes tried = attributes;
    const std::string verb = fmt::format("impersonate-on:{}:{}",
                                         account ? "serviceaccount" : "user-info", attributes.verb);
    tried.verb = verb;
    return std::unexpected(ForbiddenStatus({attributes.group, attributes.resource, attributes.name},
                                           WhyForbidden(user, tried)));
  }
  CompleteGroups(wanted);
  return wanted;
}

json::Object ToJson(const User& user) {
  json::Object object;
  object["username"] = user.name;
  if (!user.uid.empty()) object["uid"] = user.uid;
  object["groups"] = json::Array(user.groups.begin(), user.groups.end());
  if (!user.extra.empty()) {
    json::Object extra;
    for (const auto& [key, values] : user.extra) {
      extra[key] = json::Array(values.begin(), values.end());
    }
    object["extra"] = std::move(extra);
  }
  return object;
}

namespace {

std::string GoStrings(const std::vector<std::string>& texts) {
  if (texts.empty()) return "[]string(nil)";
  std::string list = "[]string{";
  for (const std::string& text : texts) {
    if (list.back() != '{') list += ", ";
    list += GoQuote(text);
  }
  return list + "}";
}

std::string_view BearerToken(const http::Request& request) {
  const std::string* header = request.headers.Find("Authorization");
  if (header == nullptr || !StartsWithoutCase(*header, "bearer ")) return {};
  std::string_view token = std::string_view(*header).substr(7);
  while (token.starts_with(' ')) token.remove_prefix(1);
  return token;
}

std::optional<Account> AccountOf(std::string_view user) {
  if (!user.starts_with(kServiceAccount)) return std::nullopt;
  user.remove_prefix(kServiceAccount.size());
  const std::size_t colon = user.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  return Account{user.substr(0, colon), user.substr(colon + 1)};
}

std::string Sign(std::string_view key, std::string_view text) {
  constexpr std::size_t kBlock = 64;
  const auto padded = [&](char with) {
    std::string block(kBlock, with);
    for (std::size_t i = 0; i < std::min(key.size(), kBlock); ++i) {
      block[i] = static_cast<char>(block[i] ^ key[i]);
    }
    return block;
  };
  const auto inner = Sha256(padded('\x36') + std::string(text));
  const auto outer = Sha256(padded('\x5c') + std::string(AsBytes(inner)));
  return EncodeBase64Url(AsBytes(outer));
}

std::int64_t UnixTime(const Core& core) {
  return std::chrono::duration_cast<std::chrono::seconds>(core.clock.Now().time_since_epoch())
      .count();
}

bool StartsWithoutCase(std::string_view text, std::string_view lower) {
  return text.size() >= lower.size() &&
         std::ranges::equal(text.substr(0, lower.size()), lower,
                            [](unsigned char a, char b) { return std::tolower(a) == b; });
}

void CompleteGroups(User& user) {
  if (user.name == "system:anonymous") {
    if (!user.IsIn("system:unauthenticated")) user.groups.emplace_back("system:unauthenticated");
    return;
  }
  const auto account = AccountOf(user.name);
  if (user.groups.empty() && account) {
    user.groups = ServiceAccountUser(account->name_space, account->name).groups;
  }
  if (!user.IsIn("system:authenticated") && !user.IsIn("system:unauthenticated")) {
    user.groups.emplace_back("system:authenticated");
  }
}

}  // namespace
}  // namespace kro::apiserver
