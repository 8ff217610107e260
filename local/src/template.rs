//! What the local stack takes from the deployment template, so that there is one list of routes, tables and time-outs.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context as _;
use serde_yaml_ng::{Mapping, Value};

use crate::batch::RetryRule;

const TEMPLATE: &str = include_str!("../../template.yaml");
/// The account number in local names.
pub const ACCOUNT: &str = "000000000000";

/// The parts of the template that the local stack acts on.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// By the name of the binary.
    pub functions: BTreeMap<String, Function>,
    /// Where objects lie.
    pub buckets: Vec<Bucket>,
    /// The tables as `CreateTable` takes them.
    pub tables: Vec<serde_json::Value>,
    /// Names of buckets, tables, queue and definition, as the functions' environment has them.
    pub environment: BTreeMap<String, String>,
    /// What Batch runs.
    pub training: Training,
    /// Of the objects in the datasets bucket, those whose creation sets off `ingest`.
    pub upload_prefix: String,
}

/// A function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// What it answers.
    pub routes: Vec<Route>,
    /// How often it is invoked without being asked.
    pub schedule: Option<Duration>,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// Megabytes.
    pub memory: u64,
}

/// An HTTP route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `GET` `/jobs/{job_id}`.
    Path {
        /// In capitals.
        method: String,
        /// With parameters in braces.
        path: String,
    },
    /// Whatever no other route answers.
    Default,
}

/// A bucket and its CORS rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// What browsers may do from other origins.
    pub allowed_methods: Vec<String>,
    /// What they may read of the answers.
    pub exposed_headers: Vec<String>,
    /// Seconds for which they may remember it.
    pub max_age: u64,
}

/// The queue of training jobs, and what the job definition says where a submission says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Training {
    /// The queue's name.
    pub queue: String,
    /// The definition's name.
    pub definition: String,
    /// How often a job is started at most.
    pub attempts: u32,
    /// After which ends it is started again.
    pub retries: Vec<RetryRule>,
    /// Seconds that an attempt may take.
    pub timeout: u64,
    /// The container's own variables.
    pub environment: BTreeMap<String, String>,
}

impl Template {
    /// Reads the template that this program was built with.
    pub fn read() -> anyhow::Result<Self> {
        let template: Value = serde_yaml_ng::from_str(TEMPLATE).context("template.yaml is not YAML")?;
        let resources = template.get("Resources").and_then(Value::as_mapping).context("template.yaml has no resources")?;
        let globals =
            template.get("Globals").and_then(|globals| globals.get("Function")).context("template.yaml has no Globals.Function")?;
        let of_type = |wanted: &str| {
            let wanted = wanted.to_owned();
            resources.values().filter(move |resource| text(resource, "Type").as_deref() == Some(wanted.as_str()))
        };

        let mut routes = routes(resources).context("a route of template.yaml leads to no function")?;
        let mut functions = BTreeMap::new();
        let mut upload_prefix = None;
        for (name, resource) in resources {
            if text(resource, "Type").as_deref() != Some("AWS::Serverless::Function") {
                continue;
            }
            let binary = resource.get("Metadata").and_then(|metadata| text(metadata.get("BuildProperties")?, "Binary"));
            let binary = binary.context("a function of template.yaml names no binary")?;
            let properties = resource.get("Properties").with_context(|| format!("function {binary} has no properties"))?;
            let number = |name: &str| properties.get(name).or_else(|| globals.get(name)).and_then(Value::as_u64);
            let timeout = Duration::from_secs(number("Timeout").with_context(|| format!("function {binary} has no timeout"))?);
            let memory = number("MemorySize").with_context(|| format!("function {binary} has no memory size"))?;
            let (mut schedule, routes) = (None, routes.remove(name.as_str().unwrap_or_default()).unwrap_or_default());
            for event in properties.get("Events").and_then(Value::as_mapping).into_iter().flat_map(|events| events.values()) {
                let Some(of_event) = event.get("Properties") else { continue };
                match text(event, "Type").as_deref() {
                    Some("Schedule") => schedule = text(of_event, "Schedule").as_deref().and_then(rate),
                    _ => upload_prefix = upload_prefix.or_else(|| prefix(of_event)),
                }
            }
            functions.insert(binary, Function { routes, schedule, timeout, memory });
        }

        let variables = globals.get("Environment").and_then(|environment| environment.get("Variables")?.as_mapping());
        let environment = variables.into_iter().flatten().filter_map(|(name, value)| Some((name.as_str()?.to_owned(), resolved(value)?)));
        let buckets =
            of_type("AWS::S3::Bucket").map(bucket).collect::<Option<_>>().context("a bucket of template.yaml lacks its name or rule")?;
        let tables = of_type("AWS::DynamoDB::Table").map(table).collect::<anyhow::Result<_>>()?;
        let (queue, definition) = (of_type("AWS::Batch::JobQueue").next(), of_type("AWS::Batch::JobDefinition").next());
        let training = queue.zip(definition).and_then(|(queue, definition)| training(queue, definition));
        Ok(Self {
            functions,
            buckets,
            tables,
            environment: environment.collect(),
            training: training.context("template.yaml lacks the queue or the definition of training jobs, or one of their limits")?,
            upload_prefix: upload_prefix.context("template.yaml has no event for created objects")?,
        })
    }
}

