//! Where the account is, the ARNs of its resources, and identifiers that look like those of AWS.

use sha2::{Digest, Sha256};

/// Account, region and partition: the prefix of every ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: &'static str,
    /// For example `eu-west-1`.
    pub region: String,
    /// Twelve digits.
    pub account: String,
}

impl Place {
    /// The partition follows from the region.
    pub fn new(account: &str, region: &str) -> Self {
        let partition = if region.starts_with("cn-") {
            "aws-cn"
        } else if region.starts_with("us-gov-") {
            "aws-us-gov"
        } else {
            "aws"
        };
        Self { partition, region: region.to_owned(), account: account.to_owned() }
    }

    /// An ARN of ECS; `tail` is `cluster/…`, `service/…` and so on.
    pub fn arn(&self, tail: &str) -> String {
        self.arn_of("ecs", tail)
    }

    /// An ARN of a service in this account and region.
    pub fn arn_of(&self, service: &str, tail: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{tail}", self.partition, self.region, self.account)
    }

    /// The root user: stands for the caller, whom ECS names in `registeredBy` and `createdBy`.
    pub fn caller(&self) -> String {
        format!("arn:{}:iam::{}:root", self.partition, self.account)
    }

    /// The service-linked role that services use.
    pub fn service_role(&self) -> String {
        format!(
            "arn:{}:iam::{}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
            self.partition, self.account
        )
    }

    /// The tail of an ECS ARN of this account and region: `None` for anything else, foreign ARNs included.
    pub fn tail<'a>(&self, arn: &'a str) -> Option<&'a str> {
        arn.strip_prefix(&self.arn(""))
    }
}

/// A source of identifiers: the same calls give the same identifiers again.
#[derive(Debug, Clone)]
pub struct Ids {
    salt: String,
    used: u64,
}

impl Ids {
    /// Identifiers of one account and region.
    pub fn new(place: &Place) -> Self {
        Self { salt: place.arn(""), used: 0 }
    }

    /// 32 hexadecimal digits: tasks, runtime ids.
    pub fn hex(&mut self) -> String {
        self.used += 1;
        let mut digits = sha256_hex(&format!("{}#{}", self.salt, self.used));
        digits.truncate(32);
        digits
    }

    /// A UUID: events, attachments, containers.
    pub fn uuid(&mut self) -> String {
        let hex = self.hex();
        let mut out = String::with_capacity(36);
        for (at, digit) in hex.chars().enumerate() {
            if matches!(at, 8 | 12 | 16 | 20) {
                out.push('-');
            }
            out.push(digit);
        }
        out
    }

    /// `ecs-svc/` and 19 decimal digits: a deployment.
    pub fn deployment(&mut self) -> String {
        format!("ecs-svc/{}", self.digits())
    }

    /// 19 decimal digits: a service revision.
    pub fn digits(&mut self) -> String {
        let hex: String = self.hex().chars().take(15).collect();
        // 15 hexadecimal digits stay below 1.16e18, so that the sum always has 19 decimal digits.
        let number = u64::from_str_radix(&hex, 16).unwrap_or_default() + 1_000_000_000_000_000_000;
        number.to_string()
    }

    /// 21 letters, digits, `-` and `_`: a service deployment.
    pub fn token(&mut self) -> String {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let digest = Sha256::digest(self.hex().as_bytes());
        let letter = |byte: &u8| LETTERS.get(usize::from(byte & 63)).copied().map_or('-', char::from);
        digest.iter().take(21).map(letter).collect()
    }

    /// `prefix-` and 17 hexadecimal digits: an ENI.
    pub fn ec2(&mut self, prefix: &str) -> String {
        let hex: String = self.hex().chars().take(17).collect();
        format!("{prefix}-{hex}")
    }

    /// How many identifiers were given out: differs for any two identifiers.
    pub fn used(&self) -> u64 {
        self.used
    }
}

/// SHA-256 of a text in hexadecimal digits.
pub fn sha256_hex(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::with_capacity(64), |mut out, byte| {
        for half in [byte >> 4, byte & 15] {
            out.extend(char::from_digit(u32::from(half), 16));
        }
        out
    })
}
