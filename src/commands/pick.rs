//! Which task or service a word of the user means: never a silent choice.

use std::collections::BTreeMap;

use crate::config::{Config, Task};
use crate::error::{Error, ExitStatus};

/// The services of the stack file, by key.
pub fn services(config: &Config) -> BTreeMap<&str, &Task> {
    matching(config, |task| task.kind.is_service())
}

/// The tasks of the stack file that fit, by key.
pub fn matching(config: &Config, fits: impl Fn(&Task) -> bool) -> BTreeMap<&str, &Task> {
    config.tasks.iter().filter(|(_, task)| fits(task)).map(|(key, task)| (key.as_str(), task)).collect()
}

/// The one that was named; without a name the only one there is. `what` is its word, for example `service`.
pub fn one<'a, T: Copy>(
    what: &str,
    there: &BTreeMap<&'a str, T>,
    named: Option<&str>,
) -> Result<(&'a str, T), Error> {
    let known = || there.keys().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
    match (named, there.len()) {
        (_, 0) => Err(Error::new(ExitStatus::Usage, format!("the stack file has no {what}"))),
        (Some(name), _) => there.get_key_value(name).map(|(key, value)| (*key, *value)).ok_or_else(|| {
            let error = Error::new(ExitStatus::Usage, format!("the stack file has no {what} `{name}`"));
            let alike = |key: &str| strsim::jaro_winkler(key, name);
            let nearest = there.keys().copied().max_by(|a, b| alike(a).total_cmp(&alike(b)));
            match nearest.filter(|key| alike(key) > 0.8) {
                Some(nearest) => error.hint(format!("did you mean `{nearest}`?")),
                None => error.hint(format!("there is {}", known())),
            }
        }),
        (None, 1) => there
            .iter()
            .next()
            .map(|(key, value)| (*key, *value))
            .ok_or_else(|| Error::bug("an empty map has one entry")),
        (None, count) => Err(Error::new(ExitStatus::Usage, format!("name one of the {count} {what}s"))
            .hint(format!("there are {}", known()))),
    }
}

/// Each that was named, or all when none is.
pub fn several<'a, T: Copy>(
    what: &str,
    there: &BTreeMap<&'a str, T>,
    named: &[String],
) -> Result<BTreeMap<&'a str, T>, Error> {
    if named.is_empty() {
        return Ok(there.clone());
    }
    named.iter().map(|name| one(what, there, Some(name))).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn there() -> BTreeMap<&'static str, u8> {
        BTreeMap::from([("web", 1), ("worker", 2)])
    }

    #[test]
    fn nothing_is_chosen_silently() {
        let none = one("service", &there(), None).unwrap_err();
        assert_eq!(none.message(), "name one of the 2 services");
        let wrong = one("service", &there(), Some("wroker")).unwrap_err();
        assert_eq!(wrong.hints(), ["did you mean `worker`?"]);
        let far = one("service", &there(), Some("zzz")).unwrap_err();
        assert_eq!(far.hints(), ["there is `web`, `worker`"]);
        assert_eq!(far.exit(), ExitStatus::Usage);
        assert!(one("service", &BTreeMap::<&str, u8>::new(), None).is_err());
    }

    #[test]
    fn what_is_named_is_taken_and_the_only_one_needs_no_name() {
        assert_eq!(one("service", &there(), Some("web")).unwrap(), ("web", 1));
        assert_eq!(one("service", &BTreeMap::from([("web", 1)]), None).unwrap(), ("web", 1));
        assert_eq!(several("service", &there(), &[]).unwrap().len(), 2);
        assert!(several("service", &there(), &["web".to_owned(), "x".to_owned()]).is_err());
    }
}