/// By the function that answers them: a route targets an integration, which invokes a function.
fn routes(resources: &Mapping) -> Option<BTreeMap<String, Vec<Route>>> {
    let mut routes = BTreeMap::<_, Vec<_>>::new();
    for resource in resources.values().filter(|resource| text(resource, "Type").as_deref() == Some("AWS::ApiGatewayV2::Route")) {
        let properties = resource.get("Properties")?;
        let Value::Tagged(target) = properties.get("Target")? else { return None };
        let integration = target.value.as_str()?.strip_prefix("integrations/${")?.strip_suffix('}')?;
        let Value::Tagged(uri) = resources.get(integration)?.get("Properties")?.get("IntegrationUri")? else { return None };
        let function = uri.value.as_str()?.strip_suffix(".Arn")?;
        let key = text(properties, "RouteKey")?;
        let route = match key.split_once(' ') {
            Some((method, path)) => Route::Path { method: method.to_owned(), path: path.to_owned() },
            None => Route::Default,
        };
        routes.entry(function.to_owned()).or_default().push(route);
    }
    Some(routes)
}

fn bucket(resource: &Value) -> Option<Bucket> {
    let properties = resource.get("Properties")?;
    let rule = properties.get("CorsConfiguration")?.get("CorsRules")?.as_sequence()?.first()?;
    let texts = |name: &str| rule.get(name)?.as_sequence()?.iter().map(resolved).collect::<Option<Vec<_>>>();
    Some(Bucket {
        name: resolved(properties.get("BucketName")?)?,
        allowed_methods: texts("AllowedMethods")?,
        exposed_headers: texts("ExposedHeaders")?,
        max_age: rule.get("MaxAge")?.as_u64()?,
    })
}

fn training(queue: &Value, definition: &Value) -> Option<Training> {
    let queue = queue.get("Properties")?;
    let definition = definition.get("Properties")?;
    let variables = definition.get("ContainerProperties")?.get("Environment").and_then(Value::as_sequence);
    let retry = definition.get("RetryStrategy")?;
    let rules = retry.get("EvaluateOnExit").map_or_else(|| serde_json::Value::Array(Vec::new()), json);
    let variable = |variable: &Value| Some((text(variable, "Name")?, resolved(variable.get("Value")?)?));
    Some(Training {
        queue: resolved(queue.get("JobQueueName")?)?,
        definition: resolved(definition.get("JobDefinitionName")?)?,
        attempts: u32::try_from(retry.get("Attempts")?.as_u64()?).ok()?,
        retries: serde_json::from_value(rules).ok()?,
        timeout: definition.get("Timeout")?.get("AttemptDurationSeconds")?.as_u64()?,
        environment: variables.into_iter().flatten().map(variable).collect::<Option<_>>()?,
    })
}

/// The table's properties, those that `CreateTable` knows.
fn table(resource: &Value) -> anyhow::Result<serde_json::Value> {
    const KNOWN: [&str; 5] = ["TableName", "BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes"];
    let properties = resource.get("Properties").context("a table of template.yaml has no properties")?;
    let known = KNOWN.iter().filter_map(|name| Some(((*name).to_owned(), json(properties.get(name)?))));
    Ok(serde_json::Value::Object(known.collect()))
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Sequence(items) => items.iter().map(json).collect(),
        Value::Mapping(fields) => fields
            .iter()
            .filter_map(|(name, value)| Some((name.as_str()?.to_owned(), json(value))))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => number.as_i64().into(),
        other => resolved(other).into(),
    }
}

/// The interval in `rate(1 minute)`.
fn rate(schedule: &str) -> Option<Duration> {
    let (number, unit) = schedule.strip_prefix("rate(")?.strip_suffix(')')?.split_once(' ')?;
    let seconds = match unit.trim_end_matches('s') {
        "minute" => 60,
        "hour" => 3_600,
        _ => return None,
    };
    Some(Duration::from_secs(number.parse::<u64>().ok()? * seconds))
}

fn prefix(event: &Value) -> Option<String> {
    let rules = event.get("Filter")?.get("S3Key")?.get("Rules")?.as_sequence()?;
    rules.iter().find(|rule| text(rule, "Name").as_deref() == Some("prefix")).and_then(|rule| text(rule, "Value"))
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().map(str::to_owned)
}

