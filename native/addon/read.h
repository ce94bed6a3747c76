// Reads arguments from JavaScript and says what is wrong with them. Every failure is an
// Error (ERR_CASC_ARGUMENT) whose message starts with `where`.
#pragma once

#include <napi.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/error.h"

namespace casc::read {

[[noreturn]] inline void fail(const std::string& where, const std::string& what) {
  throw Error("ERR_CASC_ARGUMENT", where + ": " + what);
}

inline Napi::Object object(const Napi::Value& value, const std::string& where) {
  if (!value.IsObject()) fail(where, "expected an object");
  return value.As<Napi::Object>();
}

inline Napi::Array array(const Napi::Value& value, const std::string& where) {
  if (!value.IsArray()) fail(where, "expected an array");
  return value.As<Napi::Array>();
}

inline double number(const Napi::Value& value, const std::string& where) {
  if (!value.IsNumber()) fail(where, "expected a number");
  return value.As<Napi::Number>().DoubleValue();
}

inline int32_t integer(const Napi::Value& value, int32_t low, int32_t high,
                       const std::string& where) {
  const double n = number(value, where);
  if (!(n >= low && n <= high) || n != std::floor(n)) {
    fail(where, "expected an integer from " + std::to_string(low) + " to " + std::to_string(high));
  }
  return static_cast<int32_t>(n);
}

inline bool boolean(const Napi::Value& value, const std::string& where) {
  if (!value.IsBoolean()) fail(where, "expected true or false");
  return value.As<Napi::Boolean>().Value();
}

inline std::string text(const Napi::Value& value, const std::string& where) {
  if (!value.IsString()) fail(where, "expected a string");
  return value.As<Napi::String>().Utf8Value();
}

template <class T>
struct TypedArrayName;
template <>
struct TypedArrayName<int8_t> {
  static constexpr napi_typedarray_type type = napi_int8_array;
  static constexpr const char* name = "an Int8Array";
};
template <>
struct TypedArrayName<int16_t> {
  static constexpr napi_typedarray_type type = napi_int16_array;
  static constexpr const char* name = "an Int16Array";
};
template <>
struct TypedArrayName<int32_t> {
  static constexpr napi_typedarray_type type = napi_int32_array;
  static constexpr const char* name = "an Int32Array";
};
template <>
struct TypedArrayName<float> {
  static constexpr napi_typedarray_type type = napi_float32_array;
  static constexpr const char* name = "a Float32Array";
};

/** A typed array's elements where they are. Detached arrays have length 0. Valid until JavaScript
 * runs again. */
template <class T>
struct Span {
  T* data = nullptr;
  size_t length = 0;
};

template <class T>
bool isTyped(const Napi::Value& value) {
  return value.IsTypedArray() &&
         value.As<Napi::TypedArray>().TypedArrayType() == TypedArrayName<T>::type;
}

template <class T>
Span<T> typed(const Napi::Value& value, const std::string& where) {
  if (!isTyped<T>(value)) fail(where, std::string("expected ") + TypedArrayName<T>::name);
  napi_env env = value.Env();
  Span<T> span;
  void* data = nullptr;
  napi_status status =
      napi_get_typedarray_info(env, value, nullptr, &span.length, &data, nullptr, nullptr);
  if (status != napi_ok) fail(where, "the array cannot be read");
  span.data = static_cast<T*>(data);
  if (!span.data) span.length = 0;
  return span;
}

/** A copy: whatever JavaScript does to the array's buffer later (detach, resize) is harmless. */
template <class T>
std::vector<T> copied(const Napi::Value& value, const std::string& where) {
  const Span<T> span = typed<T>(value, where);
  return std::vector<T>(span.data, span.data + span.length);
}

}  // namespace casc::read
