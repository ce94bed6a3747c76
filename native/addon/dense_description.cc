#include "addon/dense_description.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "addon/read.h"

namespace casc {
namespace {

constexpr int kMax = std::numeric_limits<int>::max();
// Keeps every product of two window fields in 64 bits; no network comes near.
constexpr int kMaxWindow = 1 << 24;

/** The fields of one node, with a place for error messages. */
class NodeReader {
 public:
  NodeReader(Napi::Object object, std::string where) : object_(object), where_(std::move(where)) {}

  dense::NodeSpec read(std::string name) const {
    dense::NodeSpec node;
    node.name = std::move(name);
    node.shape = shape();
    node.inputs = read::integers(get("inputs"), 0, kMax, at("inputs"));
    node.op = op();
    return node;
  }

 private:
  Napi::Value get(const char* key) const { return object_.Get(key); }
  std::string at(const char* key) const { return where_ + ": " + key; }

  int integer(const char* key, int lo, int hi) const {
    return read::integer(get(key), lo, hi, at(key));
  }
  std::vector<float> floats(const char* key) const {
    return read::copied<float>(get(key), at(key));
  }
  std::vector<float> floatsOrNone(const char* key) const {
    const Napi::Value value = get(key);
    if (read::isNone(value)) return {};
    auto result = read::copied<float>(value, at(key));
    if (result.empty()) read::fail(at(key), "is empty");  // which here would mean none
    return result;
  }
  /** Float64 parameters, rounded to the float32 that the dense pass computes in. */
  std::vector<float> rounded(const char* key) const {
    const auto values = read::copied<double>(get(key), at(key));
    return std::vector<float>(values.begin(), values.end());
  }

  dense::Shape shape() const {
    const NodeReader reader(read::object(get("shape"), at("shape")), at("shape"));
    dense::Shape result;
    result.c = reader.integer("c", 1, kMax);
    result.h = reader.integer("h", 1, kMax);
    result.w = reader.integer("w", 1, kMax);
    if (static_cast<double>(result.c) * result.h * result.w > kMax)
      read::fail(at("shape"), "has more than 2147483647 elements");
    return result;
  }

  template <size_t N>
  std::array<int, N> tuple(const char* key, int lo) const {
    const std::vector<int> values = read::integers(get(key), lo, kMaxWindow, at(key));
    if (values.size() != N) read::fail(at(key), "expected " + std::to_string(N) + " numbers");
    std::array<int, N> result{};
    std::copy(values.begin(), values.end(), result.begin());
    return result;
  }

  dense::Window window() const {
    const NodeReader reader(read::object(get("window"), at("window")), at("window"));
    return {reader.tuple<2>("kernel", 1), reader.tuple<2>("strides", 1), reader.tuple<4>("pads", 0),
            reader.tuple<2>("dilations", 1)};
  }

  dense::InputSpec input() const {
    const Napi::Value value = get("grid");
    if (read::isNone(value)) return {};
    const NodeReader reader(read::object(value, at("grid")), at("grid"));
    auto number = [&](const char* key) {
      return static_cast<float>(read::number(reader.get(key), reader.at(key)));
    };
    return {dense::Grid{number("step"), number("lo"), number("hi")}};
  }

  dense::UnarySpec unary() const {
    static constexpr std::pair<const char*, dense::Unary> kKinds[] = {
        {"sigmoid", dense::Unary::Sigmoid}, {"tanh", dense::Unary::Tanh},
        {"exp", dense::Unary::Exp},         {"log", dense::Unary::Log},
        {"sqrt", dense::Unary::Sqrt},       {"abs", dense::Unary::Abs},
        {"neg", dense::Unary::Neg},         {"relu", dense::Unary::Relu},
        {"floor", dense::Unary::Floor},     {"round", dense::Unary::Round}};
    const std::string kind = read::text(get("kind"), at("kind"));
    for (const auto& [name, unary] : kKinds) {
      if (kind == name) return {unary};
    }
    read::fail(at("kind"), "\"" + kind + "\" is not known");
  }

  dense::OpSpec op() const {
    const std::string op = read::text(get("op"), at("op"));
    if (op == "input") return input();
    if (op == "conv")
      return dense::ConvSpec{floats("weight"), floatsOrNone("bias"), window(),
                             integer("groups", 1, kMax)};
    if (op == "scale") return dense::ScaleSpec{floats("factor"), floatsOrNone("shift")};
    if (op == "add") return dense::AddSpec{};
    if (op == "avgpool") return dense::AvgPoolSpec{window(), floats("factor")};
    if (op == "maxpool") return dense::MaxPoolSpec{window()};
    if (op == "route") return dense::RouteSpec{read::copied<int32_t>(get("index"), at("index"))};
    if (op == "relu")
      return dense::ReluSpec{static_cast<float>(read::number(get("max"), at("max")))};
    if (op == "quant")
      return dense::QuantSpec{static_cast<float>(integer("levels", 1, 1 << 24)), rounded("stepIn"),
                              rounded("offset"), rounded("stepOut"),
                              read::boolean(get("tiesToEven"), at("tiesToEven"))};
    if (op == "unary") return unary();
    if (op == "softmax")
      return dense::SoftmaxSpec{integer("outer", 1, kMax), integer("length", 1, kMax),
                                integer("inner", 1, kMax), read::boolean(get("log"), at("log"))};
    read::fail(where_, "the operator \"" + op + "\" is not known");
  }

  Napi::Object object_;
  std::string where_;
};

}  // namespace

DenseDescription readDenseDescription(const Napi::Value& value) {
  const Napi::Object object = read::object(value, "description");
  const Napi::Array nodes = read::array(object.Get("nodes"), "description: nodes");
  DenseDescription description;
  for (uint32_t i = 0; i < nodes.Length(); ++i) {
    Napi::HandleScope scope(object.Env());
    const std::string place = "nodes[" + std::to_string(i) + "]";
    const Napi::Object node = read::object(nodes.Get(i), place);
    const std::string name = read::text(node.Get("name"), place + ": name");
    description.nodes.push_back(NodeReader(node, "node \"" + name + "\"").read(name));
  }
  description.outputs = read::integers(object.Get("outputs"), 0, kMax, "description: outputs");
  const Napi::Value isa = object.Get("isa");
  if (!read::isNone(isa)) description.isa = read::text(isa, "description: isa");
  return description;
}

}  // namespace casc
