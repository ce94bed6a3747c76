// An error that reaches JavaScript with its `code`.
#pragma once

#include <stdexcept>
#include <string>

namespace casc {

struct Error : std::runtime_error {
  Error(std::string errorCode, const std::string& message)
      : std::runtime_error(message), code(std::move(errorCode)) {}
  std::string code;
};

}  // namespace casc
