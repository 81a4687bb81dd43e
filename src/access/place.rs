//! Where a stack is, as far as that is known without AWS.

use crate::stack::Scope;

/// What stands for an account that nobody told.
pub const UNKNOWN_ACCOUNT: &str = "<ACCOUNT>";

/// The account and region that the ARNs of a policy name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Partition, region and account; the account may be a placeholder.
    pub scope: Scope,
}

impl Place {
    /// A place; without an account a placeholder stands for it. The partition follows from the region unless STS told it.
    pub fn new(account: Option<&str>, region: &str, partition: Option<&str>) -> Self {
        let partition = partition.unwrap_or_else(|| partition_of(region));
        Self {
            scope: Scope {
                partition: partition.to_owned(),
                region: region.to_owned(),
                account: account.unwrap_or(UNKNOWN_ACCOUNT).to_owned(),
            },
        }
    }

    /// Somebody must put the account in.
    pub fn is_open(&self) -> bool {
        self.scope.account == UNKNOWN_ACCOUNT
    }

    /// An ARN of a service without regions.
    pub fn global(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}::{}:{resource}", self.scope.partition, self.scope.account)
    }
}

/// The partition of a region (AWS SDK partition data, `regionRegex`).
fn partition_of(region: &str) -> &'static str {
    const STARTS: [(&str, &str); 7] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-isob-", "aws-iso-b"),
        ("us-isof-", "aws-iso-f"),
        ("us-iso-", "aws-iso"),
        ("eu-isoe-", "aws-iso-e"),
        ("eusc-", "aws-eusc"),
    ];
    STARTS.iter().find(|(start, _)| region.starts_with(start)).map_or("aws", |(_, partition)| partition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_partition_follows_from_the_region_unless_it_is_known() {
        for (region, partition) in [
            ("eu-west-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-isob-east-1", "aws-iso-b"),
        ] {
            assert_eq!(Place::new(None, region, None).scope.partition, partition);
        }
        assert_eq!(Place::new(None, "eu-west-1", Some("aws-x")).scope.partition, "aws-x");
        assert!(Place::new(None, "eu-west-1", None).is_open());
        assert!(!Place::new(Some("123456789012"), "eu-west-1", None).is_open());
    }
}
