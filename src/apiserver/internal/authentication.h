// Authentication: who makes a request (spec kube-server section 10.1).
#pragma once

#include <string>
#include <string_view>

#include "apiserver/answer.h"
#include "apiserver/identity.h"
#include "apiserver/internal/core.h"
#include "http/transport.h"

namespace kro::apiserver {

// By bearer token, if one is shown: that of the options, or of a service account. Else who the connection
// certified, if anybody, or the default user. 401 for a token that nobody knows.
Answer<User> Authenticate(const http::Request& request, const User* certified, Core& core);

// Who the bearer of a token is; nothing if nobody knows it.
std::optional<User> BearerOf(std::string_view token, Core& core);

// A token for a service account, a JWT signed with the server's key.
std::string IssueServiceAccountToken(Core& core, std::string_view name_space, std::string_view name,
                                     std::string_view uid, std::chrono::seconds life);

// Who the request is to count as: `user`, or the one that its Impersonate headers name, if the user
// may. `attributes` are those of the request, for the text of the 403.
Answer<User> Impersonate(const http::Request& request, User user,
                         const AccessAttributes& attributes, Core& core);

// userInfo as reviews show it.
json::Object ToJson(const User& user);

}  // namespace kro::apiserver