/// A text with its parameters filled in as the local stack has them.
fn resolved(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Tagged(tagged) if tagged.tag == "Ref" => parameter(tagged.value.as_str()?).map(str::to_owned),
        Value::Tagged(tagged) if tagged.tag == "Sub" => {
            // A text, or a text and what its own names stand for.
            let (text, own) = match tagged.value.as_sequence().map(Vec::as_slice) {
                Some([text, own]) => (text.as_str()?, own.as_mapping()),
                _ => (tagged.value.as_str()?, None),
            };
            let mut text = text.to_owned();
            for (name, value) in own.into_iter().flatten() {
                text = text.replace(&format!("${{{}}}", name.as_str()?), &resolved(value)?);
            }
            for name in ["Project", "Environment", "AWS::AccountId"] {
                text = text.replace(&format!("${{{name}}}"), parameter(name)?);
            }
            Some(text)
        }
        // Of the lists that are joined, each has one entry here.
        Value::Tagged(tagged) if tagged.tag == "Join" => resolved(tagged.value.get(1)?),
        _ => None,
    }
}

fn parameter(name: &str) -> Option<&'static str> {
    match name {
        "Project" => Some("automl"),
        "Environment" => Some("local"),
        "AWS::AccountId" => Some(ACCOUNT),
        "CorsOrigins" => Some("*"),
        "MaxUploadSize" => Some("5368709120"),
        "PresignedUrlExpiration" => Some("3600"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_names_every_function_and_its_routes() {
        let template = Template::read().unwrap();
        let names: Vec<&str> = template.functions.keys().map(String::as_str).collect();
        assert_eq!(names, ["datasets", "deploy", "front", "ingest", "job-events", "jobs", "predict", "upload"]);
        let patch = Route::Path { method: "PATCH".to_owned(), path: "/jobs/{job_id}".to_owned() };
        assert!(template.functions["jobs"].routes.contains(&patch));
        assert!(template.functions["front"].routes.contains(&Route::Default));
        assert_eq!(template.functions["job-events"].schedule, Some(Duration::from_mins(1)));
        assert_eq!(template.functions["ingest"].timeout, Duration::from_mins(15));
        assert_eq!(template.functions["jobs"].timeout, Duration::from_secs(30), "the default of all functions");
    }

    #[test]
    fn browsers_may_put_uploads_only() {
        let buckets = Template::read().unwrap().buckets;
        let rules: Vec<_> = buckets.iter().map(|bucket| (bucket.name.as_str(), bucket.allowed_methods.join(" "))).collect();
        let named = ["datasets", "models", "reports"].map(|what| format!("automl-local-{what}-{ACCOUNT}"));
        assert_eq!(rules, [(&*named[0], "PUT POST GET".to_owned()), (&*named[1], "GET".to_owned()), (&*named[2], "GET".to_owned())]);
        assert!(buckets.iter().all(|bucket| bucket.exposed_headers == ["ETag", "Content-Disposition"]));
    }

    #[test]
    fn jobs_have_the_limits_of_their_definition() {
        let Template { training, environment, .. } = Template::read().unwrap();
        assert_eq!((&training.queue, &training.definition), (&environment["BATCH_JOB_QUEUE"], &environment["BATCH_JOB_DEFINITION"]));
        assert_eq!((training.attempts, training.timeout), (3, 4200));
    }

    #[test]
    fn jobs_have_the_machine_that_their_cost_is_estimated_for() {
        let (vcpus, memory) = (domain::TRAINER_VCPUS, domain::TRAINER_MEMORY_GB * 1_024);
        let machine = format!("{{ Type: VCPU, Value: \"{vcpus}\" }}, {{ Type: MEMORY, Value: \"{memory}\" }}");
        assert!(TEMPLATE.contains(&machine), "{machine}");
    }

    #[test]
    fn names_are_filled_in() {
        let template = Template::read().unwrap();
        assert_eq!(template.environment["S3_BUCKET_DATASETS"], format!("automl-local-datasets-{ACCOUNT}"));
        assert_eq!(
            (template.environment["CORS_ORIGINS"].as_str(), template.environment["EVENT_BUS"].as_str()),
            (r#"["*"]"#, "automl-local")
        );
        assert_eq!(template.upload_prefix, "datasets/");
        let names: Vec<&str> = template.tables.iter().filter_map(|table| table["TableName"].as_str()).collect();
        assert_eq!(names, ["automl-local-datasets", "automl-local-training-jobs"]);
        assert_eq!(template.tables[1]["GlobalSecondaryIndexes"][1]["IndexName"], "user_id-created_at-index");
    }
}
