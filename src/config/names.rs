//! Names and the limits that AWS puts on them.

/// How many tags a user can give a resource: AWS takes 50, and the rest is for the tags that show whose a resource is.
pub const TAGS_MAX: usize = 40;
/// Tag keys that begin so are the product's own.
pub const OWN_TAGS: &str = "fargate-stack:";

/// What AWS takes as the name of one kind of thing.
pub struct Rule {
    /// What a message calls the thing.
    pub what: &'static str,
    /// The largest number of characters.
    pub max: usize,
    /// The characters besides ASCII letters and digits.
    pub marks: &'static str,
}

/// The application: its name stands in the names of all other things.
pub const APP: Rule = Rule { what: "an application name", max: 200, marks: "-_" };
/// ECS clusters, services, containers and families share one rule.
pub const ECS: Rule = Rule { what: "an ECS name", max: 255, marks: "-_" };
/// IAM roles.
pub const ROLE: Rule = Rule { what: "the name of an IAM role", max: 64, marks: "_+=,.@-" };
/// Inline policies of IAM roles.
pub const POLICY: Rule = Rule { what: "the name of an IAM policy", max: 128, marks: "_+=,.@-" };
/// CloudWatch log groups.
pub const LOG_GROUP: Rule = Rule { what: "the name of a log group", max: 512, marks: ".-_/#" };
/// Security groups in a VPC.
pub const SECURITY_GROUP: Rule =
    Rule { what: "the name of a security group", max: 255, marks: " ._-:/()#,@[]+=&;{}!$*" };
/// EventBridge rules.
pub const EVENT_RULE: Rule = Rule { what: "the name of an EventBridge rule", max: 64, marks: "._-" };

impl Rule {
    /// What is wrong with a name, as the end of a sentence that begins with the name.
    pub fn against(&self, name: &str) -> Option<String> {
        let length = name.chars().count();
        if name.is_empty() {
            return Some("is empty".to_owned());
        }
        if let Some(bad) = name.chars().find(|c| !c.is_ascii_alphanumeric() && !self.marks.contains(*c)) {
            let bad = if bad == ' ' {
                "a space".to_owned()
            } else {
                format!("the character `{}`", bad.escape_debug())
            };
            return Some(format!("has {bad}, which {} cannot have", self.what));
        }
        (length > self.max)
            .then(|| format!("has {length} characters, but {} can have at most {}", self.what, self.max))
    }

    /// The characters in words.
    pub fn characters(&self) -> String {
        let marks: Vec<String> =
            self.marks.chars().filter(|mark| *mark != ' ').map(|mark| format!("`{mark}`")).collect();
        format!("use letters, digits and {}", marks.join(" "))
    }
}

/// The application's name as it stands in the names of roles and policies: each part between `-` and `_` with a capital first
/// letter, and joined (`http-test` → `HttpTest`).
pub fn normal_name(app: &str) -> String {
    app.split(['-', '_'])
        .flat_map(|part| {
            let mut chars = part.chars();
            chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars)
        })
        .collect()
}

/// The region of a text such as `us-east-1`, and whether it names an Availability Zone instead.
pub fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lower = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    match parts.as_slice() {
        [first, middle @ .., last] => {
            first.len() == 2
                && lower(first)
                && !middle.is_empty()
                && middle.iter().all(lower)
                && matches!(last.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'9', b'0'..=b'9'])
        }
        _ => false,
    }
}

/// Whether `text` is an EC2 id with this prefix (8 or 17 hexadecimal digits after the dash).
pub fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-')).is_some_and(|digits| {
        matches!(digits.len(), 8 | 17)
            && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

/// What is wrong with the name of an environment variable.
pub fn variable(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("the name of the environment variable is empty".to_owned());
    }
    let bad = name.chars().find(|c| *c == '=' || c.is_whitespace() || c.is_control())?;
    Some(format!("an environment variable cannot have the character `{}` in its name", bad.escape_debug()))
}

/// What is wrong with a tag, as the end of a sentence that begins with its key.
pub fn tag(key: &str, value: &str) -> Option<String> {
    let bad = |text: &str| text.chars().find(|c| !(c.is_alphanumeric() || " _.:/=+-@".contains(*c)));
    let (key_length, value_length) = (key.chars().count(), value.chars().count());
    if key.is_empty() {
        Some("is empty; a tag needs a key".to_owned())
    } else if key_length > 128 {
        Some(format!("has {key_length} characters, but the key of a tag can have at most 128"))
    } else if value_length > 256 {
        Some(format!("has a value of {value_length} characters, but the value of a tag can have at most 256"))
    } else if key.to_ascii_lowercase().starts_with("aws:") {
        Some("begins with `aws:`, which AWS keeps for itself".to_owned())
    } else if key.starts_with(OWN_TAGS) {
        Some(format!("begins with `{OWN_TAGS}`, which marks whose a resource is"))
    } else if let Some(c) = bad(key) {
        Some(format!("has the character `{}`, which the key of a tag cannot have", c.escape_debug()))
    } else {
        bad(value).map(|c| {
            format!(
                "has the character `{}` in its value, which the value of a tag cannot have",
                c.escape_debug()
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_an_application_name_are_joined_with_capitals() {
        for (app, normal) in [
            ("http-test", "HttpTest"),
            ("my_cron-job", "MyCronJob"),
            ("a--b", "AB"),
            ("WEB", "WEB"),
            ("-", ""),
        ] {
            assert_eq!(normal_name(app), normal);
        }
    }

    #[test]
    fn regions_of_every_partition_are_known_by_their_form() {
        for region in ["us-east-1", "us-gov-west-1", "cn-north-1", "eu-isoe-west-1", "ap-southeast-7"] {
            assert!(is_region(region), "{region}");
        }
        for text in
            ["", "us-east", "us-east-1a", "useast1", "US-EAST-1", "us--1", "usa-east-1", "us-east-100"]
        {
            assert!(!is_region(text), "{text}");
        }
    }
}
