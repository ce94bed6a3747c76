#include "addon/plan_reader.h"

#include "addon/read.h"

namespace casc {
namespace {

using namespace spiking;

constexpr int32_t kMost = 1 << 28;

class LayerReader {
 public:
  LayerReader(Format format, const Napi::Object& layer, std::string where)
      : format_(format), layer_(layer), where_(std::move(where)) {}

  LayerSpec read() {
    LayerSpec spec;
    spec.name = read::text(layer_.Get("name"), where_ + ".name");
    where_ += " (" + spec.name + ")";
    spec.shape.c = size(layer_, "c");
    spec.shape.h = size(layer_, "h");
    spec.shape.w = size(layer_, "w");
    const std::string kind = read::text(layer_.Get("kind"), where_ + ".kind");
    if (kind == "input") {
      spec.kind = LayerKind::Input;
      grid(spec);
    } else if (kind == "neuron") {
      spec.kind = LayerKind::Neuron;
      current(spec);
      spec.threshold = numbers(layer_, "threshold");
      spec.start = numbers(layer_, "start");
    } else if (kind == "linear") {
      spec.kind = LayerKind::Linear;
      current(spec);
      spec.readout = read::boolean(layer_.Get("readout"), where_ + ".readout");
      spec.readoutScale = read::number(layer_.Get("readoutScale"), where_ + ".readoutScale");
    } else if (kind == "maxpool") {
      spec.kind = LayerKind::MaxPool;
      spec.sources.push_back(source(layer_.Get("source")));
      spec.window = window(layer_);
    } else if (kind == "relay") {
      spec.kind = LayerKind::Relay;
      Napi::Array sources = read::array(layer_.Get("sources"), where_ + ".sources");
      for (uint32_t i = 0; i < sources.Length(); ++i)
        spec.sources.push_back(source(sources.Get(i)));
      spec.index = read::copied<int32_t>(layer_.Get("index"), where_ + ".index");
    } else {
      read::fail(where_, "unknown kind \"" + kind + "\"");
    }
    return spec;
  }

 private:
  int32_t size(const Napi::Object& from, const char* key) const {
    return read::integer(from.Get(key), 1, kMost, where_ + "." + key);
  }
  int32_t source(const Napi::Value& value) const {
    return read::integer(value, 0, kMost, where_ + ".source");
  }

  Numbers numbers(const Napi::Object& from, const char* key) const {
    const std::string where = where_ + "." + key;
    if (format_ == Format::Float32) return read::copied<float>(from.Get(key), where);
    return read::copied<int32_t>(from.Get(key), where);
  }

  Weights weights(const Napi::Value& value) const {
    const std::string where = where_ + ".weight";
    if (format_ == Format::Float32) return read::copied<float>(value, where);
    if (format_ == Format::Int8) return read::copied<int8_t>(value, where);
    return read::copied<int16_t>(value, where);
  }

  void list(const Napi::Object& from, const char* key, int32_t* out, uint32_t count,
            int32_t low) const {
    const std::string where = where_ + ".window." + key;
    Napi::Array values = read::array(from.Get(key), where);
    if (values.Length() != count)
      read::fail(where, "expected " + std::to_string(count) + " numbers");
    for (uint32_t i = 0; i < count; ++i) out[i] = read::integer(values.Get(i), low, kMost, where);
  }

  Window window(const Napi::Object& from) const {
    Napi::Object object = read::object(from.Get("window"), where_ + ".window");
    Window spec;
    list(object, "kernel", spec.kernel, 2, 1);
    list(object, "strides", spec.strides, 2, 1);
    list(object, "pads", spec.pads, 4, 0);
    list(object, "dilations", spec.dilations, 2, 1);
    return spec;
  }

  void grid(LayerSpec& spec) const {
    Napi::Value value = layer_.Get("grid");
    if (value.IsNull() || value.IsUndefined()) return;
    const std::string where = where_ + ".grid";
    Napi::Object object = read::object(value, where);
    spec.grid = Grid{
        read::number(object.Get("step"), where + ".step"),
        read::number(object.Get("lo"), where + ".lo"),
        read::number(object.Get("hi"), where + ".hi"),
        read::number(object.Get("scale"), where + ".scale"),
    };
  }

  void current(LayerSpec& spec) const {
    spec.bias = numbers(layer_, "bias");
    Napi::Array terms = read::array(layer_.Get("terms"), where_ + ".terms");
    for (uint32_t i = 0; i < terms.Length(); ++i) {
      Napi::Object from = read::object(terms.Get(i), where_ + ".terms");
      TermSpec term;
      term.source = source(from.Get("source"));
      const std::string op = read::text(from.Get("op"), where_ + ".terms.op");
      if (op == "conv") {
        term.op = TermOp::Conv;
        term.weight = weights(from.Get("weight"));
        term.window = window(from);
        term.groups = size(from, "groups");
      } else if (op == "scale") {
        term.op = TermOp::Scale;
        term.factor = numbers(from, "factor");
      } else if (op == "avgpool") {
        term.op = TermOp::AvgPool;
        term.window = window(from);
        term.factor = numbers(from, "factor");
      } else {
        read::fail(where_, "unknown term \"" + op + "\"");
      }
      spec.terms.push_back(std::move(term));
    }
  }

  Format format_;
  Napi::Object layer_;
  std::string where_;
};

}  // namespace

PlanSpec readPlan(const Napi::Object& description) {
  PlanSpec spec;
  const std::string format = read::text(description.Get("format"), "format");
  if (format == "float32") {
    spec.format = Format::Float32;
  } else if (format == "int8") {
    spec.format = Format::Int8;
  } else if (format == "int16") {
    spec.format = Format::Int16;
  } else {
    read::fail("format", "expected float32, int8 or int16");
  }
  Napi::Array layers = read::array(description.Get("layers"), "layers");
  for (uint32_t i = 0; i < layers.Length(); ++i) {
    Napi::HandleScope scope(description.Env());
    const std::string where = "layer " + std::to_string(i);
    spec.layers.push_back(
        LayerReader(spec.format, read::object(layers.Get(i), where), where).read());
  }
  return spec;
}

}  // namespace casc
