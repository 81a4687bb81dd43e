//! Names and the limits that AWS puts on them.

/// How many tags a user can give a resource: AWS takes 50, and the rest is for the tags that show whose a resource is.
pub const TAGS_MAX: usize = 40;

/// The application's name as it stands in the names of roles and policies: each part between `-` and `_` with a capital first
/// letter, and joined (`http-test` → `HttpTest`).
pub fn normal_name(app: &str) -> String {
    app.split(['-', '_'])
        .flat_map(|part| {
            let mut chars = part.chars();
            chars
                .next()
                .map(|first| first.to_ascii_uppercase())
                .into_iter()
                .chain(chars)
        })
        .collect()
}
