//! The description of the API: each function describes its operations beside its handlers, with the types that those read and write, and
//! [`document`] puts them together. Source: the `OpenAPI` specification, version 3.1.0.
//!
//! The functions carry the finished document as a file and never link this.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::Issue;

/// A method on a path.
#[derive(Debug)]
pub struct Operation {
    method: &'static str,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    description: &'static str,
    query: Option<fn(&mut SchemaGenerator) -> Schema>,
    headers: Vec<(&'static str, &'static str)>,
    body: Option<Content>,
    answers: Vec<Answer>,
    links: Vec<Link>,
    /// The type of text that it takes for its body, and answers then.
    text: Option<&'static str>,
}

/// What can be asked with an answer: another operation, whose parameter is in the answer's body at `pointer`.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// The other operation.
    pub operation: &'static str,
    /// Its path parameter.
    pub parameter: &'static str,
    /// Where the parameter's value is, as a JSON pointer.
    pub pointer: &'static str,
    /// Where the other operation's body is, if the answer has one.
    pub body: Option<&'static str>,
}

impl Link {
    /// A link whose operation takes no body from here.
    pub const fn new(operation: &'static str, parameter: &'static str, pointer: &'static str) -> Self {
        Self { operation, parameter, pointer, body: None }
    }

    fn json(self) -> Value {
        let mut link = json!({
            "operationId": self.operation,
            "parameters": { self.parameter: format!("$response.body#{}", self.pointer) },
        });
        if let Some(body) = self.body {
            link["requestBody"] = json!(format!("$response.body#{body}"));
        }
        link
    }
}

#[derive(Debug)]
struct Content {
    schema: fn(&mut SchemaGenerator) -> Schema,
    example: Value,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    description: &'static str,
    content: Option<(&'static str, Option<Content>)>,
}

/// The body of a refused request.
#[derive(JsonSchema)]
#[schemars(rename = "Error")]
#[expect(dead_code, reason = "read by the schema only")]
struct Refusal {
    /// What is wrong, for people.
    detail: String,
    /// What is wrong, for programs.
    code: String,
    /// Names the request in the logs.
    request_id: Option<String>,
}

/// The body of a request whose form is wrong.
#[derive(JsonSchema)]
#[schemars(rename = "ValidationError")]
#[expect(dead_code, reason = "read by the schema only")]
struct Invalid {
    /// All that is wrong.
    detail: Vec<Issue>,
    /// `invalid_request`.
    code: String,
    /// Names the request in the logs.
    request_id: Option<String>,
}

fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

impl Operation {
    /// A method, in capitals, on a path with its parameters in braces. `id` names it for generated clients.
    pub fn new(method: &'static str, path: &'static str, id: &'static str, summary: &'static str) -> Self {
        let answers = vec![refusal(500, "Something behind the API failed")];
        Self {
            method,
            path,
            id,
            summary,
            description: "",
            query: None,
            headers: Vec::new(),
            body: None,
            answers,
            links: Vec::new(),
            text: None,
        }
    }

    /// More about it.
    #[must_use]
    pub fn describe(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// Takes the fields of `T`, an inline schema, as query parameters.
    #[must_use]
    pub fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(schema_of::<T>);
        self.invalid()
    }

    /// Looks at a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, description: &'static str) -> Self {
        self.headers.push((name, description));
        self
    }

    /// Takes a JSON body of type `T`.
    #[must_use]
    pub fn body<T: JsonSchema>(mut self, example: Value) -> Self {
        self.body = Some(Content { schema: schema_of::<T>, example });
        self.invalid()
    }

    /// Answers 200 with JSON of type `T`.
    #[must_use]
    pub fn answers<T: JsonSchema>(mut self, description: &'static str, example: Value) -> Self {
        let content = Some(("application/json", Some(Content { schema: schema_of::<T>, example })));
        self.answers.push(Answer { status: 200, description, content });
        self
    }

    /// Answers 200 with text of that type.
    #[must_use]
    pub fn answers_text(mut self, content_type: &'static str, description: &'static str) -> Self {
        self.answers.push(Answer { status: 200, description, content: Some((content_type, None)) });
        self
    }

    /// Takes text of that type for its body, too, and answers in kind.
    #[must_use]
    pub fn or_text(mut self, content_type: &'static str) -> Self {
        self.text = Some(content_type);
        self
    }

    /// Names what can be asked with its answer.
    #[must_use]
    pub fn leads_to(mut self, links: impl IntoIterator<Item = Link>) -> Self {
        self.links.extend(links);
        self
    }

    /// Answers that nothing has changed.
    #[must_use]
    pub fn answers_unchanged(mut self) -> Self {
        self.headers.push(("If-None-Match", "Tags of answers that the caller has"));
        self.answers.push(Answer { status: 304, description: "The caller has this answer already", content: None });
        self
    }

    /// Refuses requests with an error of that status.
    #[must_use]
    pub fn refuses(mut self, status: u16, description: &'static str) -> Self {
        self.answers.push(refusal(status, description));
        self
    }

    fn invalid(mut self) -> Self {
        if !self.answers.iter().any(|answer| answer.status == 422) {
            let content = Some(("application/json", Some(Content { schema: schema_of::<Invalid>, example: invalid_example() })));
            self.answers.push(Answer { status: 422, description: "The request does not have the expected form", content });
        }
        self
    }

