//! Service revisions: the workloads that deployments wanted.

use serde_json::{Value, json};

use super::deployments::spec;
use super::json::{list, text, time};
use super::task_definitions::Revision;
use super::tasks::digest_of;

/// One service revision: the workload that a deployment wanted.
#[derive(Debug, Clone)]
pub struct Workload {
    /// `arn:…:service-revision/CLUSTER/SERVICE/DIGITS`.
    pub arn: String,
    /// The settings of the service at that time.
    pub settings: Value,
    images: Vec<Value>,
    created_at: f64,
}

impl Workload {
    /// The settings of a service as they are `now`, with the images of its task definition.
    pub fn new(arn: String, settings: Value, images: Vec<Value>, now: f64) -> Self {
        Self { arn, settings, images, created_at: now }
    }

    /// As `DescribeServiceRevisions` answers it.
    pub fn show(&self, service: &str, cluster: &str) -> Value {
        let mut shown = spec(&self.settings);
        for key in ["loadBalancers", "serviceRegistries", "gatewayConnectors", "monitoring"] {
            if let Some(value) = self.settings.get(key) {
                shown.insert(key.to_owned(), value.clone());
            }
        }
        let groups: Vec<Value> = list(&self.settings, "loadBalancers")
            .iter()
            .filter_map(|one| Some(json!({ "targetGroupArn": text(one, "targetGroupArn")? })))
            .collect();
        let mut put = |key: &str, value: Value| {
            shown.insert(key.to_owned(), value);
        };
        put("resolvedConfiguration", json!({ "loadBalancers": groups }));
        put("serviceRevisionArn", json!(self.arn));
        put("serviceArn", json!(service));
        put("clusterArn", json!(cluster));
        put("containerImages", json!(self.images));
        put("guardDutyEnabled", json!(false));
        put("createdAt", time(self.created_at));
        Value::Object(shown)
    }
}

/// `containerImages` of a service revision. A tag stands for the digest that it had when the revision was made.
pub fn container_images(definition: &Revision) -> Vec<Value> {
    let image = |one: &Value| {
        let image = text(one, "image").unwrap_or_default();
        json!({ "containerName": text(one, "name"), "image": image, "imageDigest": digest_of(image) })
    };
    definition.containers().iter().map(image).collect()
}
