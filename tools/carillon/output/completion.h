#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace carillon {

// A command line as its parser knows it.
struct CommandNode {
  struct Option {
    std::vector<std::string> names;  // "--from", "-h"
    bool takes_value = false;
    std::string description;
  };
  std::string name;
  std::string description;
  std::vector<Option> options;
  std::vector<CommandNode> commands;
  bool takes_files = false;
};

// A completion script of `root` for "bash", "zsh", or "fish". Completes verbs, options, and files.
// INVALID_ARGUMENT: another shell. Pure.
StatusOr<std::string> MakeCompletion(std::string_view shell, const CommandNode& root);

}  // namespace carillon
