// Checked reading of JavaScript values. Errors are casc::Error with ERR_CASC_ARGUMENT and start
// with `where`.
#pragma once

#include <napi.h>

#include <string>
#include <vector>

#include "engine/error.h"

namespace casc::fields {

[[noreturn]] void refuse(const std::string& where, const std::string& message);

Napi::Object object(const Napi::Value& value, const std::string& where);
Napi::Array array(const Napi::Value& value, const std::string& where);

/** A whole number in [lo, hi]. */
int integer(const Napi::Value& value, int lo, int hi, const std::string& where);

/** Any number, also infinite or NaN. */
double number(const Napi::Value& value, const std::string& where);

bool boolean(const Napi::Value& value, const std::string& where);
std::string string(const Napi::Value& value, const std::string& where);

/** An array of whole numbers in [lo, hi]. */
std::vector<int> integers(const Napi::Value& value, int lo, int hi, const std::string& where);

/** The typed array itself, for arrays that stay JavaScript's. */
template <class T>
Napi::TypedArrayOf<T> typedArray(const Napi::Value& value, const std::string& where);

/** A copy of a typed array of exactly this type. */
template <class T>
std::vector<T> copyOf(const Napi::Value& value, const std::string& where) {
  const auto array = typedArray<T>(value, where);
  return std::vector<T>(array.Data(), array.Data() + array.ElementLength());
}

inline bool isNone(const Napi::Value& value) { return value.IsUndefined() || value.IsNull(); }

}  // namespace casc::fields
