//! Errors, written as the protocol and the service of a call write them.

use serde_json::json;

use super::operation::Protocol;
use crate::http::Response;
use crate::xml;

/// An error to answer with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Error code.
    pub code: String,
    /// Message.
    pub message: String,
}

impl Refusal {
    /// An error with status 400.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { status: 400, code: code.into(), message: message.into() }
    }

    /// An operation that neither moto nor the sandbox has. Status 501: the SDKs do not repeat it.
    pub fn not_emulated(service: &str, operation: &str, why: &str) -> Self {
        Self {
            status: 501,
            code: "NotEmulated".into(),
            message: format!("not emulated: {service}:{operation} (moto: {why})"),
        }
    }

    /// The throttling error of a service.
    pub fn throttle(service: &str, protocol: Protocol) -> Self {
        let (status, code) = match (service, protocol) {
            ("s3", _) => (503, "SlowDown"),
            (_, Protocol::Ec2) => (503, "RequestLimitExceeded"),
            (_, Protocol::Query | Protocol::RestXml) => (400, "Throttling"),
            (_, Protocol::RestJson) => (429, "ThrottlingException"),
            _ => (400, "ThrottlingException"),
        };
        Self { status, code: code.into(), message: "Rate exceeded".into() }
    }

    /// The internal error of a service.
    pub fn internal(service: &str, protocol: Protocol) -> Self {
        let code = match (service, protocol) {
            ("ecs" | "ecr", _) => "ServerException",
            ("logs", _) => "ServiceUnavailableException",
            ("events", _) => "InternalException",
            ("secretsmanager", _) => "InternalServiceError",
            (_, Protocol::Ec2 | Protocol::S3) => "InternalError",
            (_, Protocol::Query | Protocol::RestXml) => "InternalFailure",
            _ => "InternalServerError",
        };
        Self {
            status: 500,
            code: code.into(),
            message: "An internal error occurred. Try again later.".into(),
        }
    }

    /// The access-denied error of a service.
    pub fn access_denied(service: &str, operation: &str, protocol: Protocol, account: &str) -> Self {
        let prefix = match service {
            "tagging" => "tag",
            "monitoring" => "cloudwatch",
            other => other,
        };
        let (status, code) = match protocol {
            Protocol::Ec2 => (403, "UnauthorizedOperation"),
            Protocol::Query | Protocol::RestXml | Protocol::S3 => (403, "AccessDenied"),
            Protocol::RestJson => (403, "AccessDeniedException"),
            Protocol::Json | Protocol::Cbor => (400, "AccessDeniedException"),
        };
        let message = format!(
            "User: arn:aws:sts::{account}:assumed-role/deploy/session is not authorized to perform: {prefix}:{operation} \
             because no identity-based policy allows the {prefix}:{operation} action"
        );
        Self { status, code: code.into(), message }
    }

    /// The answer on the wire.
    pub fn response(&self, protocol: Protocol) -> Response {
        let (code, message) = (xml::escape(&self.code), xml::escape(&self.message));
        let fault = if self.status < 500 { "Sender" } else { "Receiver" };
        let id = "00000000-0000-4000-8000-000000000000";
        let mut response = match protocol {
            Protocol::Json => Response::text(
                self.status,
                "application/x-amz-json-1.1",
                json!({"__type": self.code, "message": self.message}).to_string(),
            ),
            Protocol::RestJson => Response::json(
                self.status,
                &json!({"ErrorCode": self.code, "Message": self.message, "message": self.message}),
            ),
            Protocol::Cbor => Response {
                status: self.status,
                headers: vec![
                    ("content-type".into(), "application/cbor".into()),
                    ("smithy-protocol".into(), "rpc-v2-cbor".into()),
                ],
                body: cbor(&[("__type", &self.code), ("message", &self.message)]),
            },
            Protocol::Ec2 => Response::text(
                self.status,
                "text/xml;charset=UTF-8",
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{code}</Code><Message>{message}\
                     </Message></Error></Errors><RequestID>{id}</RequestID></Response>"
                ),
            ),
            Protocol::S3 => Response::text(
                self.status,
                "application/xml",
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>\
                     <RequestId>{id}</RequestId></Error>"
                ),
            ),
            Protocol::Query | Protocol::RestXml => Response::text(
                self.status,
                "text/xml",
                format!(
                    "<ErrorResponse><Error><Type>{fault}</Type><Code>{code}</Code><Message>{message}</Message></Error>\
                     <RequestId>{id}</RequestId></ErrorResponse>"
                ),
            ),
        };
        response.headers.push(("x-amzn-requestid".into(), id.into()));
        if protocol == Protocol::RestJson {
            response.headers.push(("x-amzn-errortype".into(), self.code.clone()));
        }
        response
    }
}

