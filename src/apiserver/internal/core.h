// Core: what every part of the server works with.
#pragma once

#include <map>
#include <string>

#include "apiserver/admission/admission.h"
#include "apiserver/ids.h"
#include "apiserver/internal/address_pool.h"
#include "apiserver/internal/agenda.h"
#include "apiserver/internal/authorizer.h"
#include "apiserver/internal/registry.h"
#include "apiserver/internal/scratch.h"
#include "apiserver/internal/store.h"
#include "apiserver/server.h"
#include "base/clock.h"

namespace kro::apiserver {

struct Core {
  Core(const Clock& the_clock, IdSource the_ids, ServerOptions the_options)
      : clock(the_clock),
        ids(the_ids),
        options(std::move(the_options)),
        store(the_clock),
        authorizer(store),
        admission(*this),
        token_key(ids.Uid() + ids.Uid()) {}
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  Collection& CollectionOf(const Resource& resource) {
    return store.Of(resource.StoredGroup(), resource.name);
  }

  const Clock& clock;
  IdSource ids;
  ServerOptions options;
  Store store;
  Authorizer authorizer;
  Admission admission;
  Registry registry;
  Agenda agenda;
  AddressPool addresses;
  Scratch scratch;
  std::string token_key;  // signs the tokens of service accounts
  // When each definition of custom resources began to be served, by name.
  std::map<std::string, MonotonicTime, std::less<>> served_since;
};

}  // namespace kro::apiserver
