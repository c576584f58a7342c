#include "json/go_type.h"

namespace kro::json {

std::string_view GoType(const Value& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      return "<nil>";
    case boost::json::kind::bool_:
      return "bool";
    case boost::json::kind::int64:
      return "int64";
    case boost::json::kind::uint64:
    case boost::json::kind::double_:
      return "float64";
    case boost::json::kind::string:
      return "string";
    case boost::json::kind::array:
      return "[]interface {}";
    case boost::json::kind::object:
      return "map[string]interface {}";
  }
  return "<nil>";
}

std::string_view GoWord(const Value& value) {
  if (value.is_number()) return "number";
  return value.is_bool() ? "bool" : TypeName(value);
}

bool IsGoZero(const Value& value) {
  if (value.is_string()) return value.get_string().empty();
  if (value.is_bool()) return !value.get_bool();
  return value.is_number() && value.to_number<double>() == 0;
}

}  // namespace kro::json