    fn json(&self, generator: &mut SchemaGenerator) -> Value {
        let mut operation = json!({
            "operationId": self.id,
            "summary": self.summary,
            "tags": [self.tag()],
            "responses": self.answers.iter().map(|answer| (answer.status.to_string(), answer.json(generator))).collect::<Map<_, _>>(),
        });
        if !self.links.is_empty() {
            let links = self.links.iter().map(|link| (link.operation.to_owned(), link.json()));
            operation["responses"]["200"]["links"] = links.collect::<Map<_, _>>().into();
        }
        let parameters = self.parameters(generator);
        let mut body = self.body.as_ref().map(|body| json!({ "required": true, "content": { "application/json": body.json(generator) } }));
        if let (Some(text), Some(body)) = (self.text, &mut body) {
            let content = json!({ "schema": { "type": "string" } });
            operation["responses"]["200"]["content"][text] = content.clone();
            body["content"][text] = content;
        }
        let optional = [
            ("description", (!self.description.is_empty()).then(|| json!(self.description))),
            ("parameters", (!parameters.is_empty()).then(|| json!(parameters))),
            ("requestBody", body),
        ];
        if let Some(fields) = operation.as_object_mut() {
            fields.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        }
        operation
    }

    /// The part of the API that it belongs to.
    fn tag(&self) -> &'static str {
        match self.path.split('/').nth(1) {
            None | Some("" | "health") => "service",
            Some(resource) => resource,
        }
    }

    fn parameters(&self, generator: &mut SchemaGenerator) -> Vec<Value> {
        let in_path = self.path.split('/').filter_map(|step| step.strip_prefix('{')?.strip_suffix('}'));
        let in_path = in_path.map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }));
        let query = self.query.map(|schema| schema(generator).to_value()).unwrap_or_default();
        let required = query["required"].as_array().cloned().unwrap_or_default();
        let fields = query["properties"].as_object().cloned().unwrap_or_default();
        let in_query = fields.into_iter().map(|(name, mut schema)| {
            let description = schema.as_object_mut().and_then(|schema| schema.remove("description")).unwrap_or_default();
            let is_required = required.contains(&json!(name));
            json!({ "name": name, "in": "query", "required": is_required, "description": description, "schema": schema })
        });
        let in_headers = self.headers.iter().map(|(name, description)| {
            json!({ "name": name, "in": "header", "required": false, "description": description, "schema": { "type": "string" } })
        });
        in_path.chain(in_query).chain(in_headers).collect()
    }
}

impl Content {
    fn json(&self, generator: &mut SchemaGenerator) -> Value {
        json!({ "schema": (self.schema)(generator), "example": self.example })
    }
}

impl Answer {
    fn json(&self, generator: &mut SchemaGenerator) -> Value {
        let mut answer = json!({ "description": self.description });
        if let Some((content_type, content)) = &self.content {
            let content = content.as_ref().map_or_else(|| json!({ "schema": { "type": "string" } }), |content| content.json(generator));
            answer["content"] = json!({ *content_type: content });
        }
        answer
    }
}

fn refusal(status: u16, description: &'static str) -> Answer {
    let example = json!({ "detail": "Job not found", "code": "job_not_found", "request_id": "8f5ab4a2-0b6c-4d3e-9a52-0c1c3f1d2e4b" });
    let content = Some(("application/json", Some(Content { schema: schema_of::<Refusal>, example })));
    Answer { status, description, content }
}

fn invalid_example() -> Value {
    let issue = json!({ "type": "missing", "loc": ["body", "dataset_id"], "msg": "Field required", "input": {} });
    json!({ "detail": [issue], "code": "invalid_request", "request_id": "8f5ab4a2-0b6c-4d3e-9a52-0c1c3f1d2e4b" })
}

/// The document of all operations, its paths in the order of their names.
pub fn document(title: &str, version: &str, description: &str, operations: &[Operation]) -> Value {
    let mut generator =
        SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = "/components/schemas".into()).into_generator();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for operation in operations {
        let json = operation.json(&mut generator);
        paths.entry(operation.path).or_default().insert(operation.method.to_lowercase(), json);
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": title, "version": version, "description": description, "license": { "name": "MIT", "identifier": "MIT" } },
        "paths": paths,
        "components": { "schemas": generator.take_definitions(true) },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PageRequest;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "read by the schema only")]
    struct Thing {
        name: String,
    }

    #[test]
    fn an_operation_has_its_parameters_body_and_answers() {
        let operation = Operation::new("POST", "/things/{thing_id}", "make_thing", "Makes a thing")
            .query::<PageRequest>()
            .body::<Thing>(json!({ "name": "a" }))
            .answers::<Thing>("The thing", json!({ "name": "a" }))
            .refuses(404, "There is none");
        let document = document("T", "1", "", &[operation]);
        let made = &document["paths"]["/things/{thing_id}"]["post"];
        let names: Vec<_> = made["parameters"].as_array().unwrap().iter().map(|parameter| parameter["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["thing_id", "limit", "next_token"]);
        assert_eq!(made["parameters"][1]["schema"]["maximum"], json!(100));
        assert_eq!(made["requestBody"]["content"]["application/json"]["schema"], json!({ "$ref": "#/components/schemas/Thing" }));
        let statuses: Vec<_> = made["responses"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(statuses, ["200", "404", "422", "500"]);
        assert!(document["components"]["schemas"]["ValidationError"].is_object());
    }
}
