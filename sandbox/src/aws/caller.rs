//! Who calls what: read from the credential scope.

use crate::http::Request;

/// The account of calls whose access key names none.
pub const DEFAULT_ACCOUNT: &str = "123456789012";

/// The region that the sandbox is seeded in.
pub const DEFAULT_REGION: &str = "us-east-1";

/// The credential scope of a signed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Access key id.
    pub access_key: String,
    /// Region.
    pub region: String,
    /// Signing name of the service.
    pub service: String,
}

impl Scope {
    /// The scope of a request: from its `Authorization` header, or from the query of a presigned address.
    pub fn of(request: &Request) -> Option<Self> {
        let header = request.header("authorization");
        let credential = if header.starts_with("AWS4-HMAC-SHA256") {
            let (_, after) = header.split_once("Credential=")?;
            after.split([',', ' ']).next()?
        } else {
            request.query.get("X-Amz-Credential")?
        };
        // The key may hold slashes in theory, the four parts after it cannot.
        let mut parts = credential.rsplitn(5, '/');
        let (_terminator, service) = (parts.next()?, parts.next()?);
        let (region, _date, access_key) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { access_key: access_key.into(), region: region.into(), service: service.into() })
    }
}

/// The account of an access key: a key of 12 digits is the account's id.
pub fn account_of(access_key: &str) -> &str {
    if access_key.len() == 12 && access_key.bytes().all(|byte| byte.is_ascii_digit()) {
        access_key
    } else {
        DEFAULT_ACCOUNT
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn signed(value: &str) -> Request {
        let mut request = Request::default();
        request.headers.insert("authorization".into(), value.into());
        request
    }

    #[test]
    fn the_scope_names_key_region_and_service() {
        let request = signed(
            "AWS4-HMAC-SHA256 Credential=111122223333/20260102/eu-west-1/ecs/aws4_request, SignedHeaders=host, Signature=ab",
        );
        let scope = Scope::of(&request).unwrap();
        assert_eq!(
            (scope.access_key.as_str(), scope.region.as_str(), scope.service.as_str()),
            ("111122223333", "eu-west-1", "ecs")
        );
    }

    #[test]
    fn a_request_without_signature_has_no_scope() {
        assert_eq!(Scope::of(&Request::default()), None);
        assert_eq!(Scope::of(&signed("Bearer x")), None);
        assert_eq!(Scope::of(&signed("AWS4-HMAC-SHA256 Credential=short/ecs")), None);
    }

    #[test]
    fn only_a_key_of_twelve_digits_names_an_account() {
        assert_eq!(account_of("111122223333"), "111122223333");
        assert_eq!(account_of("AKIAIOSFODNN7EXAMPLE"), DEFAULT_ACCOUNT);
        assert_eq!(account_of("11112222333"), DEFAULT_ACCOUNT);
    }
}
