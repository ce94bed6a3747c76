#include "addon/fields.h"

#include <cmath>

namespace casc::fields {
namespace {

template <class T>
struct ElementType;
template <>
struct ElementType<float> {
  static constexpr napi_typedarray_type type = napi_float32_array;
  static constexpr const char* name = "a Float32Array";
};
template <>
struct ElementType<double> {
  static constexpr napi_typedarray_type type = napi_float64_array;
  static constexpr const char* name = "a Float64Array";
};
template <>
struct ElementType<int32_t> {
  static constexpr napi_typedarray_type type = napi_int32_array;
  static constexpr const char* name = "an Int32Array";
};

}  // namespace

void refuse(const std::string& where, const std::string& message) {
  throw Error("ERR_CASC_ARGUMENT", where + ": " + message);
}

Napi::Object object(const Napi::Value& value, const std::string& where) {
  if (!value.IsObject()) refuse(where, "expected an object");
  return value.As<Napi::Object>();
}

Napi::Array array(const Napi::Value& value, const std::string& where) {
  if (!value.IsArray()) refuse(where, "expected an array");
  return value.As<Napi::Array>();
}

double number(const Napi::Value& value, const std::string& where) {
  if (!value.IsNumber()) refuse(where, "expected a number");
  return value.As<Napi::Number>().DoubleValue();
}

int integer(const Napi::Value& value, int lo, int hi, const std::string& where) {
  const double given = number(value, where);
  if (!(given >= lo && given <= hi) || given != std::trunc(given))
    refuse(where, "expected a whole number from " + std::to_string(lo) + " to " +
                      std::to_string(hi) + " but received " + std::to_string(given));
  return static_cast<int>(given);
}

bool boolean(const Napi::Value& value, const std::string& where) {
  if (!value.IsBoolean()) refuse(where, "expected true or false");
  return value.As<Napi::Boolean>().Value();
}

std::string string(const Napi::Value& value, const std::string& where) {
  if (!value.IsString()) refuse(where, "expected a string");
  return value.As<Napi::String>().Utf8Value();
}

std::vector<int> integers(const Napi::Value& value, int lo, int hi, const std::string& where) {
  const Napi::Array list = array(value, where);
  std::vector<int> result;
  for (uint32_t i = 0; i < list.Length(); ++i) {
    Napi::HandleScope scope(list.Env());
    result.push_back(integer(list.Get(i), lo, hi, where + "[" + std::to_string(i) + "]"));
  }
  return result;
}

template <class T>
Napi::TypedArrayOf<T> typedArray(const Napi::Value& value, const std::string& where) {
  if (!value.IsTypedArray() ||
      value.As<Napi::TypedArray>().TypedArrayType() != ElementType<T>::type)
    refuse(where, std::string("expected ") + ElementType<T>::name);
  return value.As<Napi::TypedArrayOf<T>>();
}

template Napi::TypedArrayOf<float> typedArray(const Napi::Value&, const std::string&);
template Napi::TypedArrayOf<double> typedArray(const Napi::Value&, const std::string&);
template Napi::TypedArrayOf<int32_t> typedArray(const Napi::Value&, const std::string&);

}  // namespace casc::fields
