#include "addon/read.h"

#include <cmath>

namespace casc::read {

void fail(const std::string& where, const std::string& what) {
  throw Error("ERR_CASC_ARGUMENT", where + ": " + what);
}

Napi::Object object(const Napi::Value& value, const std::string& where) {
  if (!value.IsObject()) fail(where, "expected an object");
  return value.As<Napi::Object>();
}

Napi::Array array(const Napi::Value& value, const std::string& where) {
  if (!value.IsArray()) fail(where, "expected an array");
  return value.As<Napi::Array>();
}

double number(const Napi::Value& value, const std::string& where) {
  if (!value.IsNumber()) fail(where, "expected a number");
  return value.As<Napi::Number>().DoubleValue();
}

int32_t integer(const Napi::Value& value, int32_t low, int32_t high, const std::string& where) {
  const double given = number(value, where);
  if (!(given >= low && given <= high) || given != std::trunc(given)) {
    fail(where, "expected a whole number from " + std::to_string(low) + " to " +
                    std::to_string(high) + " but received " + std::to_string(given));
  }
  return static_cast<int32_t>(given);
}

std::vector<int32_t> integers(const Napi::Value& value, int32_t low, int32_t high,
                              const std::string& where) {
  const Napi::Array list = array(value, where);
  std::vector<int32_t> result;
  for (uint32_t i = 0; i < list.Length(); ++i) {
    Napi::HandleScope scope(list.Env());
    result.push_back(integer(list.Get(i), low, high, where + "[" + std::to_string(i) + "]"));
  }
  return result;
}

bool boolean(const Napi::Value& value, const std::string& where) {
  if (!value.IsBoolean()) fail(where, "expected true or false");
  return value.As<Napi::Boolean>().Value();
}

std::string text(const Napi::Value& value, const std::string& where) {
  if (!value.IsString()) fail(where, "expected a string");
  return value.As<Napi::String>().Utf8Value();
}

std::vector<float> images(const Napi::Value& value, size_t count, size_t size) {
  std::vector<float> values = copied<float>(value, "images");
  if (values.size() != count * size) {
    fail("images", "expected " + std::to_string(count) + " × " + std::to_string(size) +
                       " elements but received " + std::to_string(values.size()));
  }
  return values;
}

void requireFixedSize(const Napi::TypedArray& array, const std::string& where) {
  const Napi::Value resizable = array.ArrayBuffer().As<Napi::Object>().Get("resizable");
  if (resizable.IsBoolean() && resizable.As<Napi::Boolean>().Value())
    fail(where, "is on a resizable ArrayBuffer; copy it first");
}

}  // namespace casc::read
