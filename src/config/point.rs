//! A message about a place of a file that was loaded earlier.

use super::diagnostic::{Diagnostic, escape};
use super::load::Loaded;
use super::source::{Seg, Source, Spot};

/// The place in the loaded file where the value at `route` (keys and list indexes) stands, with this message; `None` when
/// the route is empty.
pub fn point(loaded: &Loaded, route: &[String], message: &str, hint: Option<String>) -> Option<Diagnostic> {
    if route.is_empty() {
        return None;
    }
    let segment = |part: &String| part.parse().map_or_else(|_| Seg::Key(part.clone()), Seg::Index);
    let path: Vec<Seg> = route.iter().map(segment).collect();
    let file = loaded.path.display().to_string();
    let diagnostic = Source::new(&file, &loaded.text).diagnostic(&path, Spot::Value, message, None);
    Some(Diagnostic { hint: hint.map(|hint| escape(&hint)), ..diagnostic })
}
