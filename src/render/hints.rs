//! What somebody can do about a failed AWS call.

use crate::model::CallError;

/// Codes by which services say that the credentials themselves are no longer or not yet good.
const EXPIRED: &[&str] = &["ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"];
/// Codes by which services refuse credentials that they do not know.
const UNKNOWN: &[&str] = &[
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "AuthFailure",
    "IncompleteSignature",
];
/// Codes by which services ask for fewer calls.
const THROTTLED: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "PriorRequestNotComplete",
];

/// The hints for one failed call, most useful first. Empty when the message says it all.
pub fn of(error: &CallError) -> Vec<String> {
    let code = error.code.as_str();
    if error.is_access_denied() {
        let mut hints = vec![format!("the credentials in use lack the permission `{}`", error.op)];
        if error.message.contains("explicit deny") {
            hints.push(
                "a policy denies it explicitly, perhaps a service control policy or a permissions boundary"
                    .to_owned(),
            );
        }
        return hints;
    }
    if EXPIRED.contains(&code) {
        return vec![
            "the credentials have expired: sign in again, or let the job ask for new ones".to_owned(),
        ];
    }
    if UNKNOWN.contains(&code) {
        return vec![
            "AWS does not accept these credentials: check the profile, the access key and the clock of this machine".to_owned(),
        ];
    }
    if THROTTLED.contains(&code) {
        return vec![
            "AWS answers too many calls at once: wait a minute and run the same command again".to_owned(),
        ];
    }
    if error.unanswered {
        let network = "check the network, a proxy, and `AWS_ENDPOINT_URL`";
        if reads(&error.op) {
            return vec![network.to_owned()];
        }
        return vec![
            "no answer came, so the call may have taken effect: run the same command again, it looks first"
                .to_owned(),
            format!("if this repeats, {network}"),
        ];
    }
    Vec::new()
}

/// Whether an IAM action only reads, by its verb.
fn reads(op: &str) -> bool {
    let action = op.split(':').nth(1).unwrap_or(op);
    ["BatchGet", "Describe", "Get", "List"].iter().any(|verb| action.starts_with(verb))
}
