//! JSON Schemas of tools, in the plainest form that says the same.
//!
//! Clients check arguments and results against these, each with a validator of its own, and models read them. So
//! nothing is referred to (`$ref`), no draft is named, an enumeration is one `enum`, formats that only Rust knows are
//! left out, and what may be absent from the arguments is not also shown as `null`.

use schemars::{
    JsonSchema, Schema,
    generate::SchemaSettings,
    transform::{Transform, transform_subschemas},
};
use serde_json::{Map, Value};

/// The schema of a tool's arguments.
pub fn of_arguments<T: JsonSchema>() -> Map<String, Value> {
    root::<T>(SchemaSettings::draft2020_12().for_deserialize().with_transform(Plain).with_transform(NoNull))
}

/// The schema of a tool's structured result.
pub fn of_result<T: JsonSchema>() -> Map<String, Value> {
    root::<T>(SchemaSettings::draft2020_12().for_serialize().with_transform(Plain))
}

fn root<T: JsonSchema>(settings: SchemaSettings) -> Map<String, Value> {
    let settings = settings.with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    let root = schema.ensure_object();
    // What they say of the Rust type is said better by the tool's own title and description.
    root.remove("title");
    root.remove("description");
    std::mem::take(root)
}

/// Turns documented enumerations into one `enum`, drops the formats that only Rust knows, and takes the source's line
/// breaks out of descriptions.
#[derive(Clone)]
struct Plain;

impl Transform for Plain {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(object) = schema.as_object_mut() else { return };
        object.remove("format");
        if let Some(Value::String(text)) = object.get_mut("description") {
            *text = text.replace('\n', " ");
        }
        let Some((words, meanings)) = object.get("oneOf").and_then(Value::as_array).and_then(enumeration) else {
            return;
        };
        object.remove("oneOf");
        object.insert("type".into(), "string".into());
        object.insert("enum".into(), words);
        let said = object.get("description").and_then(Value::as_str);
        let description = said.into_iter().chain([meanings.as_str()]).collect::<Vec<_>>().join(" ");
        object.insert("description".into(), description.into());
    }
}

/// The words of an enumeration whose every variant is a constant string, and what they mean.
fn enumeration(variants: &Vec<Value>) -> Option<(Value, String)> {
    let words = variants.iter().map(|variant| variant.get("const")?.as_str()).collect::<Option<Vec<_>>>()?;
    let meaning = |(word, variant): (&&str, &Value)| {
        variant.get("description").and_then(Value::as_str).map(|text| format!("`{word}`: {text}"))
    };
    let meanings = words.iter().zip(variants).filter_map(meaning).collect::<Vec<_>>().join(" ");
    Some((words.into(), meanings))
}

/// Takes `null` out of what may be left away. It is still accepted.
#[derive(Clone)]
struct NoNull;

impl Transform for NoNull {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(object) = schema.as_object_mut() else { return };
        object.retain(|key, value| key != "default" || !value.is_null());
        if let Some(Value::Array(types)) = object.get_mut("type") {
            types.retain(|name| name != "null");
            if let [only] = types.as_slice() {
                let only = only.clone();
                object.insert("type".into(), only);
            }
        }
        let Some(Value::Array(choices)) = object.get_mut("anyOf") else { return };
        choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
        if let [Value::Object(only)] = choices.as_mut_slice() {
            let only = std::mem::take(only);
            object.remove("anyOf");
            for (key, value) in only {
                object.entry(key).or_insert(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use baton_model::{DirectiveRequest, PollAnswer, view::DirectiveDetail};

    /// Every object inside a schema.
    fn walk(value: &Value, see: &mut impl FnMut(&Map<String, Value>)) {
        match value {
            Value::Object(object) => {
                see(object);
                object.values().for_each(|inner| walk(inner, see));
            }
            Value::Array(items) => items.iter().for_each(|inner| walk(inner, see)),
            _ => {}
        }
    }

    #[test]
    fn schemas_are_self_contained_and_plain() {
        for schema in [of_arguments::<DirectiveRequest>(), of_result::<PollAnswer>(), of_result::<DirectiveDetail>()] {
            assert_eq!(schema["type"], "object");
            walk(&Value::Object(schema), &mut |object| {
                for key in ["$ref", "$defs", "$schema", "oneOf"] {
                    assert!(!object.contains_key(key), "{key} in {object:?}");
                }
                assert!(!object.get("format").is_some_and(Value::is_string), "format in {object:?}");
            });
        }
    }

    #[test]
    fn arguments_show_no_null_and_enumerations_are_one_list() {
        let schema = of_arguments::<DirectiveRequest>();
        walk(&Value::Object(schema.clone()), &mut |object| {
            assert!(!object.values().any(Value::is_null), "null in {object:?}");
            assert!(object.get("type").is_none_or(Value::is_string), "{object:?}");
        });
        assert_eq!(schema["required"], serde_json::json!(["directive"]));
        assert_eq!(schema["additionalProperties"], false);
        let priority = &schema["properties"]["priority"];
        assert_eq!(priority["enum"], serde_json::json!(["urgent", "high", "medium", "low"]));
        assert_eq!(priority["default"], "medium");
    }

    #[test]
    fn results_keep_null_where_it_is_sent() {
        let schema = of_result::<PollAnswer>();
        assert_eq!(schema["properties"]["directive"]["type"], serde_json::json!(["string", "null"]));
        assert!(schema["required"].as_array().is_some_and(|names| names.iter().any(|name| name == "metadata")));
        assert!(!schema["required"].as_array().is_some_and(|names| names.iter().any(|name| name == "previous_result")));
    }
}
