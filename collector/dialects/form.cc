#include "collector/dialects/form.h"

#include <algorithm>

#include <sodium.h>

#include "base/check.h"
#include "collector/dialects/json_text.h"

namespace carillon {

std::string FormDecoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const char digits[] = {'0', '0', text[i + 1], text[i + 2]};
      const std::uint32_t byte = HexOf({digits, 4});
      if (byte != kNoHex) {
        out.push_back(static_cast<char>(byte));
        i += 2;
        continue;
      }
    }
    out.push_back(text[i] == '+' ? ' ' : text[i]);
  }
  return out;
}

std::optional<std::string> FormField(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    if (!pair.starts_with(name)) continue;
    if (pair.size() == name.size()) return std::string();
    if (pair[name.size()] == '=') return FormDecoded(pair.substr(name.size() + 1));
  }
  return std::nullopt;
}

bool FormReader::Next() {
  while (!rest_.empty()) {
    const std::string_view pair = rest_.substr(0, rest_.find('&'));
    rest_.remove_prefix(std::min(rest_.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    name_ = FormDecoded(pair.substr(0, equals));
    value_ = FormDecoded(pair.substr(std::min(equals + 1, pair.size())));
    return true;
  }
  return false;
}

StatusOr<std::string> DecodeBase64(std::string_view field, std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (const char c : text) {
    if (c == '-') {
      plain.push_back('+');
    } else if (c == '_') {
      plain.push_back('/');
    } else if (c == ' ') {
      plain.push_back('+');  // a '+' that went through a form unescaped
    } else if (c != '=' && c != '\n' && c != '\r') {
      plain.push_back(c);
    }
  }
  std::string out(plain.size() / 4 * 3 + 3, '\0');
  std::size_t size = 0;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), plain.data(),
                        plain.size(), nullptr, &size, nullptr,
                        sodium_base64_VARIANT_ORIGINAL_NO_PADDING) != 0) {
    return InvalidArgument("{} is no base64", field);
  }
  out.resize(size);
  return out;
}

std::string EncodeBase64(std::string_view bytes) {
  std::string out(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                    bytes.size(), sodium_base64_VARIANT_ORIGINAL);
  out.pop_back();  // its '\0'
  return out;
}

}  // namespace carillon
