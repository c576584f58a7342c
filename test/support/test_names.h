// Which tests there are: for lists that say which test shows what, so that none names a test that does not exist.
#pragma once

#include <functional>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>

namespace kro {

// "Server.ListsPages" for TEST(Server, ListsPages), TEST_F and TEST_P, of all sources of tests in these
// folders of the checkout.
std::set<std::string, std::less<>> TestNames(std::initializer_list<std::string_view> folders = {
                                                 "src", "test"});

}  // namespace kro
