//! Calls that the sandbox makes itself: to moto, in the name of an account, never recorded.

use serde_json::Value;

use crate::aws::error::result_of;
use crate::http::{Request, Response, form, pairs};
use crate::moto::Moto;

/// A call of our own that failed: a fault of the sandbox, or of moto.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{call} failed: {said}")]
pub struct InternalError {
    /// Service and operation.
    pub call: String,
    /// Error code.
    pub code: String,
    /// The answer's body, or why there was none.
    pub said: String,
}

/// An account and region to make calls in.
#[derive(Debug, Clone, Copy)]
pub struct Internal<'a> {
    /// Where calls go.
    pub moto: &'a Moto,
    /// Account id.
    pub account: &'a str,
    /// Region.
    pub region: &'a str,
}

impl Internal<'_> {
    /// Calls an awsQuery or EC2 operation; gives the XML.
    pub async fn query(
        &self,
        service: &str,
        action: &str,
        fields: &[(&str, &str)],
    ) -> Result<String, InternalError> {
        let version = match service {
            "ec2" => "2016-11-15",
            "iam" => "2010-05-08",
            _ => "2015-12-01",
        };
        let mut all = vec![("Action", action), ("Version", version)];
        all.extend_from_slice(fields);
        let mut request = self.request(service, "POST", "/");
        request.headers.insert("content-type".into(), "application/x-www-form-urlencoded".into());
        request.body = form(&all).into_bytes();
        self.send(format!("{service}:{action}"), request, "").await
    }

    /// Calls an awsJson operation; `target` is the whole `X-Amz-Target`.
    pub async fn json(&self, service: &str, target: &str, body: &Value) -> Result<Value, InternalError> {
        let mut request = self.request(service, "POST", "/");
        request.headers.insert("content-type".into(), "application/x-amz-json-1.1".into());
        request.headers.insert("x-amz-target".into(), target.into());
        request.body = body.to_string().into_bytes();
        let text = self.send(format!("{service}:{target}"), request, "").await?;
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Calls a REST operation with a path and query; gives the body.
    pub async fn rest(
        &self,
        service: &str,
        method: &str,
        path: &str,
        content_type: &str,
        body: String,
    ) -> Result<String, InternalError> {
        let (bare, query) = path.split_once('?').unwrap_or((path, ""));
        let mut request = self.request(service, method, bare);
        request.query = pairs(query);
        request.headers.insert("content-type".into(), content_type.into());
        request.body = body.into_bytes();
        self.send(format!("{service}:{method} {path}"), request, query).await
    }

    fn request(&self, service: &str, method: &str, path: &str) -> Request {
        let mut request = Request { method: method.into(), path: path.into(), ..Request::default() };
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/20260101/{}/{service}/aws4_request, SignedHeaders=host, Signature=0",
            self.account, self.region
        );
        request.headers.insert("authorization".into(), authorization);
        request.headers.insert("host".into(), format!("{service}.{}.amazonaws.com", self.region));
        request
    }

    async fn send(&self, call: String, request: Request, query: &str) -> Result<String, InternalError> {
        let answer = self.moto.forward(&request, query, self.account).await;
        let response: Response = match answer {
            Ok(response) => response,
            Err(error) => {
                return Err(InternalError { call, code: "NoAnswer".into(), said: error.to_string() });
            }
        };
        let text = String::from_utf8_lossy(&response.body).into_owned();
        if response.status < 400 {
            Ok(text)
        } else {
            Err(InternalError { call, code: result_of(&response), said: text })
        }
    }
}
