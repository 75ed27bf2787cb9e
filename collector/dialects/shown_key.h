#pragma once

#include <string>
#include <string_view>

#include "collector/dialects/dialect.h"

// Where clients show their keys.
namespace carillon {

// What stands behind `scheme` and a space in Authorization; the scheme in any case. Empty: another
// scheme, or none.
std::string_view AuthorizationOf(const EdgeRequest& request, std::string_view scheme);

struct UserAndPassword {
  std::string user;
  std::string password;
};
// Of "Authorization: Basic"; both empty: none, or malformed.
UserAndPassword BasicAuthorizationOf(const EdgeRequest& request);

// A parameter of the query, decoded; empty: not there.
std::string QueryField(const EdgeRequest& request, std::string_view name);

// Bearer, or else the password or user of Basic: what most tools can be told to send.
std::string AnyAuthorizationOf(const EdgeRequest& request);

}  // namespace carillon
