//! What the files of a repository tell: its name on GitHub, the branch that is applied, the port of the image.

/// What a Dockerfile tells of its image: its last stage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dockerfile {
    /// The first TCP port that it exposes.
    pub port: Option<u16>,
    /// It says what runs (`CMD` or `ENTRYPOINT`).
    pub runs: bool,
}

/// Reads a Dockerfile. What stands in a variable is not known.
pub fn dockerfile(text: &str) -> Dockerfile {
    let mut found = Dockerfile::default();
    for line in instructions(text) {
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line.as_str(), ""));
        match word.to_ascii_uppercase().as_str() {
            "FROM" => found = Dockerfile::default(),
            "CMD" | "ENTRYPOINT" => found.runs = true,
            "EXPOSE" => {
                let port = |word: &str| match word.split_once('/') {
                    Some((port, "tcp")) => port.parse().ok(),
                    Some(_) => None,
                    None => word.parse().ok(),
                };
                let first = rest.split_whitespace().find_map(port);
                found.port = found.port.or(first.filter(|port| *port > 0));
            }
            _ => {}
        }
    }
    found
}

/// The lines without comments, those that end with a backslash joined.
fn instructions(text: &str) -> Vec<String> {
    let mut all = vec![];
    let mut open = String::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(begin) = line.strip_suffix('\\') {
            open.push_str(begin);
            open.push(' ');
        } else {
            all.push(std::mem::take(&mut open) + line);
        }
    }
    all.push(open);
    all
}

/// The repository (`owner/name`) that `origin` of a Git configuration leads to.
pub fn repository(config: &str) -> Option<String> {
    let mut in_origin = false;
    let mut url = None;
    for line in config.lines().map(str::trim) {
        if line.starts_with('[') {
            in_origin = line == r#"[remote "origin"]"#;
        } else if in_origin
            && let Some((key, value)) = line.split_once('=')
            && key.trim() == "url"
        {
            url = url.or(Some(value.trim()));
        }
    }
    let url = url?;
    // `scheme://[user@]host/owner/name`, or `[user@]host:owner/name`.
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?.1,
        None => url.split_once(':')?.1,
    };
    let path = path.trim_end_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let (owner, name) = path.split_once('/')?;
    (is_repository(owner) && is_repository(name)).then(|| path.to_owned())
}

/// One half of a repository's name.
fn is_repository(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty() && text.len() <= 100 && text.chars().all(fits) && !text.starts_with('.')
}

/// The branch that `refs/remotes/origin/HEAD` names.
pub fn default_branch(head: &str) -> Option<String> {
    head.trim().strip_prefix("ref: refs/remotes/origin/").filter(|name| !name.is_empty()).map(str::to_owned)
}

/// A name for an application from that of a repository or a folder: what an application's name cannot have becomes `-`.
pub fn app_name(text: &str) -> Option<String> {
    let fits = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '-' };
    let name: String = text.chars().map(fits).take(64).collect();
    let name = name.trim_matches(['-', '_']);
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_the_first_tcp_port_of_the_last_stage() {
        for (text, port, runs) in [
            ("FROM scratch\nEXPOSE 8080\nCMD [\"/run\"]\n", Some(8080), true),
            ("from a AS build\nexpose 1\nENTRYPOINT x\nFROM b\n", None, false),
            ("FROM a\nEXPOSE 53/udp 443/tcp 80\n", Some(443), false),
            ("FROM a\nEXPOSE $PORT\n# EXPOSE 1\nEXPOSE \\\n  9000\n", Some(9000), false),
            ("FROM a\nEXPOSE 0 70000\n", None, false),
            ("", None, false),
        ] {
            assert_eq!(dockerfile(text), Dockerfile { port, runs }, "{text}");
        }
    }

    #[test]
    fn the_repository_is_where_origin_leads() {
        let config = |url: &str| {
            format!(
                "[core]\n\turl = wrong\n[remote \"origin\"]\n\turl = {url}\n\tfetch = x\n[remote \"b\"]\n\turl = https://github.com/b/b\n"
            )
        };
        for url in [
            "git@github.com:octo/my.app.git",
            "https://github.com/octo/my.app",
            "https://github.com/octo/my.app.git/",
            "ssh://git@github.example:22/octo/my.app.git",
        ] {
            assert_eq!(repository(&config(url)).as_deref(), Some("octo/my.app"), "{url}");
        }
        for url in
            ["/srv/git/app", "https://github.com/octo", "git@github.com:a/b/c", "git@h:$(id)/x", "git@h:../x"]
        {
            assert_eq!(repository(&config(url)), None, "{url}");
        }
        assert_eq!(repository("[remote \"upstream\"]\nurl = git@github.com:a/b\n"), None);
    }

    #[test]
    fn names_and_branches_are_read() {
        assert_eq!(default_branch("ref: refs/remotes/origin/trunk\n").as_deref(), Some("trunk"));
        assert_eq!(default_branch("00000000"), None);
        assert_eq!(app_name("My.App").as_deref(), Some("my-app"));
        assert_eq!(app_name("..."), None);
    }
}
