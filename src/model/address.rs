//! `service.web`: what every resource is called, everywhere.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The logical address of a resource: a kind and a name that is unique within that kind and stack. Never holds an AWS id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    kind: String,
    name: String,
}

/// Text that is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an address; addresses look like `service.web`")]
pub struct AddressError(pub String);

impl Address {
    /// An address from its parts. The parts come from our own code or from validated configuration.
    pub fn new(kind: &str, name: &str) -> Self {
        Self { kind: kind.to_owned(), name: name.to_owned() }
    }

    /// The kind, for example `service`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The name within the kind, for example `web`.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.kind, self.name)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let well_formed = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        };
        match text.split_once('.') {
            // A name may be a domain and hold dots; a kind never does.
            Some((kind, name)) if well_formed(kind) && name.split('.').all(well_formed) => {
                Ok(Self::new(kind, name))
            }
            _ => Err(AddressError(text.to_owned())),
        }
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_address_prints_and_parses_back() {
        for address in [Address::new("service", "my-web_1"), Address::new("certificate", "_.app.example.com")]
        {
            assert_eq!(address.to_string().parse::<Address>().unwrap(), address);
        }
    }

    #[test]
    fn text_that_is_no_address_is_refused() {
        for text in ["", "service", "service.", ".web", "service.web\n", "a b.c", "service..x", "service.x."]
        {
            assert!(text.parse::<Address>().is_err(), "{text:?}");
        }
    }
}
