#include "tools/carillon/output/completion.h"

#include <functional>

namespace carillon {
namespace {

std::string Join(const std::vector<std::string>& words) {
  std::string joined;
  for (const std::string& word : words) joined += (joined.empty() ? "" : " ") + word;
  return joined;
}

std::vector<std::string> OptionNames(const CommandNode& node) {
  std::vector<std::string> names;
  for (const CommandNode::Option& option : node.options) {
    names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return names;
}

std::vector<std::string> CommandNames(const CommandNode& node) {
  std::vector<std::string> names;
  for (const CommandNode& command : node.commands) names.push_back(command.name);
  return names;
}

// For a shell's single quotes; colons would end a word of zsh's _describe.
std::string Quoted(std::string_view text, bool escape_colons) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else if (c == ':' && escape_colons) {
      quoted += "\\:";
    } else {
      quoted += c == '\n' ? ' ' : c;
    }
  }
  return quoted + "'";
}

using Visit = std::function<void(const std::string& path, const CommandNode& node)>;

// `path`: the verbs down to the node, one space apart.
void Walk(const std::string& path, const CommandNode& node, const Visit& visit) {
  visit(path, node);
  for (const CommandNode& command : node.commands) {
    Walk(path.empty() ? command.name : path + " " + command.name, command, visit);
  }
}

// The options of a node and, as they may stand behind any verb, those of the root.
std::string AllOptions(const CommandNode& root, const CommandNode& node) {
  std::vector<std::string> names = OptionNames(node);
  if (&node != &root) {
    for (const std::string& name : OptionNames(root)) {
      if (name != "-h" && name != "--help") names.push_back(name);
    }
  }
  return Join(names);
}

// Shared by bash and zsh: sets `trail` to the verbs so far, passing over options and their values.
std::string PathScript(const CommandNode& root, std::string_view words, std::string_view first,
                       std::string_view last) {
  std::string with_value;
  std::string known;
  Walk("", root, [&](const std::string& path, const CommandNode& node) {
    for (const CommandNode::Option& option : node.options) {
      if (!option.takes_value) continue;
      for (const std::string& name : option.names)
        with_value += (with_value.empty() ? "" : "|") + name;
    }
    if (!path.empty()) known += (known.empty() ? "\"" : "|\"") + path + "\"";
  });
  return fmt::format(
      "  local trail='' skip='' word next i\n"
      "  for ((i = {first}; i < {last}; i++)); do\n"
      "    word=${{{words}[i]}}\n"
      "    if [[ -n $skip ]]; then skip=''; continue; fi\n"
      "    case $word in\n"
      "      {with_value}) skip=1; continue ;;\n"
      "      -*) continue ;;\n"
      "    esac\n"
      "    next=\"${{trail:+$trail }}$word\"\n"
      "    case $next in {known}) trail=$next ;; esac\n"
      "  done\n",
      fmt::arg("first", first), fmt::arg("last", last), fmt::arg("words", words),
      fmt::arg("with_value", with_value), fmt::arg("known", known));
}

std::string BashScript(const CommandNode& root) {
  std::string script =
      fmt::format("# bash completion of {0}: source <({0} completion bash)\n", root.name);
  script += fmt::format("_{}() {{\n  local cur=${{COMP_WORDS[COMP_CWORD]}}\n", root.name);
  script += PathScript(root, "COMP_WORDS", "1", "COMP_CWORD");
  script += "  local commands='' options='' files=''\n  case $trail in\n";
  Walk("", root, [&](const std::string& path, const CommandNode& node) {
    script +=
        fmt::format("    \"{}\") commands=\"{}\" options=\"{}\" files={} ;;\n", path,
                    Join(CommandNames(node)), AllOptions(root, node), node.takes_files ? "1" : "");
  });
  script +=
      "  esac\n  if [[ $cur == -* ]]; then\n"
      "    COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
      "  elif [[ -n $files ]]; then\n"
      "    COMPREPLY=($(compgen -f -- \"$cur\"))\n"
      "  else\n"
      "    COMPREPLY=($(compgen -W \"$commands\" -- \"$cur\"))\n"
      "  fi\n}\n";
  return script + fmt::format("complete -o filenames -F _{0} {0}\n", root.name);
}

std::string ZshScript(const CommandNode& root) {
  std::string script =
      fmt::format("#compdef {0}\n# zsh completion: source <({0} completion zsh)\n", root.name);
  script += fmt::format("_{}() {{\n", root.name);
  script += PathScript(root, "words", "2", "CURRENT");
  script += "  local -a commands options\n  local files=''\n  case $trail in\n";
  Walk("", root, [&](const std::string& path, const CommandNode& node) {
    script += fmt::format("    \"{}\")\n      commands=(", path);
    for (const CommandNode& command : node.commands) {
      script += "\n        " + Quoted(command.name, true);
      script.pop_back();
      script += ":" + Quoted(command.description, true).substr(1);
    }
    script += fmt::format(")\n      options=({})\n      files={} ;;\n", AllOptions(root, node),
                          node.takes_files ? "1" : "");
  });
  script +=
      "  esac\n  if [[ $PREFIX == -* ]]; then\n    compadd -- $options\n"
      "  elif [[ -n $files ]]; then\n    _files\n"
      "  else\n    _describe 'command' commands\n  fi\n}\n";
  return script + fmt::format("compdef _{0} {0}\n", root.name);
}

std::string FishCondition(const CommandNode& root, const std::string& path,
                          const CommandNode& node) {
  if (path.empty()) return "__fish_use_subcommand";
  std::string condition;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t space = std::min(path.find(' ', at), path.size());
    if (!condition.empty()) condition += "; and ";
    condition += "__fish_seen_subcommand_from " + path.substr(at, space - at);
    at = space + 1;
  }
  if (&node != &root && !node.commands.empty()) {
    condition += "; and not __fish_seen_subcommand_from " + Join(CommandNames(node));
  }
  return condition;
}

void AppendFishOption(const std::string& command, const CommandNode::Option& option,
                      const std::string& condition, std::string* script) {
  *script += "complete -c " + command;
  if (!condition.empty()) *script += " -n '" + condition + "'";
  for (const std::string& name : option.names) {
    *script += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  if (option.takes_value) *script += " -r";
  *script += " -d " + Quoted(option.description, false) + "\n";
}

std::string FishScript(const CommandNode& root) {
  std::string script = fmt::format("# fish completion: {0} completion fish | source\n", root.name);
  Walk("", root, [&](const std::string& path, const CommandNode& node) {
    const std::string condition = FishCondition(root, path, node);
    for (const CommandNode& command : node.commands) {
      script += fmt::format("complete -c {} -f -n '{}' -a {} -d {}\n", root.name, condition,
                            command.name, Quoted(command.description, false));
    }
    for (const CommandNode::Option& option : node.options) {
      AppendFishOption(root.name, option, path.empty() ? "" : condition, &script);
    }
  });
  return script;
}

}  // namespace

StatusOr<std::string> MakeCompletion(std::string_view shell, const CommandNode& root) {
  if (shell == "bash") return BashScript(root);
  if (shell == "zsh") return ZshScript(root);
  if (shell == "fish") return FishScript(root);
  return InvalidArgument("no completion for '{}': bash, zsh, or fish", shell);
}

}  // namespace carillon
