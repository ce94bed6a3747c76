// Reads arguments from JavaScript and says what is wrong with them. Every failure is an
// Error (ERR_CASC_ARGUMENT) whose message starts with `where`.
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>
#include <vector>

#include "engine/error.h"

namespace casc::read {

[[noreturn]] void fail(const std::string& where, const std::string& what);

Napi::Object object(const Napi::Value& value, const std::string& where);
Napi::Array array(const Napi::Value& value, const std::string& where);

/** Any number, also infinite or NaN. */
double number(const Napi::Value& value, const std::string& where);

/** A whole number in [low, high]. */
int32_t integer(const Napi::Value& value, int32_t low, int32_t high, const std::string& where);

/** An array of whole numbers in [low, high]. */
std::vector<int32_t> integers(const Napi::Value& value, int32_t low, int32_t high,
                              const std::string& where);

bool boolean(const Napi::Value& value, const std::string& where);
std::string text(const Napi::Value& value, const std::string& where);

inline bool isNone(const Napi::Value& value) { return value.IsUndefined() || value.IsNull(); }

constexpr int32_t kMostThreads = 256;
constexpr int32_t kMostImages = 1 << 24;

/** A copy of `count` images of `size` elements each. */
std::vector<float> images(const Napi::Value& value, size_t count, size_t size);

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
struct TypedArrayName<uint32_t> {
  static constexpr napi_typedarray_type type = napi_uint32_array;
  static constexpr const char* name = "a Uint32Array";
};
template <>
struct TypedArrayName<float> {
  static constexpr napi_typedarray_type type = napi_float32_array;
  static constexpr const char* name = "a Float32Array";
};
template <>
struct TypedArrayName<double> {
  static constexpr napi_typedarray_type type = napi_float64_array;
  static constexpr const char* name = "a Float64Array";
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

/** The typed array itself, for arrays that stay JavaScript's. */
template <class T>
Napi::TypedArrayOf<T> typedArray(const Napi::Value& value, const std::string& where) {
  if (!isTyped<T>(value)) fail(where, std::string("expected ") + TypedArrayName<T>::name);
  return value.As<Napi::TypedArrayOf<T>>();
}

/** Refuses an array on a buffer that can shrink under the workers. */
void requireFixedSize(const Napi::TypedArray& array, const std::string& where);

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