/// A CBOR map of texts.
fn cbor(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    cbor_head(&mut out, 0xa0, pairs.len());
    for (key, value) in pairs {
        for text in [key, value] {
            cbor_head(&mut out, 0x60, text.len());
            out.extend_from_slice(text.as_bytes());
        }
    }
    out
}

/// The head of a CBOR item: major type and length.
fn cbor_head(out: &mut Vec<u8>, major: u8, length: usize) {
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if short < 24 => out.push(major | short),
        (Ok(byte), _) => out.extend_from_slice(&[major | 0x18, byte]),
        (_, Ok(word)) => {
            out.push(major | 0x19);
            out.extend_from_slice(&word.to_be_bytes());
        }
        _ => {
            out.push(major | 0x1a);
            out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
        }
    }
}

/// What an answer means: `ok`, or the error code that it carries.
pub fn result_of(response: &Response) -> String {
    if response.status < 400 {
        return "ok".into();
    }
    let text = String::from_utf8_lossy(&response.body);
    let from_json = || {
        let body: serde_json::Value = serde_json::from_str(&text).ok()?;
        let code =
            body.get("__type").or_else(|| body.get("code")).or_else(|| body.get("ErrorCode"))?.as_str()?;
        Some(code.to_owned())
    };
    let header = response.header("x-amzn-errortype");
    let from_header = || (!header.is_empty()).then(|| header.to_owned());
    let code = from_header().or_else(from_json).or_else(|| xml::first(&text, "Code"));
    let code = code.unwrap_or_else(|| format!("http {}", response.status));
    // `com.amazonaws.ecs#ClientException` and `ClientException:http://…` are the same error.
    let code = code.rsplit('#').next().unwrap_or(&code);
    code.split(':').next().unwrap_or(code).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[Protocol] = &[
        Protocol::Json,
        Protocol::Query,
        Protocol::Ec2,
        Protocol::RestXml,
        Protocol::S3,
        Protocol::RestJson,
    ];

    #[test]
    fn an_error_can_be_read_back_in_every_protocol() {
        for protocol in ALL {
            let response = Refusal::new("SomeException", "a <b> & \"c\"").response(*protocol);
            assert_eq!(
                (response.status, result_of(&response).as_str()),
                (400, "SomeException"),
                "{protocol:?}"
            );
        }
    }

    #[test]
    fn throttling_has_the_code_of_the_service() {
        assert_eq!(Refusal::throttle("ecs", Protocol::Json).code, "ThrottlingException");
        assert_eq!(Refusal::throttle("ec2", Protocol::Ec2).code, "RequestLimitExceeded");
        assert_eq!(Refusal::throttle("iam", Protocol::Query).code, "Throttling");
        assert_eq!(Refusal::throttle("s3", Protocol::S3).code, "SlowDown");
    }

    #[test]
    fn namespaces_and_addresses_are_not_part_of_a_code() {
        let json = |text: &str| Response::text(400, "application/json", text);
        assert_eq!(result_of(&json(r#"{"__type":"com.amazonaws.ecs#ClientException"}"#)), "ClientException");
        assert_eq!(result_of(&Response::text(502, "text/html", "<html>")), "http 502");
    }

    #[test]
    fn long_texts_fit_into_cbor() {
        let text = "x".repeat(300);
        let bytes = cbor(&[("message", &text)]);
        assert_eq!(bytes.get(..9), Some(&[0xa1, 0x67, b'm', b'e', b's', b's', b'a', b'g', b'e'][..]));
        assert_eq!(bytes.get(9..12), Some(&[0x79, 0x01, 0x2c][..]));
    }
}
