// libcurl, loaded when it is first called. It brings some thirty libraries with it, which take a process longer to
// load than all others: commands that talk to no server, and `kro dev`, start without them.
//
// What this folder calls of curl is defined here and hands on to the library.
#include <curl/curl.h>
#include <dlfcn.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace kro::http {
namespace {

// Of the symbols' version that the headers of curl 7 and 8 are for.
constexpr const char* kLibrary = "libcurl.so.4";

void* Load() {
  void* library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library != nullptr) return library;
  std::fprintf(stderr, "kro: %s\n", ::dlerror());
  std::abort();  // as the dynamic linker does
}

template <typename Function>
Function* Find(const char* name) {
  static void* const library = Load();
  void* found = ::dlsym(library, name);
  if (found != nullptr) return reinterpret_cast<Function*>(found);
  std::fprintf(stderr, "kro: %s has no %s\n", kLibrary, name);
  std::abort();
}

// After these parameters curl takes exactly one more argument, a long, a curl_off_t or a pointer.
static_assert(sizeof(long) == sizeof(void*) && sizeof(curl_off_t) == sizeof(void*));

}  // namespace
}  // namespace kro::http

#define KRO_CURL(result, name, parameters, arguments)                     \
  result name parameters {                                                \
    static auto* const function = kro::http::Find<decltype(name)>(#name); \
    return function arguments;                                            \
  }
#define KRO_CURL_OPTION(result, name, Handle, Option)                     \
  result name(Handle handle, Option option, ...) {                        \
    static auto* const function = kro::http::Find<decltype(name)>(#name); \
    va_list more;                                                         \
    va_start(more, option);                                               \
    void* argument = va_arg(more, void*);                                 \
    va_end(more);                                                         \
    return function(handle, option, argument);                            \
  }

// The options are enumerations, which are passed as they are.
#pragma GCC diagnostic ignored "-Wvarargs"

extern "C" {

KRO_CURL(CURLcode, curl_global_init, (long flags), (flags))
KRO_CURL(void, curl_free, (void* memory), (memory))
KRO_CURL(curl_slist*, curl_slist_append, (curl_slist * list, const char* text), (list, text))
KRO_CURL(void, curl_slist_free_all, (curl_slist * list), (list))

KRO_CURL(CURL*, curl_easy_init, (), ())
KRO_CURL(void, curl_easy_cleanup, (CURL * handle), (handle))
KRO_CURL(CURLcode, curl_easy_pause, (CURL * handle, int what), (handle, what))
KRO_CURL(const char*, curl_easy_strerror, (CURLcode code), (code))
KRO_CURL_OPTION(CURLcode, curl_easy_setopt, CURL*, CURLoption)
KRO_CURL_OPTION(CURLcode, curl_easy_getinfo, CURL*, CURLINFO)

KRO_CURL(CURLM*, curl_multi_init, (), ())
KRO_CURL(CURLMcode, curl_multi_cleanup, (CURLM * multi), (multi))
KRO_CURL(CURLMcode, curl_multi_add_handle, (CURLM * multi, CURL* handle), (multi, handle))
KRO_CURL(CURLMcode, curl_multi_remove_handle, (CURLM * multi, CURL* handle), (multi, handle))
KRO_CURL(CURLMcode, curl_multi_perform, (CURLM * multi, int* running), (multi, running))
KRO_CURL(CURLMcode, curl_multi_poll,
         (CURLM * multi, curl_waitfd* extra, unsigned count, int milliseconds, int* ready),
         (multi, extra, count, milliseconds, ready))
KRO_CURL(CURLMcode, curl_multi_wakeup, (CURLM * multi), (multi))
KRO_CURL(CURLMsg*, curl_multi_info_read, (CURLM * multi, int* left), (multi, left))
KRO_CURL_OPTION(CURLMcode, curl_multi_setopt, CURLM*, CURLMoption)

KRO_CURL(CURLU*, curl_url, (), ())
KRO_CURL(void, curl_url_cleanup, (CURLU * url), (url))
KRO_CURL(CURLUcode, curl_url_get, (CURLU * url, CURLUPart part, char** text, unsigned flags),
         (url, part, text, flags))
KRO_CURL(CURLUcode, curl_url_set, (CURLU * url, CURLUPart part, const char* text, unsigned flags),
         (url, part, text, flags))
KRO_CURL(const char*, curl_url_strerror, (CURLUcode code), (code))

}  // extern "C"
