#include "collector/dialects/shown_key.h"

#include <strings.h>

#include "collector/dialects/form.h"

namespace carillon {

std::string_view AuthorizationOf(const EdgeRequest& request, std::string_view scheme) {
  std::string_view value = request.Header("Authorization");
  if (value.size() <= scheme.size() || value[scheme.size()] != ' ') return {};
  if (strncasecmp(value.data(), scheme.data(), scheme.size()) != 0) return {};
  value.remove_prefix(scheme.size());
  while (value.starts_with(' ')) value.remove_prefix(1);
  while (value.ends_with(' ')) value.remove_suffix(1);
  return value;
}

UserAndPassword BasicAuthorizationOf(const EdgeRequest& request) {
  const std::string_view encoded = AuthorizationOf(request, "Basic");
  if (encoded.empty()) return {};
  const StatusOr<std::string> both = DecodeBase64("Authorization", encoded);
  if (!both.ok()) return {};
  const std::size_t colon = std::min(both->find(':'), both->size());
  return {.user = both->substr(0, colon),
          .password = both->substr(std::min(colon + 1, both->size()))};
}

std::string QueryField(const EdgeRequest& request, std::string_view name) {
  return FormField(request.query, name).value_or(std::string());
}

std::string AnyAuthorizationOf(const EdgeRequest& request) {
  for (const std::string_view scheme : {"Bearer", "Token", "ApiKey"}) {
    const std::string_view key = AuthorizationOf(request, scheme);
    if (!key.empty()) return std::string(key);
  }
  const UserAndPassword basic = BasicAuthorizationOf(request);
  return basic.password.empty() ? basic.user : basic.password;
}

}  // namespace carillon
